//! How often a key version has encrypted: reserved durably in blocks before it is used.
//!
//! AES-GCM with random IVs of 96 bits holds for 2^32 messages under one key (NIST SP 800-38D, section
//! 8.3). The store knows an upper bound: after a crash what was left of a block is lost, and no
//! encryption is forgotten.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use key_manager::{KeyManagerError, KeyVersion};
use tokio::sync::Notify;

/// Encryptions reserved at a time.
pub(crate) const BLOCK: u64 = 1 << 20;

/// From here on the key's instances are degraded and the log warns: three quarters of what is
/// allowed. At 1,800 requests a second 6.9 days are left.
pub(crate) const WARNING: u64 = 3 << 30;

/// What may still be given out, in memory.
pub(crate) struct Counter {
    given: AtomicU64,
    /// What the store has reserved.
    limit: AtomicU64,
    /// Whether more has been asked for.
    asked: AtomicBool,
    failures: AtomicU64,
    changed: Notify,
}

enum Take {
    Taken { low: bool },
    Empty,
    Exhausted,
}

/// The reservation that follows `reserved`.
pub(crate) const fn next_block(reserved: u64) -> u64 {
    let next = reserved.saturating_add(BLOCK);
    if next < KeyVersion::MAX_ENCRYPTIONS {
        next
    } else {
        KeyVersion::MAX_ENCRYPTIONS
    }
}

impl Counter {
    /// After a start: everything that was reserved counts as used.
    pub(crate) const fn new(reserved: u64) -> Self {
        Self {
            given: AtomicU64::new(reserved),
            limit: AtomicU64::new(reserved),
            asked: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            changed: Notify::const_new(),
        }
    }

    /// Takes one encryption; waits for a reservation if none is left. `ask` is called when it is time to
    /// reserve more, once for each block.
    pub(crate) async fn take(&self, ask: impl Fn()) -> Result<(), KeyManagerError> {
        let failures = self.failures.load(Ordering::Acquire);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let short = match self.try_take() {
                Take::Taken { low: false } => return Ok(()),
                Take::Taken { low: true } => false,
                Take::Empty => true,
                Take::Exhausted => return Err(KeyManagerError::Exhausted),
            };
            if !self.asked.swap(true, Ordering::AcqRel) {
                ask();
            }
            if !short {
                return Ok(());
            }
            changed.await;
            if self.failures.load(Ordering::Acquire) != failures {
                let why = "no encryptions could be reserved in the database";
                return Err(KeyManagerError::Unavailable(why.to_owned()));
            }
        }
    }

    fn try_take(&self) -> Take {
        let limit = self.limit.load(Ordering::Acquire);
        let next = |given: u64| (given < limit).then_some(given + 1);
        match self.given.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(before) => Take::Taken {
                low: limit < KeyVersion::MAX_ENCRYPTIONS && limit - before <= BLOCK / 2,
            },
            Err(_) if limit >= KeyVersion::MAX_ENCRYPTIONS => Take::Exhausted,
            Err(_) => Take::Empty,
        }
    }

    /// The store has reserved up to `limit`.
    pub(crate) fn raise(&self, limit: u64) {
        self.limit.fetch_max(limit, Ordering::AcqRel);
        self.asked.store(false, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Everything up to `reserved` counts as used, for it may have been before the store was restored.
    pub(crate) fn skip(&self, reserved: u64) {
        self.given.fetch_max(reserved, Ordering::AcqRel);
        self.raise(reserved);
    }

    /// A reservation failed: those who wait are told, and the next asks again.
    pub(crate) fn fail(&self) {
        self.asked.store(false, Ordering::Release);
        self.failures.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// What the store has reserved.
    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Acquire)
    }
}
