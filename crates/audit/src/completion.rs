//! The promise of a batch: waited for by many, completed once.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::RecordId;
use crate::delivery::Delivery;

/// The proof that a record is durable. Only the log makes one, after the sync of the record's
/// batch has returned.
#[derive(Debug)]
pub struct Receipt {
    id: RecordId,
}

impl Receipt {
    /// The record's own id.
    pub const fn record_id(&self) -> RecordId {
        self.id
    }

    /// The record's place in the log.
    pub fn sequence(&self) -> u64 {
        self.id.sequence()
    }
}

/// The log could not confirm the record: its medium fails, or it was closed. The record may still
/// become durable later, so that an answer it speaks of must not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit record could not be made durable")]
pub struct RecordLost;

const WAITING: u8 = 0;
const DURABLE: u8 = 1;
const LOST: u8 = 2;

/// What all records of one batch wait for.
#[derive(Default)]
pub(crate) struct Completion {
    outcome: AtomicU8,
    wakers: Mutex<Vec<Waker>>,
}

impl Completion {
    /// Only the writer calls this, after the sync returned.
    pub(crate) fn durable(&self, delivery: &Delivery) {
        delivery.wake(self.complete(DURABLE));
    }

    pub(crate) fn lost(&self) {
        self.complete(LOST).into_iter().for_each(Waker::wake);
    }

    /// Wakes those who still wait, and goes on waiting for them.
    pub(crate) fn remind(&self) {
        let waiting = self.wakers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        waiting.iter().for_each(Waker::wake_by_ref);
    }

    fn outcome(&self, id: RecordId) -> Poll<Result<Receipt, RecordLost>> {
        match self.outcome.load(Ordering::Acquire) {
            WAITING => Poll::Pending,
            DURABLE => Poll::Ready(Ok(Receipt { id })),
            _ => Poll::Ready(Err(RecordLost)),
        }
    }

    /// The first outcome stands. Returns those to be woken.
    fn complete(&self, outcome: u8) -> Vec<Waker> {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.outcome.load(Ordering::Acquire) == WAITING {
            self.outcome.store(outcome, Ordering::Release);
        }
        mem::take(&mut *wakers)
    }
}

/// A record on its way to the disk. A future for async code, [`Pending::wait_blocking`] for
/// threads. Dropping it takes nothing back: the record is written all the same.
#[must_use = "the record is durable only once this yields a receipt"]
pub struct Pending {
    /// Gone once the outcome was handed out, so that a record yields one receipt at most.
    completion: Option<Arc<Completion>>,
    id: RecordId,
    slot: Option<usize>,
}

impl Pending {
    pub(crate) const fn new(completion: Arc<Completion>, id: RecordId) -> Self {
        Self {
            completion: Some(completion),
            id,
            slot: None,
        }
    }

    /// The id that the record has, durable or not yet.
    pub const fn record_id(&self) -> RecordId {
        self.id
    }

    /// Blocks this thread until the record is durable or lost. Not for async code.
    pub fn wait_blocking(mut self) -> Result<Receipt, RecordLost> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Yields the outcome once; polled again, it is lost.
impl Future for Pending {
    type Output = Result<Receipt, RecordLost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(completion) = self.completion.take() else {
            return Poll::Ready(Err(RecordLost));
        };
        let id = self.id;
        if let ready @ Poll::Ready(_) = completion.outcome(id) {
            return ready;
        }
        let mut wakers = completion.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        // Completed between the look and the lock: nobody would wake us any more.
        if let ready @ Poll::Ready(_) = completion.outcome(id) {
            return ready;
        }
        match self.slot.and_then(|slot| wakers.get_mut(slot)) {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                self.slot = Some(wakers.len());
                wakers.push(context.waker().clone());
            }
        }
        drop(wakers);
        self.completion = Some(completion);
        Poll::Pending
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
