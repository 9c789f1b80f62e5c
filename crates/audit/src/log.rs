//! The log as its users hold it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ambient::{Clock, Moment, Random, RandomUnavailable};
use tracing::warn;

use crate::completion::Pending;
use crate::config::{InvalidLogConfig, LogConfig};
use crate::delivery::Deliver;
use crate::medium::{Medium, MediumLock};
use crate::queue::Shared;
use crate::recovery::{self, Recovery};
use crate::spare::{self, SpareShop};
use crate::state::{Health, LogState};
use crate::verify::{Broken, VerifyError};
use crate::writer::Writer;
use crate::{Head, RecordId, format};

/// The log could not be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its configuration is contradictory.
    #[error("the audit log's configuration: {0}")]
    Config(#[from] InvalidLogConfig),
    /// Another process, or another [`Log`] of this one, writes it.
    #[error("another process writes this audit log")]
    InUse,
    /// It is damaged where no crash could have damaged it. Nothing was changed.
    #[error("the audit log is damaged: {0}")]
    Broken(#[from] Broken),
    /// The medium failed.
    #[error("the audit log's files")]
    Io(#[from] io::Error),
    /// No randomness for ids.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

impl From<VerifyError> for OpenError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Broken(broken) => Self::Broken(broken),
            VerifyError::Io(error) => Self::Io(error),
        }
    }
}

/// A record was not accepted; it will never be in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefused {
    /// As much as allowed waits to become durable.
    #[error("the audit log's queue is full")]
    Full,
    /// The medium fails ([`Health::Failing`]).
    #[error("the audit log cannot be written")]
    Failing,
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
    /// The payload is longer than [`format::MAX_PAYLOAD_BYTES`].
    #[error("the audit record is larger than 65536 bytes")]
    TooLarge,
    /// The payload is not UTF-8 that begins with `{` and ends with `}`.
    #[error("the audit record is not a JSON object")]
    NotAnObject,
}

/// A log open for writing, at most one at a time for a medium. Closed when dropped.
pub struct Log {
    shared: Arc<Shared>,
    run: [u8; 8],
    running: Mutex<Option<Running>>,
}

struct Running {
    writer: JoinHandle<()>,
    spares: JoinHandle<()>,
    _lock: Box<dyn MediumLock>,
}

