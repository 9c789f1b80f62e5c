//! Modules: each loaded and initialised once in a process, whoever uses it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};
use std::time::Duration;

use ambient::{Clock, Moment};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use crate::config::TokenSelector;
use crate::error::OpenError;
use crate::return_codes;

/// A module is not restarted more often than this.
const RESTART_EVERY: Duration = Duration::from_secs(1);

/// Loaded modules stay until the process ends: vendors' libraries do not survive being unloaded.
static LOADED: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// A loaded and initialised module.
pub(crate) struct Module {
    pkcs11: Pkcs11,
    /// Held for reading during every call, for writing while the module restarts. Its value counts
    /// the restarts: a session of an older generation is nothing any more, not even to be closed,
    /// for its handle may belong to a new one.
    generation: RwLock<u64>,
    /// How many sessions each token has open.
    sessions: Mutex<BTreeMap<String, usize>>,
    restarted: Mutex<Option<Moment>>,
}

/// No restart as long as this lives.
pub(crate) struct Running<'a> {
    pub(crate) pkcs11: &'a Pkcs11,
    pub(crate) generation: u64,
    _guard: RwLockReadGuard<'a, u64>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Module {
    /// The module at `path`, loaded by the first who asks. Blocks.
    pub(crate) fn load(path: &Path) -> Result<Arc<Self>, OpenError> {
        let wrong = |error: &dyn std::fmt::Display| OpenError::Module(format!("{}: {error}", path.display()));
        let path = path.canonicalize().map_err(|error| wrong(&error))?;
        let mut loaded = lock(&LOADED);
        if let Some(module) = loaded.get(&path) {
            return Ok(Arc::clone(module));
        }
        let pkcs11 = Pkcs11::new(&path).map_err(|error| wrong(&said(&error)))?;
        initialise(&pkcs11).map_err(|error| wrong(&said(&error)))?;
        let module = Arc::new(Self {
            pkcs11,
            generation: RwLock::new(0),
            sessions: Mutex::new(BTreeMap::new()),
            restarted: Mutex::new(None),
        });
        loaded.insert(path, Arc::clone(&module));
        Ok(module)
    }

    /// The module for one call.
    pub(crate) fn run(&self) -> Running<'_> {
        let guard = self.generation.read().unwrap_or_else(PoisonError::into_inner);
        Running {
            pkcs11: &self.pkcs11,
            generation: *guard,
            _guard: guard,
        }
    }

    /// A session of `token` was opened.
    pub(crate) fn opened(&self, token: &TokenSelector) {
        *lock(&self.sessions).entry(format!("{token:?}")).or_default() += 1;
    }

    /// A session of `token` was closed or given up.
    pub(crate) fn closed(&self, token: &TokenSelector) {
        if let Some(count) = lock(&self.sessions).get_mut(&format!("{token:?}")) {
            *count = count.saturating_sub(1);
        }
    }

    /// Finalises and initialises, unless that would disturb somebody: another token with open
    /// sessions, or any call under way (one that hangs, say). Whether it was done.
    pub(crate) fn restart_for(&self, token: &TokenSelector, clock: &dyn Clock) -> bool {
        let Some(mut generation) = self.stopped() else {
            return false;
        };
        let name = format!("{token:?}");
        let others = lock(&self.sessions)
            .iter()
            .any(|(other, count)| *other != name && *count > 0);
        let now = clock.moment();
        let mut restarted = lock(&self.restarted);
        let too_soon = restarted.is_some_and(|last| now.saturating_since(last) < RESTART_EVERY);
        if others || too_soon {
            return false;
        }
        *restarted = Some(now);
        // Whether it could be finalised does not matter: the module may have forgotten everything.
        let _ = self.pkcs11.clone().finalize();
        *generation = generation.saturating_add(1);
        initialise(&self.pkcs11).is_ok()
    }

    /// Initialises a module that says that it is not, unless a call is under way. Sessions of all
    /// tokens went with whatever happened to it. Whether the next call is worth trying.
    pub(crate) fn start_again(&self, clock: &dyn Clock) -> bool {
        let Some(mut generation) = self.stopped() else {
            return false;
        };
        let now = clock.moment();
        let mut restarted = lock(&self.restarted);
        if restarted.is_some_and(|last| now.saturating_since(last) < RESTART_EVERY) {
            return false;
        }
        *restarted = Some(now);
        match self.pkcs11.initialize(arguments()) {
            Ok(()) => {
                *generation = generation.saturating_add(1);
                true
            }
            // It is after all, or somebody else was quicker: whose sessions are left will show.
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => true,
            Err(_) => false,
        }
    }

    /// The generation, while no call is under way; `None` if one is.
    fn stopped(&self) -> Option<RwLockWriteGuard<'_, u64>> {
        match self.generation.try_write() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A module's refusal by its function and the code's name, for administrators look those up.
fn said(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, function) => format!("C_{function:?} was refused: {}", return_codes::name(*code)),
        other => other.to_string(),
    }
}

fn arguments() -> CInitializeArgs {
    CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)
}

fn initialise(pkcs11: &Pkcs11) -> Result<(), Error> {
    match pkcs11.initialize(arguments()) {
        // Somebody of this process was first; the module is one all the same.
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        other => other,
    }
}
