//! A worker's way back to its server.

use std::io::Write as _;
use std::mem;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, Moment};

use super::wire::{FromWorker, Outgoing, WireError};
use crate::calls::Answer;
use crate::error::TokenError;
use crate::module::lock;
use crate::object::KeyObject;
use crate::pool::{Desk, Reply};

/// An answer waits so long for others, at most, before all are written.
const HELD: Duration = Duration::from_micros(200);
/// So many bytes are written whether more follow or not.
const ENOUGH: usize = 32 << 10;
/// A list of keys is cut into frames of about so many bytes.
const PART: usize = 256 << 10;

/// Messages that wait to be written together.
pub(super) struct Outbox {
    socket: UnixStream,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Waiting>,
    /// Held while writing; what is written from.
    writing: Mutex<Outgoing>,
}

struct Waiting {
    frames: Outgoing,
    since: Moment,
}

/// The number of a call. Dropped unanswered, for its thread ended, it says so.
pub(super) struct Ticket {
    number: u64,
    outbox: Option<Arc<Outbox>>,
}

impl Outbox {
    pub(super) fn new(socket: UnixStream, clock: Arc<dyn Clock>) -> Self {
        let since = clock.moment();
        Self {
            socket,
            clock,
            waiting: Mutex::new(Waiting {
                frames: Outgoing::new(),
                since,
            }),
            writing: Mutex::new(Outgoing::new()),
        }
    }

    pub(super) fn ticket(self: &Arc<Self>, number: u64) -> Ticket {
        Ticket {
            number,
            outbox: Some(Arc::clone(self)),
        }
    }

    /// Sends a message, and all that waits before it.
    pub(super) fn send(&self, message: &FromWorker) {
        self.add(message);
        self.flush();
    }

    /// Whether what waits should be written now.
    fn add(&self, message: &FromWorker) -> bool {
        let mut waiting = lock(&self.waiting);
        let now = self.clock.moment();
        if waiting.frames.is_empty() {
            waiting.since = now;
        }
        if let Err(WireError::Length(_)) = message.encode(&mut waiting.frames)
            && let FromWorker::Answer { number, .. } = message
        {
            let reply = Err(TokenError::BadOutput("it is longer than any answer".into()));
            let number = *number;
            // This one is short.
            let _ = FromWorker::Answer { number, reply }.encode(&mut waiting.frames);
        }
        waiting.frames.bytes().len() >= ENOUGH || now.saturating_since(waiting.since) >= HELD
    }

    /// Writes what waits. If the server does not read or is gone, that shows where it is read from.
    pub(super) fn flush(&self) {
        let mut writing = lock(&self.writing);
        mem::swap(&mut *writing, &mut lock(&self.waiting).frames);
        if !writing.is_empty() {
            let _ = (&self.socket).write_all(writing.bytes());
            writing.clear();
        }
    }

    /// A long list in parts.
    fn add_keys(&self, number: u64, keys: Vec<KeyObject>) {
        let mut part = Vec::new();
        let mut bytes = 0;
        for key in keys {
            bytes += key.weight();
            part.push(key);
            if bytes >= PART {
                let keys = mem::take(&mut part);
                self.send(&FromWorker::Keys { number, keys });
                bytes = 0;
            }
        }
        let reply = Ok(Answer::Keys(part));
        self.add(&FromWorker::Answer { number, reply });
    }
}

impl Desk for Outbox {
    type Ticket = Ticket;

    fn is_void(&self, _ticket: &Ticket) -> bool {
        false
    }

    fn answer(&self, mut ticket: Ticket, reply: Reply, more: bool) {
        ticket.outbox = None;
        let number = ticket.number;
        let full = match reply {
            Ok(Answer::Keys(keys)) => {
                self.add_keys(number, keys);
                true
            }
            reply => self.add(&FromWorker::Answer { number, reply }),
        };
        if full || !more {
            self.flush();
        }
    }

    fn rest(&self) {
        if !lock(&self.waiting).frames.is_empty() {
            self.flush();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(outbox) = self.outbox.take() {
            outbox.send(&FromWorker::Answer {
                number: self.number,
                reply: Err(TokenError::Closed),
            });
        }
    }
}
