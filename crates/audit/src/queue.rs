//! What callers and the writer share: the open batch and its bounds.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ambient::{Clock, Moment};

use crate::completion::Completion;
use crate::spare::SpareShop;
use crate::{Head, LogConfig, format};

/// The records collected for the next write, in the layout of the disk, with room for the header
/// in front. Whoever waits is told that it is lost, should the batch be dropped.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: u32,
    pub(crate) first_sequence: u64,
    pub(crate) completion: Arc<Completion>,
}

impl Batch {
    fn starting_at(first_sequence: u64, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(format::BATCH_HEADER_BYTES, 0);
        Self {
            bytes,
            records: 0,
            first_sequence,
            completion: Arc::new(Completion::default()),
        }
    }

    /// Bytes of the records so far.
    pub(crate) fn body_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(format::BATCH_HEADER_BYTES)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.completion.lost();
    }
}

/// Under the one lock that appends take.
pub(crate) struct Queue {
    pub(crate) open: Batch,
    pub(crate) next_sequence: u64,
    /// The writer waits for a wake-up; whoever appends first gives it.
    pub(crate) idle: bool,
    pub(crate) closed: bool,
    pub(crate) failing: Option<(Moment, String)>,
    in_flight_records: usize,
    in_flight_bytes: usize,
    /// When the last batch was taken, and whether others shared it.
    last_taken: Option<Moment>,
    last_shared: bool,
    pub(crate) durable: Head,
}

impl Queue {
    /// Records accepted and not yet durable.
    pub(crate) const fn pending_records(&self) -> usize {
        (self.open.records as usize).saturating_add(self.in_flight_records)
    }

    /// Bytes accepted and not yet durable.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.open.body_bytes().saturating_add(self.in_flight_bytes)
    }
}

pub(crate) struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Nanoseconds of the moment when the write under way began; [`NOT_SYNCING`] if none is.
    syncing_since: AtomicU64,
    pub(crate) spares: SpareShop,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: LogConfig,
}

const NOT_SYNCING: u64 = u64::MAX;

impl Shared {
    pub(crate) fn new(durable: Head, clock: Arc<dyn Clock>, config: LogConfig, spares: SpareShop) -> Self {
        Self {
            queue: Mutex::new(Queue {
                open: Batch::starting_at(durable.records, Vec::new()),
                next_sequence: durable.records,
                idle: false,
                closed: false,
                failing: None,
                in_flight_records: 0,
                in_flight_bytes: 0,
                last_taken: None,
                last_shared: false,
                durable,
            }),
            wake: Condvar::new(),
            syncing_since: AtomicU64::new(NOT_SYNCING),
            spares,
            clock,
            config,
        }
    }

    /// The queue stays consistent at every step, so a panic elsewhere does not spoil it.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wake_writer(&self) {
        self.wake.notify_one();
    }

    /// Waits for records and takes all of them; `spent` is a buffer to go on with. `None` once the
    /// log is closed and nothing is left.
    pub(crate) fn take(&self, spent: Vec<u8>) -> Option<Batch> {
        let mut queue = self.queue();
        while queue.open.records == 0 {
            if queue.closed {
                return None;
            }
            queue.idle = true;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.idle = false;
        queue = self.gather(queue);
        queue.last_taken = Some(self.clock.moment());
        queue.last_shared = queue.open.records > 1;
        queue.in_flight_records = queue.open.records as usize;
        queue.in_flight_bytes = queue.open.body_bytes();
        let next = Batch::starting_at(queue.next_sequence, spent);
        let batch = mem::replace(&mut queue.open, next);
        self.syncing_since
            .store(self.clock.moment().as_nanos(), Ordering::Relaxed);
        Some(batch)
    }

    /// Where records come together, lets them: the next sync begins no sooner than the pace allows.
    fn gather<'q>(&self, queue: MutexGuard<'q, Queue>) -> MutexGuard<'q, Queue> {
        let Some(last) = queue.last_taken.filter(|_| queue.last_shared) else {
            return queue;
        };
        let since = self.clock.moment().saturating_since(last);
        let rest = self.config.pace().saturating_sub(since);
        if rest.is_zero() {
            return queue;
        }
        let half = (
            self.config.max_pending_records / 2,
            self.config.max_pending_bytes / 2,
        );
        let gather = |queue: &mut Queue| {
            !queue.closed && queue.pending_records() < half.0 && queue.pending_bytes() < half.1
        };
        let waited = self.wake.wait_timeout_while(queue, rest, gather);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The batch under way is durable: publishes the head before anybody who waits goes on.
    pub(crate) fn landed(&self, head: Head) {
        self.syncing_since.store(NOT_SYNCING, Ordering::Relaxed);
        let mut queue = self.queue();
        queue.in_flight_records = 0;
        queue.in_flight_bytes = 0;
        queue.failing = None;
        queue.durable = head;
    }

    /// The medium fails: nobody waits for it any longer, and appends are refused. What was
    /// accepted is written all the same, once that works; who appends then waits anew.
    pub(crate) fn failed(&self, since: Moment, cause: String) {
        let mut queue = self.queue();
        mem::take(&mut queue.open.completion).lost();
        queue.failing = Some((since, cause));
    }

    pub(crate) fn syncing_since(&self) -> Option<Moment> {
        match self.syncing_since.load(Ordering::Relaxed) {
            NOT_SYNCING => None,
            nanos => Some(Moment::from_nanos(nanos)),
        }
    }
}
