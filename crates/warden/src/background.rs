//! What goes on behind the requests: probes, what is written behind, tidying; and the end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use audit::Log;
use tokio::task::JoinHandle;

use crate::clerk::{Clerk, durable};
use crate::rows::LAST_USE;
use crate::{Warden, settle};

/// How many records may follow the mark before it is moved: what a start reads after a crash, well
/// under a second.
pub(crate) const RECORDS_BEHIND_MARK: u64 = 20_000;
/// How often those are woken whose record was waited for at the last beat already, so that they set a
/// timer for their deadline; nearly all records are durable before. As this one is nearly always the
/// next timer to fire, it also keeps Tokio from writing to an eventfd, which it does whenever a new
/// timer is the earliest.
const HEARTBEAT: Duration = Duration::from_millis(40);
/// Who waits for a record is woken within two beats. A deadline that is nearer needs a timer at once.
pub(crate) const REMINDED_WITHIN: Duration = Duration::from_millis(100);
/// How long a shutdown waits for an administrative act under way; the next start settles it else.
const LAST_ACT: Duration = Duration::from_secs(5);

impl Warden {
    /// Stops the background work, writes what was left behind, and closes log and store. Requests
    /// must have ended before. Waits for the log's last sync as long as the disk takes.
    pub async fn shutdown(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(JoinHandle::abort);
        futures_util::future::join_all(tasks).await;
        // What the kicker owed when it was ended.
        self.clerk.log.wake();
        // Held to the end, so that no act begins on a log that closes.
        let turn = tokio::time::timeout(LAST_ACT, self.turn.lock()).await;
        self.write_last_uses().await;
        if self.clerk.is_writing() {
            self.record_counts().await;
            if turn.is_ok() {
                self.move_mark().await;
            }
        }
        let log = Arc::clone(&self.clerk.log);
        // A thread that panicked in there has nothing left to close.
        let _ = tokio::task::spawn_blocking(move || log.close()).await;
        self.store.close().await;
    }

    /// Moves the mark to the end of the log, unless something before it is not settled. Only
    /// whoever has the turn calls this.
    async fn move_mark(&self) {
        if self.settle_overdue().await.is_err() || self.recovery_pending.load(Ordering::SeqCst) {
            return;
        }
        let records = self.clerk.log.head().records;
        let roots = self.roots.load_full();
        match settle::mark(&self.store, &roots.mac, records, self.highest_generation()).await {
            Ok(()) => self.marked.store(records, Ordering::SeqCst),
            Err(error) => tracing::warn!(%error, "the mark could not be moved; the next start reads more"),
        }
    }

    /// What administration may have left: a directory that could not be read, an outcome that
    /// could not be recorded, a mark that lies far back. Nothing while an act is under way.
    pub(crate) async fn tidy(&self) {
        let Ok(_turn) = self.turn.try_lock() else { return };
        if self.unpublished.load(Ordering::SeqCst)
            && let Err(error) = self.publish().await
        {
            tracing::error!(%error, "the directory could not be read; an older one is in force");
        }
        let behind = self
            .clerk
            .log
            .head()
            .records
            .saturating_sub(self.marked.load(Ordering::SeqCst));
        if self.clerk.is_writing() && (behind > RECORDS_BEHIND_MARK || self.owes_an_outcome()) {
            self.move_mark().await;
        }
    }

    /// Starts what is done again and again.
    pub(crate) fn start_tasks(self: &Arc<Self>) {
        let settings = &self.settings;
        let clerk = &self.clerk;
        let kicker = Clerk::kick(
            Arc::downgrade(&clerk.log),
            Arc::clone(&clerk.kick),
            Arc::clone(&clerk.clock),
        );
        let deliver = clerk.log.deliver();
        let tasks = [
            tokio::spawn(kicker),
            tokio::spawn(async move {
                deliver.await;
            }),
            tokio::spawn(beat(Arc::downgrade(&clerk.log))),
            self.every(settings.probe_interval, |warden| async move {
                warden.probe_all().await;
            }),
            self.every(settings.last_use_interval, |warden| async move {
                warden.write_last_uses().await;
            }),
            self.every(settings.probe_interval, |warden| async move {
                warden.tidy().await;
                if warden.resealing.has_failed() {
                    warden.start_resealing();
                }
            }),
            self.every(settings.deletion_interval, |warden| async move {
                warden.destroy_due_keys().await;
            }),
            self.every(settings.refusal_interval, |warden| async move {
                warden.record_counts().await;
            }),
        ];
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(tasks);
    }

    /// Does something again and again, for as long as the warden is there.
    fn every<F: Future<Output = ()> + Send>(
        self: &Arc<Self>,
        interval: Duration,
        work: impl Fn(Arc<Self>) -> F + Send + 'static,
    ) -> JoinHandle<()> {
        let warden = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(warden) = warden.upgrade() else { return };
                work(warden).await;
            }
        })
    }

    pub(crate) async fn write_last_uses(&self) {
        let unwritten = self.shared.lock().await.unwritten();
        if unwritten.is_empty() {
            return;
        }
        let written = async {
            let mut transaction = self.store.begin().await?;
            for (access_key_id, _, seconds) in &unwritten {
                let values = [(*seconds).into(), access_key_id.into()];
                transaction.execute(LAST_USE, &values).await?;
            }
            transaction.commit().await
        };
        match written.await {
            Ok(()) => unwritten
                .iter()
                .for_each(|(_, last, seconds)| last.wrote(*seconds)),
            Err(error) => tracing::warn!(%error, "last-use times could not be written; they will be later"),
        }
    }

    /// Records what was counted, in one record (or as few as it fits into). What the log could not
    /// confirm is counted again: rather twice than not at all.
    pub(crate) async fn record_counts(&self) {
        // All are handed to the log before any is waited for: who stops us then loses none.
        let portions: Vec<_> = self.counts.take();
        let under_way: Vec<_> = portions
            .into_iter()
            .map(|counts| (self.clerk.counted(&counts), counts))
            .collect();
        for (pending, counts) in under_way {
            if let Err(error) = durable(pending).await {
                tracing::warn!(%error, "counted refusals could not be recorded; they will be later");
                self.counts.put_back(counts);
            }
        }
    }
}

/// Reminds those who wait for their records of their deadlines, for as long as the log is there.
async fn beat(log: Weak<Log>) {
    while let Some(before) = log.upgrade().map(|log| log.accepted()) {
        tokio::time::sleep(HEARTBEAT).await;
        if let Some(log) = log.upgrade() {
            log.remind(before);
        }
    }
}