impl Log {
    /// Opens the log in `medium`, or creates one there; recovers its end after a crash. Blocks:
    /// the last segment is read whole.
    pub fn open(
        medium: Arc<dyn Medium>,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
        config: LogConfig,
    ) -> Result<(Self, Recovery), OpenError> {
        config.validate()?;
        let lock = medium.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse,
            _ => OpenError::Io(error),
        })?;
        let run = random.bytes()?;
        let mut resumed = recovery::resume(&*medium, random, config.segment_bytes)?;
        let recovery = Recovery {
            log: resumed.log,
            created: resumed.tip.is_none(),
            head: resumed.head,
            cut: resumed.cut,
        };
        if let Some(cut) = recovery.cut {
            warn!(?cut, "the audit log ended in an unfinished batch, now cut");
        }
        let ready = match resumed.spare.take() {
            None if resumed.tip.is_none() => Some(spare::allocate(
                &*medium,
                resumed.next_number,
                config.segment_bytes,
            )?),
            ready => ready,
        };
        let spares = SpareShop::new(Arc::clone(&medium), config.segment_bytes, ready);
        let shared = Arc::new(Shared::new(resumed.head, clock, config, spares));
        let mut writer = Writer::new(Arc::clone(&shared), medium, resumed);
        writer.begin()?;
        let running = Running::start(&shared, writer, lock)?;
        let log = Self {
            shared,
            run,
            running: Mutex::new(Some(running)),
        };
        Ok((log, recovery))
    }

    /// Accepts a record, never waiting for the disk. `payload` is a JSON object of at most 64 KiB
    /// in UTF-8. Records become durable in the order in which they were accepted.
    pub fn append(&self, payload: &[u8]) -> Result<Pending, AppendRefused> {
        let (pending, _) = self.append_quietly(payload)?;
        self.wake();
        Ok(pending)
    }

    /// As [`Log::append`], but does not wake the writer. `true` says that the record is the first of
    /// its batch: the caller owes a call of [`Log::wake`] before long. Whoever puts that off until
    /// everything that is ready has been appended gets one sync for all of it.
    pub fn append_quietly(&self, payload: &[u8]) -> Result<(Pending, bool), AppendRefused> {
        if payload.len() > format::MAX_PAYLOAD_BYTES {
            return Err(AppendRefused::TooLarge);
        }
        if !matches!(payload, [b'{', .., b'}']) || std::str::from_utf8(payload).is_err() {
            return Err(AppendRefused::NotAnObject);
        }
        let config = &self.shared.config;
        let mut queue = self.shared.queue();
        if queue.closed {
            return Err(AppendRefused::Closed);
        }
        if queue.failing.is_some() {
            return Err(AppendRefused::Failing);
        }
        let bytes = format::RECORD_HEADER_BYTES.saturating_add(payload.len());
        if queue.pending_records() >= config.max_pending_records
            || queue.pending_bytes().saturating_add(bytes) > config.max_pending_bytes
        {
            return Err(AppendRefused::Full);
        }
        let id = RecordId::new(self.run, queue.next_sequence);
        let first = queue.push(id, &*self.shared.clock, payload);
        let pending = Pending::new(Arc::clone(&queue.open.completion), id);
        drop(queue);
        Ok((pending, first))
    }

    /// Wakes the writer, which takes everything appended so far.
    pub fn wake(&self) {
        self.shared.call();
    }

    /// While the returned future is polled, the writer wakes its task instead of those who wait for
    /// the records of a batch, and it wakes them. On a runtime's own thread that is a push onto a
    /// queue; from the writer's thread each would be a system call that wakes the runtime, which
    /// answers one request and sleeps again.
    pub fn deliver(&self) -> Deliver {
        Deliver(Arc::clone(&self.shared))
    }

    /// Wakes everybody who waits for a batch that was begun by a record before `sequence`, so that
    /// they may look at their clocks. With what [`Log::accepted`] said a while ago, these are the
    /// batches that take longer than that. Called now and then it spares all others a timer each.
    pub fn remind(&self, sequence: u64) {
        let waiting = self.shared.queue().waiting_since(sequence);
        waiting.iter().for_each(|completion| completion.remind());
    }

    /// How many records were ever accepted; grows with every append.
    pub fn accepted(&self) -> u64 {
        self.shared.queue().next_sequence
    }

    /// The pace that the log was configured with ([`LogConfig::pace_us`]).
    pub fn pace(&self) -> Duration {
        self.shared.config.pace()
    }

    /// How the log is doing.
    pub fn state(&self) -> LogState {
        let now = self.shared.clock.moment();
        let spare = self.shared.spares.observe();
        let queue = self.shared.queue();
        let since = self.shared.syncing_since();
        let syncing_for = since.map(|since| now.saturating_since(since));
        let health = match (&queue.failing, since) {
            _ if queue.closed => Health::Closed,
            (Some((since, cause)), _) => Health::Failing {
                since: *since,
                cause: cause.clone(),
            },
            (None, Some(since)) if now.saturating_since(since) >= self.shared.config.stall_after() => {
                Health::Stalled { since }
            }
            _ => Health::Writing,
        };
        LogState {
            health,
            syncing_for,
            pending_records: queue.pending_records(),
            pending_bytes: queue.pending_bytes(),
            spare,
        }
    }

    /// Why appends are refused now, if they are; cheap enough to ask before each request.
    pub fn refusing(&self) -> Option<String> {
        let queue = self.shared.queue();
        match &queue.failing {
            _ if queue.closed => Some("the log is closed".to_owned()),
            Some((_, cause)) => Some(cause.clone()),
            None => None,
        }
    }

    /// How long, at `now`, the write and sync under way has run; `None` when none is. One load:
    /// cheap enough to ask before each request.
    pub fn syncing_for(&self, now: Moment) -> Option<Duration> {
        self.shared
            .syncing_since()
            .map(|since| now.saturating_since(since))
    }

    /// How far the log goes durably.
    pub fn head(&self) -> Head {
        self.shared.queue().durable
    }

    /// Stops accepting, waits until everything accepted is durable or lost, ends the threads and
    /// gives up the lock. Blocks as long as the medium does. A second call does nothing.
    pub fn close(&self) {
        self.shared.close();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            // A thread that panicked has told everybody who waited; there is nothing to add.
            running.writer.join().ok();
            self.shared.spares.close();
            running.spares.join().ok();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

impl Running {
    fn start(shared: &Arc<Shared>, writer: Writer, lock: Box<dyn MediumLock>) -> io::Result<Self> {
        let shop = Arc::clone(shared);
        let spares = thread::Builder::new()
            .name("audit-spare".to_owned())
            .spawn(move || shop.spares.serve())?;
        let started = thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || writer.run());
        match started {
            Ok(writer) => Ok(Self {
                writer,
                spares,
                _lock: lock,
            }),
            Err(error) => {
                shared.spares.close();
                Err(error)
            }
        }
    }
}
