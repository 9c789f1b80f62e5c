//! When a credential was last used: noted in memory, written behind.

use std::sync::atomic::{AtomicU64, Ordering};

use ambient::Timestamp;

/// Seconds since 1970; 0 is never. Shared by all snapshots of one credential.
#[derive(Debug, Default)]
pub(crate) struct LastUse {
    seen: AtomicU64,
    written: AtomicU64,
}

impl LastUse {
    pub(crate) fn read_back(seconds: u64) -> Self {
        Self {
            seen: AtomicU64::new(seconds),
            written: AtomicU64::new(seconds),
        }
    }

    /// Notes a use; to the second, so that a busy credential's cache line is seldom written.
    pub(crate) fn note(&self, now: Timestamp) {
        let now = now.as_secs();
        if self.seen.load(Ordering::Relaxed) < now {
            self.seen.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> Option<Timestamp> {
        let seconds = self.seen.load(Ordering::Relaxed);
        (seconds > 0).then(|| Timestamp::from_secs(seconds))
    }

    /// The value to write, if it is newer than what was written.
    pub(crate) fn unwritten(&self) -> Option<u64> {
        let seen = self.seen.load(Ordering::Relaxed);
        (seen > self.written.load(Ordering::Relaxed)).then_some(seen)
    }

    pub(crate) fn wrote(&self, seconds: u64) {
        self.written.fetch_max(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_second_and_written_once() {
        let last = LastUse::default();
        assert_eq!(last.get(), None);
        last.note(Timestamp::from_micros(5_900_000));
        last.note(Timestamp::from_micros(5_100_000));
        assert_eq!(last.get(), Some(Timestamp::from_secs(5)));
        assert_eq!(last.unwritten(), Some(5));
        last.wrote(5);
        assert_eq!(last.unwritten(), None);
    }
}
