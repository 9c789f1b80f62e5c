//! What a test and the loaded module share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

use cryptoki_sys::{CK_RV, CKR_OK};

/// No function.
pub(crate) const NONE: usize = usize::MAX;

/// The functions that are counted and can be ordered to fail.
pub(crate) const FUNCTIONS: [&str; 21] = [
    "C_Initialize",
    "C_Finalize",
    "C_GetSlotList",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_OpenSession",
    "C_CloseSession",
    "C_Login",
    "C_SetPIN",
    "C_GetAttributeValue",
    "C_SetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_EncryptInit",
    "C_Encrypt",
    "C_DecryptInit",
    "C_Decrypt",
    "C_GenerateKey",
    "C_DestroyObject",
    "C_WrapKey",
    "C_UnwrapKey",
];

/// The place of `name` in [`FUNCTIONS`]; [`NONE`] if it is not there.
pub(crate) fn place(name: &str) -> usize {
    FUNCTIONS.iter().position(|known| *known == name).unwrap_or(NONE)
}

/// Who makes the IV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
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

/// Counters and orders; all zero is "pass everything on".
#[repr(C)]
pub struct Control {
    pub(crate) calls: [AtomicU64; FUNCTIONS.len()],
    pub(crate) fail_at: AtomicUsize,
    pub(crate) fail_code: AtomicU64,
    pub(crate) fail_times: AtomicU64,
    pub(crate) hang_at: AtomicUsize,
    pub(crate) hanging: AtomicU64,
    pub(crate) iv: AtomicUsize,
    pub(crate) max_sessions: AtomicU64,
    pub(crate) sessions: AtomicU64,
    pub(crate) close_sessions: AtomicBool,
}

impl Control {
    pub(crate) const fn new() -> Self {
        Self {
            calls: [const { AtomicU64::new(0) }; FUNCTIONS.len()],
            fail_at: AtomicUsize::new(NONE),
            fail_code: AtomicU64::new(0),
            fail_times: AtomicU64::new(0),
            hang_at: AtomicUsize::new(NONE),
            hanging: AtomicU64::new(0),
            iv: AtomicUsize::new(0),
            max_sessions: AtomicU64::new(u64::MAX),
            sessions: AtomicU64::new(0),
            close_sessions: AtomicBool::new(false),
        }
    }

    /// Counts a call, hangs if ordered, and says what it returns instead of being passed on.
    pub(crate) fn before(&self, name: &str) -> CK_RV {
        let place = place(name);
        if let Some(calls) = self.calls.get(place) {
            calls.fetch_add(1, SeqCst);
        }
        if self.hang_at.load(SeqCst) == place {
            self.hanging.fetch_add(1, SeqCst);
            while self.hang_at.load(SeqCst) == place {
                std::thread::yield_now();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            self.hanging.fetch_sub(1, SeqCst);
        }
        let ordered = self.fail_at.load(SeqCst) == place
            && self
                .fail_times
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                .is_ok();
        if ordered {
            self.fail_code.load(SeqCst)
        } else {
            CKR_OK
        }
    }
}
