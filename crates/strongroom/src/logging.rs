//! The log on standard error: one line for each event, JSON or for people.
//!
//! A blocked terminal or a full pipe must never hold up a request. So events are formatted by the
//! caller, appended to a bounded buffer and written by a thread of its own; what does not fit is
//! dropped and counted, and the count is written as soon as there is room.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ambient::SystemClock;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;

mod line;

use line::Lines;

/// Bytes that may wait: about 4,000 request lines, two seconds at KMS's default quota.
const BUFFER_BYTES: usize = 2 * 1024 * 1024;
/// How long lines are gathered into one write. Without it every line would wake the thread.
const GATHER: Duration = Duration::from_millis(10);
/// More than this is written at once. So at full load the buffers stay in the processor's cache: a
/// line costs a third of what it does in one that has grown to a megabyte.
const GATHER_BYTES: usize = 128 * 1024;
/// The targets of our own crates. Others' libraries are heard from `warn` on only: at `trace` some
/// of them write what they carry, and nobody here has looked at every line of theirs.
const OURS: [&str; 16] = [
    proxy::LOG_TARGET,
    "admin",
    "audit",
    "iam",
    "key_manager",
    "kms",
    "kms_api",
    "listener",
    "policy",
    "proxy",
    "seal",
    "store",
    "strongroom",
    "virtual_hsm",
    "warden",
    "xks_client",
];
/// How long an orderly end waits for the last lines.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The `[log]` section of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is written at all.
    pub level: LogLevel,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people at a terminal.
    Human,
}

/// The least severe events that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures that need somebody.
    Error,
    /// Also what may become one.
    Warn,
    /// Also one line for each request.
    #[default]
    Info,
    /// Also connections.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Starts logging to standard error for the rest of the process. Keep what it returns until the
/// end: dropping it writes out the last lines.
pub fn start(settings: LogSettings) -> anyhow::Result<LogWriter> {
    let writer = LogWriter::spawn(io::stderr(), BUFFER_BYTES)?;
    let level = LevelFilter::from(settings.level);
    let lines = Lines {
        ours: &OURS,
        level,
        format: settings.format,
        writer: writer.clone(),
        clock: Arc::new(SystemClock),
    };
    tracing::subscriber::set_global_default(lines)?;
    Ok(writer)
}

/// Appends lines to the buffer; a clone shares it. When the last one goes, what is left is written.
#[derive(Clone)]
pub struct LogWriter(Arc<Flusher>);

struct Flusher(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    closed: bool,
    finished: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock leaves whole or cut lines, nothing worse.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len().saturating_add(line.len()) > self.capacity {
            state.dropped = state.dropped.saturating_add(1);
            return;
        }
        let before = state.waiting.len();
        state.waiting.extend_from_slice(line);
        let after = state.waiting.len();
        drop(state);
        if before == 0 || (before < GATHER_BYTES && after >= GATHER_BYTES) {
            self.changed.notify_all();
        }
    }

    /// Swaps what waits into `batch`; false when there will be nothing more.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let idle = |state: &mut State| state.waiting.is_empty() && state.dropped == 0 && !state.closed;
        let state = self.changed.wait_while(self.lock(), idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        // Gather, unless there is enough or the end has come.
        let gathering = |state: &mut State| !state.closed && state.waiting.len() < GATHER_BYTES;
        let waited = self.changed.wait_timeout_while(state, GATHER, gathering);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        batch.clear();
        std::mem::swap(batch, &mut state.waiting);
        if state.dropped > 0 {
            batch.extend_from_slice(dropped_line(state.dropped).as_bytes());
            state.dropped = 0;
        }
        !(batch.is_empty() && state.closed)
    }

    fn write_to(&self, mut sink: impl Write) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            // Standard error is gone or broken: there is nobody left to tell.
            let _ = sink.write_all(&batch).and_then(|()| sink.flush());
        }
        self.lock().finished = true;
        self.changed.notify_all();
    }
}

/// Valid JSON and readable by people.
fn dropped_line(count: u64) -> String {
    format!(
        "{{\"level\":\"WARN\",\"message\":\"log lines were dropped because the log was not read\",\"dropped\":{count}}}\n"
    )
}

impl LogWriter {
    /// Writes to `sink` from a thread of its own; at most `capacity` bytes wait.
    pub fn spawn(sink: impl Write + Send + 'static, capacity: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            capacity,
        });
        let writing = Arc::clone(&shared);
        thread::Builder::new()
            .name("log".into())
            .spawn(move || writing.write_to(sink))?;
        Ok(Self(Arc::new(Flusher(shared))))
    }

    /// Appends one whole line, its line end included.
    pub fn line(&self, line: &[u8]) {
        self.0.0.push(line);
    }

    /// Writes out what waits, for at most two seconds, and ends the thread. Later lines are lost.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Flusher {
    fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        self.0.changed.notify_all();
        let unfinished = |state: &mut State| !state.finished;
        drop(self.0.changed.wait_timeout_while(state, FLUSH_LIMIT, unfinished));
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A sink that reports when it is written to and then waits to be let go.
    struct Stuck {
        entered: Sender<Vec<u8>>,
        release: Receiver<()>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.entered.send(bytes.to_vec()).unwrap();
            let _ = self.release.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_reader_blocks_nobody_and_what_was_lost_is_counted() {
        let ((entered, writes), (release, released)) = (channel(), channel());
        let sink = Stuck {
            entered,
            release: released,
        };
        let log = LogWriter::spawn(sink, 64).unwrap();
        log.line(b"first\n");
        assert_eq!(writes.recv().unwrap(), b"first\n");
        // The sink is stuck now. These return all the same: eight fit, two do not.
        for _ in 0..10 {
            log.line(b"8 bytes\n");
        }
        drop(release);
        log.close();
        let text = String::from_utf8(writes.try_iter().flatten().collect()).unwrap();
        assert_eq!(text.matches("8 bytes\n").count(), 8);
        assert!(text.contains("\"dropped\":2"), "{text}");
    }

    #[test]
    fn closing_writes_what_waits() {
        let (sender, lines) = channel();
        struct Sink(Sender<Vec<u8>>);
        impl Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.send(bytes.to_vec()).unwrap();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = LogWriter::spawn(Sink(sender), 1024).unwrap();
        log.line(b"a\n");
        log.line(b"b\n");
        drop(log);
        assert_eq!(lines.try_iter().flatten().collect::<Vec<u8>>(), b"a\nb\n");
    }
}
