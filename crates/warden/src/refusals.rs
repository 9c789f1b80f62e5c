//! Refusals: recorded in full within a quota, counted beyond it, so that nobody can fill the disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// Counts by key store and reason. Bounded: beyond [`Counts::MAX_LINES`] lines a key store is no
/// longer told apart from the others, and the reasons are constants of the code.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<CountedUnder, u64>>);

impl Counts {
    /// Lines with a key store of their own: some hundred key stores in trouble at a time.
    pub(crate) const MAX_LINES: usize = 4096;
    /// Lines in one record: at under 150 bytes each it stays below a record's 64 KiB.
    pub(crate) const LINES_PER_RECORD: usize = 256;

    pub(crate) fn add(&self, under: CountedUnder) {
        self.add_many(under, 1);
    }

    fn add_many(&self, mut under: CountedUnder, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= Self::MAX_LINES && !counts.contains_key(&under) {
            under.key_store = None;
        }
        let line = counts.entry(under).or_default();
        *line = line.saturating_add(count);
    }

    /// Everything counted since the last call, in portions of one record each.
    pub(crate) fn take(&self) -> Vec<HashMap<CountedUnder, u64>> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut portions = Vec::with_capacity(taken.len().div_ceil(Self::LINES_PER_RECORD));
        let mut lines = taken.into_iter().peekable();
        while lines.peek().is_some() {
            portions.push(lines.by_ref().take(Self::LINES_PER_RECORD).collect());
        }
        portions
    }

    /// Puts counts back that could not be recorded.
    pub(crate) fn put_back(&self, taken: HashMap<CountedUnder, u64>) {
        for (under, count) in taken {
            self.add_many(under, count);
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
        let taken = counts.take().remove(0);
        assert!(counts.take().is_empty());
        counts.add(under.clone());
        counts.put_back(taken);
        assert_eq!(counts.take()[0].get(&under), Some(&2));
    }

    #[test]
    fn lines_are_bounded_and_no_count_is_lost() {
        let counts = Counts::default();
        let random = ambient::SeededRandom::new(7);
        let many = Counts::MAX_LINES + 300;
        for _ in 0..many {
            counts.add(CountedUnder {
                key_store: Some(KeyStoreId::generate(&random).unwrap()),
                authenticated: true,
                reason: "malformed",
            });
        }
        let portions = counts.take();
        let lines: usize = portions.iter().map(HashMap::len).sum();
        assert_eq!(lines, Counts::MAX_LINES + 1);
        assert!(
            portions
                .iter()
                .all(|portion| portion.len() <= Counts::LINES_PER_RECORD)
        );
        let total: u64 = portions.iter().flat_map(HashMap::values).sum();
        assert_eq!(total, many as u64);
    }
}
