//! What a test and the loaded module share: memory of a file beside the module, so that the module may
//! be in another process.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use cryptoki_sys::{CK_RV, CKR_OK};
use rustix::mm::{MapFlags, ProtFlags, mmap};

/// The functions that are counted and take orders.
pub(crate) const FUNCTIONS: [&str; 25] = [
    "C_Initialize",
    "C_Finalize",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_OpenSession",
    "C_CloseSession",
    "C_Login",
    "C_SetPIN",
    "C_GetAttributeValue",
    "C_SetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_EncryptInit",
    "C_Encrypt",
    "C_DecryptInit",
    "C_Decrypt",
    "C_GenerateKey",
    "C_DestroyObject",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_GenerateRandom",
];

/// Who makes the IV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Iv {
    /// As the real module does it.
    AsIs = 0,
    /// The token, appended to the output: as Luna in FIPS mode.
    Appended = 1,
    /// The token, into a buffer of zeros: as CloudHSM.
    Filled = 2,
    /// The token should, and leaves the zeros: as no product should.
    LeftZero = 3,
}

/// What happens behind our back, once, before the next call that uses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Behind {
    Nothing = 0,
    /// Every session of every token is closed.
    Close = 1,
    /// The user is logged out.
    LogOut = 2,
    /// The module is finalised.
    Finalise = 3,
}

/// What is special about calls of one function.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Function {
    pub(crate) calls: AtomicU64,
    pub(crate) fail_code: AtomicU64,
    pub(crate) fail_times: AtomicU64,
    pub(crate) corrupt_times: AtomicU64,
    pub(crate) crash_times: AtomicU64,
    /// Not 0: calls hang.
    pub(crate) hang: AtomicU64,
    pub(crate) hanging: AtomicU64,
    pub(crate) slow_millis: AtomicU64,
}

/// Counters and orders; all zero is "pass everything on".
#[repr(C)]
#[derive(Default)]
pub(crate) struct Control {
    functions: [Function; FUNCTIONS.len()],
    pub(crate) iv: AtomicU64,
    /// Most sessions at a time and one more; 0 is no limit.
    pub(crate) max_sessions: AtomicU64,
    pub(crate) sessions: AtomicU64,
    pub(crate) behind: AtomicU64,
    /// Added to what C_GetTokenInfo says.
    pub(crate) token_flags: AtomicU64,
    /// The process that initialised the module last.
    pub(crate) process: AtomicU32,
}

/// Takes one of `times`, if one is left.
pub(crate) fn take(times: &AtomicU64) -> bool {
    times
        .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

impl Control {
    /// The file beside the module at `module`.
    pub(crate) fn file(module: &Path) -> PathBuf {
        module.with_extension("control")
    }

    /// Makes that file, all zero.
    pub(crate) fn create(module: &Path) -> io::Result<()> {
        File::create(Self::file(module))?.set_len(size_of::<Self>() as u64)
    }

    /// That file in memory, for good.
    pub(crate) fn of(module: &Path) -> io::Result<&'static Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Self::file(module))?;
        if file.metadata()?.len() != size_of::<Self>() as u64 {
            return Err(io::Error::other("the shim's control file is of another build"));
        }
        let (len, protection) = (size_of::<Self>(), ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping, of a place that the system chooses.
        let memory = unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, &file, 0)? };
        // SAFETY: it has the structure's length and a page's alignment, is never unmapped, and holds
        // atomic integers alone, for which every content is one.
        unsafe { memory.cast::<Self>().as_ref() }.ok_or_else(|| io::Error::other("no memory"))
    }

    /// What is special about `name`.
    ///
    /// # Panics
    /// If the shim does not know it: an order would be in vain.
    #[expect(clippy::panic, reason = "a test that orders nothing must not pass")]
    pub(crate) fn function(&self, name: &str) -> &Function {
        let place = FUNCTIONS.iter().position(|known| *known == name);
        place
            .and_then(|place| self.functions.get(place))
            .unwrap_or_else(|| panic!("the shim does not know {name}"))
    }

    pub(crate) fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Counts a call, is slow, hangs or crashes if ordered, and says what it returns instead of being
    /// passed on.
    pub(crate) fn before(&self, name: &str) -> CK_RV {
        let function = self.function(name);
        function.calls.fetch_add(1, SeqCst);
        if take(&function.crash_times) {
            crash();
        }
        let slow = function.slow_millis.load(SeqCst);
        if slow > 0 {
            std::thread::sleep(std::time::Duration::from_millis(slow));
        }
        if function.hang.load(SeqCst) != 0 {
            function.hanging.fetch_add(1, SeqCst);
            while function.hang.load(SeqCst) != 0 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            function.hanging.fetch_sub(1, SeqCst);
        }
        if take(&function.fail_times) {
            function.fail_code.load(SeqCst)
        } else {
            CKR_OK
        }
    }
}

/// Ends the process as a library does that reads where nothing is.
fn crash() -> ! {
    let process = rustix::process::getpid();
    let _ = rustix::process::kill_process(process, rustix::process::Signal::SEGV);
    std::process::abort()
}
