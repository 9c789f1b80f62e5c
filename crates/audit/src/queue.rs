//! What callers and the writer share: the open batch and its bounds.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, Moment};

use crate::completion::Completion;
use crate::delivery::Delivery;
use crate::spare::SpareShop;
use crate::{Head, LogConfig, RecordId, format};

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
    /// Somebody asked the writer to take what is there.
    called: bool,
    /// When the open batch got its first record.
    opened: Moment,
    pub(crate) closed: bool,
    pub(crate) failing: Option<(Moment, String)>,
    in_flight_records: usize,
    in_flight_bytes: usize,
    /// Of the batch under way: its first record, and those who wait for it.
    in_flight: Option<(u64, Arc<Completion>)>,
    pub(crate) durable: Head,
}

impl Queue {
    /// Appends a record to the open batch; whether it is the batch's first.
    pub(crate) fn push(&mut self, id: RecordId, clock: &dyn Clock, payload: &[u8]) -> bool {
        let first = self.open.records == 0;
        if first {
            self.opened = clock.moment();
        }
        format::push_record(&mut self.open.bytes, id, clock.now().as_micros(), payload);
        self.open.records = self.open.records.saturating_add(1);
        self.next_sequence = self.next_sequence.saturating_add(1);
        first
    }

    /// What those wait for whose batch was begun by a record before `sequence`.
    pub(crate) fn waiting_since(&self, sequence: u64) -> Vec<Arc<Completion>> {
        let open = (self.open.records > 0).then_some((self.open.first_sequence, &self.open.completion));
        let in_flight = self
            .in_flight
            .as_ref()
            .map(|(first, completion)| (*first, completion));
        let batches = in_flight.into_iter().chain(open);
        let old = batches.filter(|(first, _)| *first < sequence);
        old.map(|(_, completion)| Arc::clone(completion)).collect()
    }

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
    pub(crate) delivery: Delivery,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: LogConfig,
}

const NOT_SYNCING: u64 = u64::MAX;

/// What the open batch waits for.
enum Rest {
    /// Its first record.
    Nothing,
    /// A call, or so much time.
    For(Duration),
}

impl Shared {
    pub(crate) fn new(durable: Head, clock: Arc<dyn Clock>, config: LogConfig, spares: SpareShop) -> Self {
        Self {
            queue: Mutex::new(Queue {
                open: Batch::starting_at(durable.records, Vec::new()),
                next_sequence: durable.records,
                called: false,
                opened: clock.moment(),
                closed: false,
                failing: None,
                in_flight_records: 0,
                in_flight_bytes: 0,
                in_flight: None,
                durable,
            }),
            wake: Condvar::new(),
            syncing_since: AtomicU64::new(NOT_SYNCING),
            spares,
            delivery: Delivery::default(),
            clock,
            config,
        }
    }

    /// The queue stays consistent at every step, so a panic elsewhere does not spoil it.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the writer to take what is there, if anything is.
    pub(crate) fn call(&self) {
        let mut queue = self.queue();
        if queue.open.records > 0 && !mem::replace(&mut queue.called, true) {
            drop(queue);
            self.wake.notify_one();
        }
    }

    /// Nothing is accepted from now on; the writer takes what is left and ends.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.wake.notify_one();
    }

    /// Waits for records and for the call, and takes all of them; `spent` is a buffer to go on with.
    /// `None` once the log is closed and nothing is left.
    pub(crate) fn take(&self, spent: Vec<u8>) -> Option<Batch> {
        let mut queue = self.queue();
        loop {
            let waited = match self.rest(&queue) {
                Rest::Nothing if queue.closed => return None,
                Rest::Nothing => self.wake.wait(queue),
                Rest::For(rest) if rest.is_zero() => break,
                Rest::For(rest) => {
                    let waited = self.wake.wait_timeout(queue, rest);
                    waited
                        .map(|(queue, _)| queue)
                        .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0))
                }
            };
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
        queue.called = false;
        queue.in_flight_records = queue.open.records as usize;
        queue.in_flight_bytes = queue.open.body_bytes();
        let next = Batch::starting_at(queue.next_sequence, spent);
        let batch = mem::replace(&mut queue.open, next);
        queue.in_flight = Some((batch.first_sequence, Arc::clone(&batch.completion)));
        self.syncing_since
            .store(self.clock.moment().as_nanos(), Ordering::Relaxed);
        Some(batch)
    }

    /// How long the open batch may go on collecting.
    fn rest(&self, queue: &Queue) -> Rest {
        if queue.open.records == 0 {
            return Rest::Nothing;
        }
        let half_full = queue.pending_records() >= self.config.max_pending_records / 2
            || queue.pending_bytes() >= self.config.max_pending_bytes / 2;
        if queue.called || queue.closed || half_full {
            return Rest::For(Duration::ZERO);
        }
        let open_for = self.clock.moment().saturating_since(queue.opened);
        Rest::For(self.config.pace().saturating_sub(open_for))
    }

    /// The batch under way is durable: publishes the head before anybody who waits goes on.
    pub(crate) fn landed(&self, head: Head) {
        self.syncing_since.store(NOT_SYNCING, Ordering::Relaxed);
        let mut queue = self.queue();
        queue.in_flight_records = 0;
        queue.in_flight_bytes = 0;
        queue.in_flight = None;
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
