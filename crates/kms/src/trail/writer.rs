//! The thread that writes records, so that no request waits for a disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use ambient::Clock;
use tokio::sync::oneshot;

use super::TrailSettings;
use super::files::Files;

/// Records written with one system call, at most.
const BATCH_BYTES: usize = 1 << 20;

/// What happened to records so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrailCounts {
    /// Written to a file.
    pub written: u64,
    /// Lost because too many waited.
    pub lost_to_queue: u64,
    /// Lost because the disk was full or failed.
    pub lost_to_disk: u64,
}

#[derive(Default)]
pub(super) struct Shared {
    written: AtomicU64,
    lost_to_queue: AtomicU64,
    lost_to_disk: AtomicU64,
    queued_bytes: AtomicUsize,
    /// Whether the log has said that the queue is full; again after it was empty.
    queue_full_said: AtomicBool,
}

impl Shared {
    pub(super) fn counts(&self) -> TrailCounts {
        TrailCounts {
            written: self.written.load(Relaxed),
            lost_to_queue: self.lost_to_queue.load(Relaxed),
            lost_to_disk: self.lost_to_disk.load(Relaxed),
        }
    }
}

enum Message {
    Record(Vec<u8>),
    /// Answered when everything before it was written or lost.
    Flush(oneshot::Sender<()>),
}

/// Hands records to the thread. Dropping it writes what waits, and ends the thread.
pub(super) struct Writer {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    max_queued_bytes: usize,
}

impl Writer {
    pub(super) fn start(
        files: Files,
        settings: &TrailSettings,
        clock: Arc<dyn Clock>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(settings.max_queued_records);
        let mut work = Work {
            files,
            clock,
            shared: Arc::clone(&shared),
            batch: Vec::new(),
            in_batch: 0,
            failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("kms-trail".to_owned())
            .spawn(move || work.run(&receiver))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
            shared,
            max_queued_bytes: settings.max_queued_bytes,
        })
    }

    /// Takes a record, with its line feed, to be written soon. Never waits: a record that finds
    /// the queue full is lost and counted, and the log says so.
    pub(super) fn submit(&self, record: Vec<u8>) {
        let len = record.len();
        let queued = self
            .shared
            .queued_bytes
            .fetch_add(len, Relaxed)
            .saturating_add(len);
        let sender = self.sender.as_ref().filter(|_| queued <= self.max_queued_bytes);
        let taken = sender.is_some_and(|sender| sender.try_send(Message::Record(record)).is_ok());
        if taken {
            return;
        }
        self.shared.queued_bytes.fetch_sub(len, Relaxed);
        self.shared.lost_to_queue.fetch_add(1, Relaxed);
        if !self.shared.queue_full_said.swap(true, Relaxed) {
            tracing::error!("CloudTrail records are being lost: too many wait to be written");
        }
    }

    /// Resolves when everything submitted before was written or lost.
    pub(super) async fn flush(&self) {
        let Some(sender) = &self.sender else { return };
        let (done, written) = oneshot::channel();
        match sender.try_send(Message::Flush(done)) {
            Ok(()) => {}
            Err(TrySendError::Full(message)) => {
                // Waits for room, away from the async workers; fails only with the thread.
                let sender = sender.clone();
                let _ = tokio::task::spawn_blocking(move || sender.send(message)).await;
            }
            Err(TrySendError::Disconnected(_)) => return,
        }
        // An error: the thread has ended, and everything before it was written.
        let _ = written.await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; were it to, there is nothing left to write.
            let _ = thread.join();
        }
    }
}

struct Work {
    files: Files,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    batch: Vec<u8>,
    in_batch: u64,
    /// Whether the last write failed, so that the log says it once.
    failing: bool,
}

impl Work {
    fn run(&mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let mut next = Some(first);
            while let Some(message) = next {
                self.take(message);
                next = receiver.try_recv().ok();
            }
            self.write();
            self.shared.queue_full_said.store(false, Relaxed);
        }
        // What cannot be synced was written all the same, and the process is about to end.
        let _ = self.files.sync();
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Record(record) => {
                self.batch.extend_from_slice(&record);
                self.in_batch += 1;
                self.shared.queued_bytes.fetch_sub(record.len(), Relaxed);
                let full = self.batch.len() as u64 >= self.files.room();
                if full || self.batch.len() >= BATCH_BYTES {
                    self.write();
                }
            }
            Message::Flush(done) => {
                self.write();
                // Nobody waits any more: fine.
                let _ = done.send(());
            }
        }
    }

    fn write(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let records = std::mem::take(&mut self.in_batch);
        let result = self.files.write(&self.batch, self.clock.now());
        self.batch.clear();
        match result {
            Ok(()) => {
                self.shared.written.fetch_add(records, Relaxed);
                if std::mem::take(&mut self.failing) {
                    let lost = self.shared.lost_to_disk.load(Relaxed);
                    tracing::warn!(lost, "CloudTrail records are written again");
                }
            }
            Err(error) => {
                self.shared.lost_to_disk.fetch_add(records, Relaxed);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "CloudTrail records are being lost: they cannot be written");
                }
            }
        }
    }
}
