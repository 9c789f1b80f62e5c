//! Refusals: recorded in full within a quota, counted beyond it, so that nobody can fill the disk.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ambient::Moment;

use crate::KeyStoreId;

/// A fixed window of one minute: which minute in the upper half, how many in the lower.
#[derive(Debug, Default)]
pub(crate) struct Quota(AtomicU64);

impl Quota {
    /// Whether one more of at most `per_minute` fits into the minute of `now`.
    pub(crate) fn take(&self, now: Moment, per_minute: u32) -> bool {
        let minute = (now.as_nanos() / 60_000_000_000) & u64::from(u32::MAX);
        let next = |state: u64| {
            let used = if state >> 32 == minute {
                state & u64::from(u32::MAX)
            } else {
                0
            };
            (used < u64::from(per_minute)).then_some(minute << 32 | (used + 1))
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }
}

/// What is counted under one line of the aggregate record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CountedUnder {
    pub(crate) key_store: Option<KeyStoreId>,
    pub(crate) authenticated: bool,
    pub(crate) reason: &'static str,
}

/// Counts by key store and reason. Bounded: there are as many entries as key stores times the
/// constant reasons of the code.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<CountedUnder, u64>>);

impl Counts {
    pub(crate) fn add(&self, under: CountedUnder) {
        if let Ok(mut counts) = self.0.lock() {
            *counts.entry(under).or_default() += 1;
        }
    }

    /// Everything counted since the last call.
    pub(crate) fn take(&self) -> HashMap<CountedUnder, u64> {
        self.0
            .lock()
            .map(|mut counts| std::mem::take(&mut *counts))
            .unwrap_or_default()
    }

    /// Puts counts back that could not be recorded.
    pub(crate) fn put_back(&self, taken: HashMap<CountedUnder, u64>) {
        if let Ok(mut counts) = self.0.lock() {
            for (under, count) in taken {
                *counts.entry(under).or_default() += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_holds_exactly_within_each_minute() {
        let quota = Quota::default();
        let minute = 60_000_000_000;
        for now in [5 * minute, 6 * minute - 1] {
            assert!(quota.take(Moment::from_nanos(now), 2));
        }
        assert!(!quota.take(Moment::from_nanos(6 * minute - 1), 2));
        assert!(quota.take(Moment::from_nanos(6 * minute), 2));
    }

    #[test]
    fn counts_that_could_not_be_recorded_are_kept() {
        let counts = Counts::default();
        let under = CountedUnder {
            key_store: None,
            authenticated: false,
            reason: "bad-signature",
        };
        counts.add(under.clone());
        let taken = counts.take();
        assert!(counts.take().is_empty());
        counts.add(under.clone());
        counts.put_back(taken);
        assert_eq!(counts.take().get(&under), Some(&2));
    }
}
