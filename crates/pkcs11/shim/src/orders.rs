//! What a test orders.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;

use libloading::{Library, Symbol};

use crate::control::{Control, Iv, NONE, place};

/// Orders to the module that this process loaded from one path.
#[derive(Clone, Copy)]
pub struct Orders(&'static Control);

/// The shared library that cargo built beside the running test's binary.
pub fn library() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let library = binary.parent()?.join("libpkcs11_shim.so");
    library.is_file().then_some(library)
}

impl Orders {
    /// The orders of the module at `path`; loads it if it is not loaded. `None` if it is no shim.
    pub fn of(path: &Path) -> Option<Self> {
        // SAFETY: the library is ours, and has no initialisers of its own.
        let library = unsafe { Library::new(path) }.ok()?;
        // SAFETY: `strongroom_shim_control` has this type in every build of this crate.
        let control: Symbol<'_, extern "C" fn() -> *const Control> =
            unsafe { library.get(b"strongroom_shim_control") }.ok()?;
        let control = control();
        // It stays for good, as every module does.
        std::mem::forget(library);
        // SAFETY: the pointer is to a static of the library, which is never unloaded; the layout is
        // that of this build, for cargo builds both from one source.
        unsafe { control.as_ref() }.map(Self)
    }

    /// How often `function` (such as `C_Encrypt`) was called.
    pub fn calls(&self, function: &str) -> u64 {
        self.0
            .calls
            .get(place(function))
            .map_or(0, |calls| calls.load(SeqCst))
    }

    /// The next `times` calls of `function` return `code` and are not passed on.
    pub fn fail(&self, function: &str, code: u64, times: u64) {
        self.0.fail_times.store(0, SeqCst);
        self.0.fail_at.store(place(function), SeqCst);
        self.0.fail_code.store(code, SeqCst);
        self.0.fail_times.store(times, SeqCst);
    }

    /// Calls of `function` hang until [`Self::release`].
    pub fn hang(&self, function: &str) {
        self.0.hang_at.store(place(function), SeqCst);
    }

    /// Calls that hang go on.
    pub fn release(&self) {
        self.0.hang_at.store(NONE, SeqCst);
    }

    /// How many calls hang.
    pub fn hanging(&self) -> u64 {
        self.0.hanging.load(SeqCst)
    }

    /// Who makes the IV from now on.
    pub fn imitate(&self, iv: Iv) {
        self.0.iv.store(iv as usize, SeqCst);
    }

    /// Most sessions at a time, those open included.
    pub fn limit_sessions(&self, count: u64) {
        self.0.max_sessions.store(count, SeqCst);
    }

    /// Sessions that are open.
    pub fn sessions(&self) -> u64 {
        self.0.sessions.load(SeqCst)
    }

    /// Before the next encryption, every session of every token is closed.
    pub fn close_sessions(&self) {
        self.0.close_sessions.store(true, SeqCst);
    }
}
