//! What a test orders.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::control::{Behind, Control, Iv};

/// Puts a copy of the module into `directory`, as `NAME.so`, before the real module at `real`. Each copy
/// takes its own orders ([`Orders::of`]), in whatever processes it is loaded.
///
/// # Errors
/// Of the file system, and where cargo did not build the shim beside the running test.
pub fn install(directory: &Path, name: &str, real: &Path) -> io::Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let library = binary.with_file_name("libpkcs11_shim.so");
    let module = directory.join(format!("{name}.so"));
    std::fs::copy(library, &module)?;
    std::fs::write(crate::real_file(&module), real.as_os_str().as_encoded_bytes())?;
    Control::create(&module)?;
    Ok(module)
}

/// Orders to one copy of the module, and what it counted.
#[derive(Clone, Copy)]
pub struct Orders(&'static Control);

impl Orders {
    /// The orders of the copy at `module`, from any process.
    ///
    /// # Errors
    /// Where [`install`] did not make it.
    pub fn of(module: &Path) -> io::Result<Self> {
        Control::of(module).map(Self)
    }

    /// How often `function` (such as `C_Encrypt`) was called.
    pub fn calls(&self, function: &str) -> u64 {
        self.0.function(function).calls.load(SeqCst)
    }

    /// The next `times` calls of `function` return `code` and are not passed on. Other functions'
    /// orders stay.
    pub fn fail(&self, function: &str, code: u64, times: u64) {
        let function = self.0.function(function);
        function.fail_times.store(0, SeqCst);
        function.fail_code.store(code, SeqCst);
        function.fail_times.store(times, SeqCst);
    }

    /// How many failures of `function` are still to come.
    pub fn failures_left(&self, function: &str) -> u64 {
        self.0.function(function).fail_times.load(SeqCst)
    }

    /// The next `times` outputs of `function` (C_Encrypt or C_Decrypt) that are not empty have a bit
    /// changed.
    pub fn corrupt(&self, function: &str, times: u64) {
        self.0.function(function).corrupt_times.store(times, SeqCst);
    }

    /// The next call of `function` ends the process with SIGSEGV.
    pub fn crash(&self, function: &str) {
        self.0.function(function).crash_times.store(1, SeqCst);
    }

    /// Calls of `function` hang until [`Self::release`].
    pub fn hang(&self, function: &str) {
        self.0.function(function).hang.store(1, SeqCst);
    }

    /// Calls that hang go on.
    pub fn release(&self) {
        for function in self.0.functions() {
            function.hang.store(0, SeqCst);
        }
    }

    /// How many calls hang. Those of a process that was ended count as if they still did.
    pub fn hanging(&self) -> u64 {
        let functions = self.0.functions().iter();
        functions.map(|function| function.hanging.load(SeqCst)).sum()
    }

    /// Every call of `function` takes this much longer, in whole milliseconds.
    pub fn slow(&self, function: &str, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.function(function).slow_millis.store(millis, SeqCst);
    }

    /// Who makes the IV from now on.
    pub fn imitate(&self, iv: Iv) {
        self.0.iv.store(iv as u64, SeqCst);
    }

    /// Most sessions at a time, those open included.
    pub fn limit_sessions(&self, count: u64) {
        self.0.max_sessions.store(count.saturating_add(1), SeqCst);
    }

    /// Sessions that are open, in the process that opened or closed one last.
    pub fn sessions(&self) -> u64 {
        self.0.sessions.load(SeqCst)
    }

    /// Before the next call that uses a session, every session of every token is closed.
    pub fn close_sessions(&self) {
        self.0.behind.store(Behind::Close as u64, SeqCst);
    }

    /// Before the next call that uses a session, the user is logged out.
    pub fn log_out(&self) {
        self.0.behind.store(Behind::LogOut as u64, SeqCst);
    }

    /// Before the next call that uses a session, the module is finalised.
    pub fn finalise(&self) {
        self.0.behind.store(Behind::Finalise as u64, SeqCst);
    }

    /// What every token's flags say besides the truth (`CKF_USER_PIN_LOCKED`, say); 0 ends it.
    pub fn token_flags(&self, flags: u64) {
        self.0.token_flags.store(flags, SeqCst);
    }

    /// The id of the process that initialised the module last; `None` before that.
    pub fn process(&self) -> Option<u32> {
        Some(self.0.process.load(SeqCst)).filter(|id| *id != 0)
    }
}
