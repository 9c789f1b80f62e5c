//! The warden itself: its parts, its start, its background work, its end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::{Clock, Random, Timestamp};
use arc_swap::ArcSwap;
use audit::{Health as LogHealth, Log, Medium, VerifyError};
use key_manager::{KeyManagerError, KeyManagerProvider, Opened};
use seal::{Keyring, RowMac};
use store::{Store, StoreError};
use tokio::task::JoinHandle;

use crate::admission::Admission;
use crate::clerk::{Clerk, durable};
use crate::directory::{Credential, Directory, Standing};
use crate::health::Probes;
use crate::load::{self, Shared};
use crate::refusals::{CountedUnder, Counts};
use crate::settle::{self, Managers};
use crate::{Caller, FailureKind, KeyStoreId, ManageError, Settings};

const LAST_USE: &str = "UPDATE warden_credential SET last_use = $1 WHERE access_key_id = $2";

/// What a warden is made of.
pub struct Parts {
    /// Durable state, with every owner's migrations run.
    pub store: Store,
    /// The root keys.
    pub keyring: Arc<Keyring>,
    /// The log, open for writing.
    pub log: Log,
    /// The same log's files, to read what a crash left open.
    pub medium: Arc<dyn Medium>,
    /// The kinds of key managers there are.
    pub providers: Vec<Arc<dyn KeyManagerProvider>>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Arc<dyn Random>,
    /// Limits and periods.
    pub settings: Settings,
}

/// Why a warden could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The log could not be read.
    #[error("the log: {0}")]
    ReadLog(#[from] VerifyError),
    /// The log could not be written.
    #[error("the log: {0}")]
    Log(FailureKind),
    /// A kind of key manager could not be opened at all.
    #[error("key managers of kind {kind}: {error}")]
    KeyManagers {
        /// The kind.
        kind: &'static str,
        /// Why.
        error: KeyManagerError,
    },
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopped,
}

/// Whether requests can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// They can.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

