//! Keeps this process's memory from dumps, debuggers and swap.

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// What [`process`] achieved; `status` and the details of `/readyz` show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardening {
    /// No core dump, no `ptrace` by other processes of this user, `/proc/self/mem` is root's.
    pub not_dumpable: bool,
    /// The core file limit is 0.
    pub no_core_file: bool,
    /// Whether memory stays out of swap.
    pub memory: MemoryLock,
}

/// Whether memory is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLock {
    /// All of it, each page from its first use on.
    Locked,
    /// RLIMIT_MEMLOCK is this many bytes: locking everything would make later allocations fail.
    /// Grant `LimitMEMLOCK=infinity`, or encrypt the swap.
    LimitTooLow {
        /// The limit.
        bytes: u64,
    },
    /// The kernel refused (its errno), e.g. under a seccomp filter.
    Refused {
        /// The number of the error.
        errno: i32,
    },
}

/// Hardens this process, as far as its limits allow. Call it before any secret is read.
pub fn process() -> Hardening {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Hardening {
        not_dumpable: set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok(),
        no_core_file: setrlimit(Resource::Core, none).is_ok(),
        memory: lock_memory(),
    }
}

fn lock_memory() -> MemoryLock {
    if let Some(bytes) = getrlimit(Resource::Memlock).current {
        return MemoryLock::LimitTooLow { bytes };
    }
    let everything = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    match mlockall(everything) {
        Ok(()) => MemoryLock::Locked,
        Err(errno) => MemoryLock::Refused {
            errno: Errno::raw_os_error(errno),
        },
    }
}
