//! Log lines about callers who are no actors: any user of the machine may be one, as often as they
//! like, and must not fill the log.

use std::sync::atomic::{AtomicU64, Ordering};

use ambient::Timestamp;

/// One line a second; how many more there were is told with the next.
#[derive(Default)]
pub(super) struct Strangers {
    /// The second of the last line.
    last: AtomicU64,
    left_out: AtomicU64,
}

impl Strangers {
    /// Whether a line may be written now, and how many calls were left out since the last.
    pub(super) fn line(&self, now: Timestamp) -> Option<u64> {
        let now = now.as_secs();
        if self.last.swap(now, Ordering::Relaxed) == now {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.left_out.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_the_rest_are_counted() {
        let strangers = Strangers::default();
        let now = Timestamp::from_secs(7);
        assert_eq!([(); 3].map(|()| strangers.line(now)), [Some(0), None, None]);
        let next = Timestamp::from_secs(8);
        assert_eq!([(); 2].map(|()| strangers.line(next)), [Some(2), None]);
        assert_eq!(strangers.line(Timestamp::from_secs(9)), Some(1));
    }
}