/// The one place where keys are used.
pub struct Warden {
    pub(crate) directory: ArcSwap<Directory>,
    pub(crate) clerk: Clerk,
    pub(crate) admission: Admission,
    pub(crate) probes: Probes,
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) mac: RowMac,
    pub(crate) providers: Vec<Arc<dyn KeyManagerProvider>>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) settings: Settings,
    /// Held during an administrative act.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) recovery_pending: AtomicBool,
    pub(crate) log_generation: AtomicU64,
    managers: Mutex<Managers>,
    shared: tokio::sync::Mutex<Shared>,
    counts: Counts,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Warden {
    /// Opens every key manager, reads the directory, settles what a crash left open, probes
    /// everything once, and starts the background work.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, StartError> {
        let managers = open_managers(&parts.providers).await?;
        let mac = parts.keyring.row_mac("warden");
        let history = settle::read(&parts.store, &mac, parts.medium).await?;
        let mut shared = Shared::default();
        let mut snapshot = parts.store.read().await?;
        let standing = Standing::Serving;
        let mut directory = load::directory(
            &mut snapshot,
            &parts.keyring,
            &mac,
            managers.clone(),
            &mut shared,
            standing,
        )
        .await?;
        let behind = directory.generation() < history.generation;
        if behind {
            directory.standing = Standing::RecoveryPending;
        }
        drop(snapshot);
        let clerk = Clerk {
            log: parts.log,
            clock: parts.clock,
        };
        settle::settle(&history, &clerk, &parts.store, &mac, &directory).await?;
        let started = clerk.started(directory.generation());
        let _receipt = durable(started).await.map_err(StartError::Log)?;
        let warden = Arc::new(Self {
            directory: ArcSwap::from_pointee(directory),
            clerk,
            admission: Admission::new(&parts.settings),
            probes: Probes::default(),
            store: parts.store,
            keyring: parts.keyring,
            mac,
            providers: parts.providers,
            random: parts.random,
            settings: parts.settings,
            turn: tokio::sync::Mutex::default(),
            recovery_pending: AtomicBool::new(behind),
            log_generation: AtomicU64::new(history.generation),
            managers: Mutex::new(managers),
            shared: tokio::sync::Mutex::new(shared),
            counts: Counts::default(),
            tasks: Mutex::default(),
        });
        warden.announce();
        warden.probe_all().await;
        warden.start_tasks();
        Ok(warden)
    }

    /// The directory as of now: a snapshot that later changes do not touch.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clerk.clock
    }

    /// Notes that a credential's signature was verified; written behind.
    pub fn note_use(&self, credential: &Credential, now: Timestamp) {
        credential.last_use.note(now);
    }

    /// Records that an authenticated caller was refused before a key was used: in full within the
    /// key store's quota, counted beyond it. Does not wait.
    pub fn refuse_authenticated(
        &self,
        caller: &Caller,
        external_key: Option<&str>,
        act: &'static str,
        error: &'static str,
    ) {
        let quota = &caller.key_store.load.refusals;
        let now = self.clerk.clock.moment();
        let recorded = quota.take(now, self.settings.recorded_refusals_per_minute)
            && self.clerk.refused(caller, external_key, act, error).is_ok();
        if !recorded {
            let key_store = Some(caller.key_store.id.clone());
            self.counts.add(CountedUnder {
                key_store,
                authenticated: true,
                reason: error,
            });
        }
    }

    /// Counts a request that could not be authenticated; one record a minute speaks of them all.
    pub fn count_unauthenticated(&self, key_store: Option<&KeyStoreId>, reason: &'static str) {
        self.counts.add(CountedUnder {
            key_store: key_store.cloned(),
            authenticated: false,
            reason,
        });
    }

    /// Refuses work that could not be recorded, or not in time, before it starts.
    pub(crate) fn door(&self, caller: &Caller) -> Result<(), FailureKind> {
        let state = self.clerk.log.state();
        match state.health {
            LogHealth::Writing | LogHealth::Stalled { .. } => {}
            LogHealth::Failing { cause, .. } => return Err(FailureKind::LogUnavailable(cause)),
            LogHealth::Closed => return Err(FailureKind::LogUnavailable("the log is closed".to_owned())),
        }
        if state
            .syncing_for
            .is_some_and(|long| long > self.settings.stall_limit)
        {
            return Err(FailureKind::LogStalled);
        }
        if caller.deadline <= self.clerk.clock.moment() {
            return Err(FailureKind::Overloaded(
                "the deadline had passed before work began",
            ));
        }
        Ok(())
    }

    pub(crate) fn add_manager(&self, opened: Opened) {
        let mut managers = self.managers.lock().unwrap_or_else(PoisonError::into_inner);
        managers.insert(opened.description.id.clone(), opened);
    }

    /// Reads the directory anew and puts it in the old one's place.
    pub(crate) async fn publish(&self) -> Result<(), ManageError> {
        let managers = self
            .managers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let pending = self.recovery_pending.load(Ordering::SeqCst);
        let standing = if pending {
            Standing::RecoveryPending
        } else {
            Standing::Serving
        };
        let mut shared = self.shared.lock().await;
        let mut snapshot = self.store.read().await.map_err(ManageError::NotInForce)?;
        let directory = load::directory(
            &mut snapshot,
            &self.keyring,
            &self.mac,
            managers,
            &mut shared,
            standing,
        )
        .await
        .map_err(ManageError::NotInForce)?;
        self.directory.store(Arc::new(directory));
        self.announce();
        Ok(())
    }

    /// Stops the background work, writes what was left behind, and closes log and store. Requests
    /// must have ended before.
    pub async fn shutdown(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(JoinHandle::abort);
        futures_util::future::join_all(tasks).await;
        self.record_counts().await;
        self.write_last_uses().await;
        if self.turn.try_lock().is_ok() {
            let (records, generation) = (self.clerk.log.head().records, self.directory.load().generation());
            let _ = settle::mark(&self.store, &self.mac, records, generation).await;
        }
        self.clerk.log.close();
        self.store.close().await;
    }

    /// Alarms go to the operator's log whenever the directory is read.
    fn announce(&self) {
        for alarm in &self.directory.load().alarms {
            tracing::error!(place = %alarm.place, problem = %alarm.problem, "refused: edited by other means");
        }
        if self.recovery_pending.load(Ordering::SeqCst) {
            tracing::error!(
                "the store is older than its log: no key is used until the recovery is acknowledged"
            );
        }
    }

    fn start_tasks(self: &Arc<Self>) {
        let settings = &self.settings;
        let tasks = [
            self.every(settings.probe_interval, |warden| async move {
                warden.probe_all().await;
            }),
            self.every(settings.last_use_interval, |warden| async move {
                warden.write_last_uses().await;
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

    async fn write_last_uses(&self) {
        let directory = self.directory.load_full();
        let credentials = directory
            .key_stores()
            .flat_map(|store| store.credentials.values());
        let unwritten: Vec<_> = credentials
            .filter_map(|credential| Some((credential, credential.last_use.unwritten()?)))
            .collect();
        if unwritten.is_empty() {
            return;
        }
        let written = async {
            let mut transaction = self.store.begin().await?;
            for (credential, seconds) in &unwritten {
                transaction
                    .execute(
                        LAST_USE,
                        &[(*seconds).into(), (&*credential.access_key_id).into()],
                    )
                    .await?;
            }
            transaction.commit().await
        };
        match written.await {
            Ok(()) => unwritten
                .iter()
                .for_each(|(credential, seconds)| credential.last_use.wrote(*seconds)),
            Err(error) => tracing::warn!(%error, "last-use times could not be written; they will be later"),
        }
    }

    async fn record_counts(&self) {
        let counts = self.counts.take();
        if counts.is_empty() {
            return;
        }
        if let Err(error) = durable(self.clerk.counted(&counts)).await {
            tracing::warn!(%error, "counted refusals could not be recorded; they will be later");
            self.counts.put_back(counts);
        }
    }
}

async fn open_managers(providers: &[Arc<dyn KeyManagerProvider>]) -> Result<Managers, StartError> {
    let mut managers = HashMap::new();
    for provider in providers {
        let opened = provider.open_all().await;
        let opened = opened.map_err(|error| StartError::KeyManagers {
            kind: provider.kind(),
            error,
        })?;
        managers.extend(
            opened
                .into_iter()
                .map(|opened| (opened.description.id.clone(), opened)),
        );
    }
    Ok(managers)
}
