//! One worker's life, from its start to its end, as its server sees it.

use std::os::unix::net::UnixStream as StdStream;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::Sleep;

use super::supervisor::Shared;
use super::wire::{FromWorker, Inbox, Outgoing, ToWorker, WireError};

/// A module may take so long to be loaded. Nobody waits for it but calls, which have their deadline.
const START: Duration = Duration::from_secs(10);

/// The deadline is cut into so many parts. While calls are under way and nothing is heard,
const PARTS: u32 = 8;
/// after so many of them the worker is asked for a sign of life,
const ASK: u32 = 2;
/// and after so many it is killed: there is time left to try another token.
const KILL: u32 = 5;

/// Why a worker's connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The worker closed it, or is gone.
    Gone,
    /// The token was closed.
    Closed,
    /// It could not load the module.
    Failed(String),
    /// It did not get ready.
    NotReady,
    /// It gave no sign of life.
    Silent,
    /// As many sessions as it may have hang.
    Hung,
    /// It said what no worker says.
    Protocol(WireError),
}

/// Speaks with a worker until one of both ends it.
pub(super) async fn speak(shared: &Shared, socket: StdStream) -> End {
    let Ok(mut socket) = UnixStream::from_std(socket) else {
        return End::Gone;
    };
    let mut connection = Connection {
        shared,
        inbox: Inbox::new(),
        outgoing: Outgoing::new(),
        sent: 0,
        ready: false,
        closing: false,
        timed: true,
        heard: false,
        quiet: 0,
    };
    let setup = ToWorker::Setup(Box::new(shared.setup()));
    if let Err(error) = setup.encode(&mut connection.outgoing) {
        return End::Protocol(error);
    }
    connection.run(&mut socket).await
}

struct Connection<'a> {
    shared: &'a Shared,
    inbox: Inbox,
    /// What is being written, and how much of it was.
    outgoing: Outgoing,
    sent: usize,
    ready: bool,
    closing: bool,
    /// Whether the timer counts: until the worker is ready, while calls are under way, and at the end.
    timed: bool,
    /// Whether anything was heard in this part of the deadline, and in how many nothing was.
    heard: bool,
    quiet: u32,
}

impl Connection<'_> {
    async fn run(&mut self, socket: &mut UnixStream) -> End {
        let (mut reader, mut writer) = socket.split();
        let mut timer = pin!(tokio::time::sleep(START));
        loop {
            if self.ready && self.outgoing.is_empty() {
                self.shared.take(&mut self.outgoing);
            }
            if self.ready && !self.timed && self.shared.is_waiting() {
                self.start_timer(&mut timer, self.shared.deadline() / PARTS);
            }
            let end = tokio::select! {
                biased;
                read = reader.read(self.inbox.room()) => match read {
                    Ok(0) | Err(_) => Some(End::Gone),
                    Ok(count) => {
                        self.inbox.filled(count);
                        self.hear().err()
                    }
                },
                written = writer.write(self.outgoing.bytes().get(self.sent..).unwrap_or_default()),
                    if !self.outgoing.is_empty() => match written {
                        Ok(count) => {
                            self.wrote(count);
                            None
                        }
                        Err(_) => Some(End::Gone),
                    },
                () = self.shared.called(), if self.outgoing.is_empty() => {
                    let end = self.close_if_told(&mut timer);
                    if end.is_none() {
                        // Whoever is about to call too goes with the same write.
                        tokio::task::yield_now().await;
                    }
                    end
                }
                () = timer.as_mut(), if self.timed => self.time_passed(&mut timer),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn start_timer(&mut self, timer: &mut Pin<&mut Sleep>, time: Duration) {
        timer.set(tokio::time::sleep(time));
        self.timed = true;
    }

    fn wrote(&mut self, count: usize) {
        self.sent += count;
        if self.sent == self.outgoing.bytes().len() {
            self.outgoing.clear();
            self.sent = 0;
        }
    }

    /// Once the token was closed, calls under way come to their end, within the deadline.
    fn close_if_told(&mut self, timer: &mut Pin<&mut Sleep>) -> Option<End> {
        if !self.shared.is_closed() || self.closing {
            return None;
        }
        if !self.ready {
            return Some(End::Closed);
        }
        self.closing = true;
        self.shared.say(&ToWorker::Close);
        self.start_timer(timer, self.shared.deadline());
        None
    }

    fn time_passed(&mut self, timer: &mut Pin<&mut Sleep>) -> Option<End> {
        if self.closing {
            return Some(End::Closed);
        }
        if !self.ready {
            return Some(End::NotReady);
        }
        self.timed = self.shared.is_waiting();
        let end = self.part_passed();
        if self.timed && end.is_none() {
            self.start_timer(timer, self.shared.deadline() / PARTS);
        }
        end
    }

    /// A part of the deadline passed with calls under way.
    fn part_passed(&mut self) -> Option<End> {
        self.quiet = if std::mem::take(&mut self.heard) {
            0
        } else {
            self.quiet + 1
        };
        if self.quiet == ASK {
            self.shared.say(&ToWorker::Ping);
        }
        (self.quiet >= KILL).then_some(End::Silent)
    }

    /// Handles what was read.
    fn hear(&mut self) -> Result<(), End> {
        (self.heard, self.quiet) = (true, 0);
        while let Some(frame) = self.inbox.frame().map_err(End::Protocol)? {
            let message = FromWorker::decode(frame).map_err(End::Protocol)?;
            match message {
                FromWorker::Ready if !self.ready => {
                    self.ready = true;
                    self.timed = false;
                    self.shared.up();
                }
                FromWorker::Failed(why) if !self.ready => return Err(End::Failed(why)),
                FromWorker::Answer { number, reply } if self.ready => self.shared.answered(number, reply),
                FromWorker::Keys { number, keys } if self.ready => {
                    self.shared.listed(number, keys).map_err(End::Protocol)?;
                }
                FromWorker::WantPin if self.ready => self.shared.pin_wanted().map_err(End::Protocol)?,
                FromWorker::Judged { number, judgement } if self.ready => {
                    self.shared.judged(number, judgement);
                }
                FromWorker::Pong if self.ready => {}
                FromWorker::Hung(count) if self.ready => {
                    if self.shared.hang(count) {
                        return Err(End::Hung);
                    }
                }
                _ => return Err(End::Protocol(WireError::Malformed("a message out of place"))),
            }
        }
        Ok(())
    }
}
