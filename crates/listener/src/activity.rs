//! What a connection is doing now, and so when it has to end.
//!
//! Plain atomics: the socket, the requests and the connection's task note what happens, and only
//! the task, when it has nothing to do, asks for the next expiry. No timer is touched otherwise.

use std::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, Release, SeqCst},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use ambient::{Clock, Moment};

use crate::counters::Counters;
use crate::incoming::Deadline;
use crate::limits::{Deadlines, Limits};

/// What all connections of a listener share.
pub(crate) struct Common {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Counters,
    /// Bytes of request bodies being collected, beyond what each connection has of its own.
    pub(crate) body_bytes: AtomicUsize,
    /// How many may be.
    pub(crate) body_bytes_bound: AtomicUsize,
    /// HTTP/2 requests under way, the first of each connection not counted. May be below zero for
    /// the moment between two steps of one that begins and one that ends.
    pub(crate) requests: AtomicIsize,
    /// How many may be.
    pub(crate) requests_bound: AtomicUsize,
}

/// Largest heads that may be under way together on one HTTP/2 connection: 64 requests of 2,048
/// bytes each. More would let one connection cost a megabyte, and a thousand all there is.
const HTTP2_HEADS: usize = 8;

/// Why a connection ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    FirstByte,
    Headers,
    Answer,
    Idle,
    Linger,
}

/// No byte of a request yet.
const FRESH: u8 = 0;
/// HTTP/1.1: a request's head is arriving.
pub(crate) const READING: u8 = 1;
/// A request is with the handler, or its answer on the way.
pub(crate) const BUSY: u8 = 2;
/// Between requests.
const IDLE: u8 = 3;
/// Output is shut down, input is being discarded.
const LINGERING: u8 = 4;
/// That has gone on long enough.
const LINGERED: u8 = 5;

pub(crate) struct Activity {
    pub(crate) common: Arc<Common>,
    pub(crate) limits: Arc<Limits>,
    deadlines: Deadlines,
    /// HTTP/2: many requests at a time, bytes that belong to none.
    multiplexed: bool,
    accepted: Moment,
    /// When the handshake had ended.
    ready: Moment,
    pub(crate) phase: AtomicU8,
    /// Nanoseconds; when the phase began.
    since: AtomicU64,
    /// Nanoseconds; since when output is blocked, 0 if it is not.
    blocked: AtomicU64,
    /// Requests with the handler.
    handling: AtomicU32,
    /// Answers being taken by the protocol.
    answering: AtomicU32,
    requests: AtomicU64,
    /// Requests under way; HTTP/2 only.
    streams: AtomicU32,
    /// Bytes of the heads of requests under way; HTTP/2 only.
    head_bytes: AtomicUsize,
    /// Bytes of request bodies being collected out of the connection's own.
    pub(crate) own_body_bytes: AtomicUsize,
    /// Close once the answers given are out.
    close: AtomicBool,
    /// The server stops, or the connection's credentials are no longer good.
    stop: AtomicBool,
    /// Of the connection's task.
    waker: Mutex<Option<Waker>>,
}

