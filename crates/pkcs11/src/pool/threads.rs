//! What is known of a pool's threads: which there are, what each does, and the calls that wait for one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ambient::Moment;

use super::PATIENCE;
use crate::calls::Call;

/// After the token gave no further session, none is asked for during this time.
const SESSIONS_SCARCE: Duration = Duration::from_secs(1);

/// The calls that wait, and the threads of one pool.
pub(super) struct Threads<T> {
    pub(super) queue: VecDeque<Job<T>>,
    pub(super) threads: BTreeMap<u64, Thread>,
    /// Those without a call.
    pub(super) idle: usize,
    /// Those of them that sleep.
    pub(super) waiting: usize,
    /// Those that were woken or started and did not come to look yet.
    pub(super) coming: usize,
    pub(super) next: u64,
    pub(super) closed: bool,
    pub(super) scarce_since: Option<Moment>,
    /// How long a call takes, smoothed.
    pub(super) pace: Duration,
}

/// A call that waits, or that a thread does.
pub(super) struct Job<T> {
    pub(super) number: u64,
    pub(super) call: Call,
    pub(super) ticket: T,
    pub(super) since: Moment,
}

/// What a thread does.
#[derive(Default)]
pub(super) struct Thread {
    /// The call's number, and when it is due.
    pub(super) job: Option<(u64, Moment)>,
    pub(super) hung: bool,
    pub(super) has_session: bool,
}

/// How many threads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) working: usize,
    pub(crate) hung: usize,
}

impl Count {
    /// Whether a thread more may be started.
    pub(super) const fn room(self, sessions: usize) -> bool {
        self.working < sessions && self.working + self.hung < 2 * sessions
    }

    /// Whether no thread is left, and none may be started.
    pub(crate) const fn all_hang(self, sessions: usize) -> bool {
        self.working == 0 && self.hung >= 2 * sessions
    }
}

impl<T> Threads<T> {
    pub(super) const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            threads: BTreeMap::new(),
            idle: 0,
            waiting: 0,
            coming: 0,
            next: 0,
            closed: false,
            scarce_since: None,
            pace: PATIENCE,
        }
    }

    pub(super) fn count(&self) -> Count {
        let hung = self.threads.values().filter(|thread| thread.hung).count();
        Count {
            working: self.threads.len() - hung,
            hung,
        }
    }

    /// Marks the threads whose call is due, whoever still waits for it.
    pub(super) fn mark_hung(&mut self, now: Moment) {
        for thread in self.threads.values_mut() {
            thread.hung |= thread.job.is_some_and(|(_, due)| now >= due);
        }
    }

    pub(super) fn is_scarce(&self, now: Moment) -> bool {
        self.scarce_since
            .is_some_and(|since| now.saturating_since(since) < SESSIONS_SCARCE)
    }

    /// A thread that was started. It counts as idle from now on, and comes to look.
    pub(super) fn add(&mut self, number: u64) {
        self.threads.insert(number, Thread::default());
        self.idle += 1;
        self.coming += 1;
    }

    pub(super) fn push(&mut self, call: Call, ticket: T, since: Moment) -> u64 {
        let number = self.next;
        self.next += 1;
        self.queue.push_back(Job {
            number,
            call,
            ticket,
            since,
        });
        number
    }

    /// Counts a sleeping thread as coming, if there is one; it is to be notified then.
    pub(super) const fn rouse(&mut self) -> bool {
        let asleep = self.waiting > self.coming;
        if asleep {
            self.coming += 1;
        }
        asleep
    }
}