impl std::fmt::Debug for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity")
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl Activity {
    pub(crate) fn new(
        common: Arc<Common>,
        limits: Arc<Limits>,
        deadlines: &Deadlines,
        multiplexed: bool,
        accepted: Moment,
    ) -> Self {
        let ready = common.clock.moment();
        Self {
            common,
            limits,
            deadlines: deadlines.clone(),
            multiplexed,
            accepted,
            ready,
            phase: AtomicU8::new(FRESH),
            since: AtomicU64::new(ready.as_nanos()),
            blocked: AtomicU64::new(0),
            handling: AtomicU32::new(0),
            answering: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            streams: AtomicU32::new(0),
            head_bytes: AtomicUsize::new(0),
            own_body_bytes: AtomicUsize::new(0),
            close: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            waker: Mutex::default(),
        }
    }

    fn now(&self) -> Moment {
        self.common.clock.moment()
    }

    fn enter(&self, phase: u8, since: Moment) {
        // Each follows from the one before it, so no order among all atomics is needed, which would
        // cost the processor a fence for each.
        self.since.store(since.as_nanos(), Relaxed);
        self.phase.store(phase, Release);
    }

    fn since(&self) -> Moment {
        Moment::from_nanos(self.since.load(SeqCst))
    }

    /// Bytes arrived. For HTTP/1.1 after silence: a request begins.
    pub(crate) fn bytes_arrived(&self) {
        if !self.multiplexed && matches!(self.phase.load(SeqCst), FRESH | IDLE) {
            self.enter(READING, self.now());
        }
    }

    /// Output cannot go on until the client takes some.
    pub(crate) fn output_blocked(&self) {
        if self.blocked.load(SeqCst) == 0 {
            self.blocked.store(self.now().as_nanos().max(1), SeqCst);
        }
    }

    /// Output went on.
    pub(crate) fn output_moved(&self) {
        if self.blocked.load(SeqCst) != 0 {
            self.blocked.store(0, SeqCst);
        }
    }

    /// Output has ended; what still arrives is discarded.
    pub(crate) fn lingering(&self) {
        self.enter(LINGERING, self.now());
    }

    /// Enough has been discarded.
    pub(crate) fn end_lingering(&self) {
        self.phase.store(LINGERED, SeqCst);
    }

    pub(crate) fn has_lingered(&self) -> bool {
        self.phase.load(SeqCst) == LINGERED
    }

    /// Whether input may be left unread behind the last answer.
    pub(crate) fn input_unread(&self) -> bool {
        self.close.load(SeqCst) || self.phase.load(SeqCst) == READING
    }

    /// A whole head arrived; says until when an answer to it is of use.
    pub(crate) fn request(&self) -> Deadline {
        let arrived = match (self.multiplexed, self.phase.load(SeqCst)) {
            // A pipelined request, already here: its time begins where the answer before it ended.
            (false, READING | IDLE) => self.since(),
            _ => self.now(),
        };
        let earlier = self.requests.fetch_add(1, SeqCst);
        self.handling.fetch_add(1, SeqCst);
        self.phase.store(BUSY, Release);
        let first_in = self.deadlines.first_request;
        let opened_ahead = arrived.saturating_since(self.ready) > first_in;
        let first = earlier == 0 && !opened_ahead;
        let at = if first {
            self.accepted.saturating_add(first_in)
        } else {
            arrived.saturating_add(self.deadlines.later_request)
        };
        Deadline { at, first, arrived }
    }

    /// Counts an HTTP/2 request until [`Self::release_stream`]; false when the listener has too
    /// many, and the request is counted all the same.
    pub(crate) fn reserve_stream(&self) -> bool {
        if self.streams.fetch_add(1, SeqCst) == 0 {
            return true;
        }
        let before = self.common.requests.fetch_add(1, SeqCst);
        let bound = self.common.requests_bound.load(SeqCst);
        usize::try_from(before).unwrap_or(0) < bound
    }

    /// The request has ended.
    pub(crate) fn release_stream(&self) {
        if self.streams.fetch_sub(1, SeqCst) > 1 {
            self.common.requests.fetch_sub(1, SeqCst);
        }
    }

    /// Counts a head of this size until [`Self::release_head`]; false when there are too many, and
    /// the head is counted all the same.
    pub(crate) fn reserve_head(&self, bytes: usize) -> bool {
        let most = HTTP2_HEADS.saturating_mul(self.limits.header_bytes as usize);
        self.head_bytes.fetch_add(bytes, SeqCst).saturating_add(bytes) <= most
    }

    /// The request with this head has ended.
    pub(crate) fn release_head(&self, bytes: usize) {
        self.head_bytes.fetch_sub(bytes, SeqCst);
    }

    /// The handler has answered.
    pub(crate) fn answered(&self) {
        self.answering.fetch_add(1, SeqCst);
        self.handling.fetch_sub(1, SeqCst);
        if self.multiplexed {
            self.since.store(self.now().as_nanos(), SeqCst);
        }
    }

    /// An answer was taken by the protocol, or given up; or a request was given up unanswered.
    pub(crate) fn finished(&self, answered: bool) {
        let count = if answered { &self.answering } else { &self.handling };
        count.fetch_sub(1, SeqCst);
        if self.handling.load(SeqCst) == 0 && self.answering.load(SeqCst) == 0 {
            self.enter(IDLE, self.now());
            if self.multiplexed {
                // This is another task: the connection's own may sleep without a timer.
                self.wake();
            }
        }
    }

    pub(crate) fn close_after_answer(&self) {
        self.close.store(true, SeqCst);
    }

    pub(crate) fn closes_after_answer(&self) -> bool {
        self.close.load(SeqCst)
    }

    /// Asks the connection to finish what it has and end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, SeqCst);
        self.wake();
    }

    /// From now on the connection's task is woken through `waker`. It stays until another takes its
    /// place, so that the task need not give it again in each turn.
    pub(crate) fn wake_through(&self, waker: &Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(SeqCst) || (self.multiplexed && self.close.load(SeqCst))
    }

    /// When this connection has to end unless something happens before; `None` while a handler
    /// works, which has its own deadline.
    pub(crate) fn expiry(&self) -> Option<(Moment, Timeout)> {
        let limits = &self.limits;
        let blocked = self.blocked.load(SeqCst);
        if blocked != 0 {
            let since = Moment::from_nanos(blocked);
            return Some((since.saturating_add(limits.answer), Timeout::Answer));
        }
        let (limit, timeout) = match self.phase.load(SeqCst) {
            FRESH => (limits.first_byte, Timeout::FirstByte),
            READING => (limits.headers, Timeout::Headers),
            // An HTTP/2 client is told to go, and may never confirm that it heard.
            IDLE if self.stopping() => (limits.linger, Timeout::Idle),
            IDLE => (limits.idle, Timeout::Idle),
            LINGERING => (limits.linger, Timeout::Linger),
            _ if self.handling.load(SeqCst) > 0 => return None,
            _ => (limits.answer, Timeout::Answer),
        };
        Some((self.since().saturating_add(limit), timeout))
    }
}
