//! The warden itself: its parts, its start, its background work, its end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Clock, Moment, Random, Timestamp};
use arc_swap::ArcSwap;
use audit::{Log, Medium, VerifyError};
use foldhash::{HashMap, HashMapExt as _};
use key_manager::{KeyManagerError, KeyManagerProvider, Opened};
use seal::{Keyring, SealSource, UnderRoots};
use store::{Store, StoreError};
use tokio::task::JoinHandle;

use crate::admission::Admission;
use crate::clerk::{Clerk, durable};
use crate::directory::{Credential, Directory, Standing};
use crate::edit::{Edit, Known};
use crate::health::Probes;
use crate::load::{self, Shared, Sources};
use crate::manage::{Deletions, Overdue};
use crate::manifest::Manifest;
use crate::refusals::{CountedUnder, Counts};
use crate::reseal::Resealing;
use crate::roots::Roots;
use crate::settle::{self, History, Managers};
use crate::view::AlarmView;
use crate::{Caller, FailureKind, KeyStoreId, ManageError, Settings};

/// What a warden is made of.
pub struct Parts {
    /// Durable state, with every owner's migrations run.
    pub store: Store,
    /// The root keys.
    pub keyring: Arc<Keyring>,
    /// What protects the root keys.
    pub seal: Arc<dyn SealSource>,
    /// Other owners of rows under the root keys: key managers in software.
    pub sealed: Vec<Arc<dyn UnderRoots>>,
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
    /// What a crash left open could not be put right.
    #[error("what was cut off before: {0}")]
    Settle(#[from] ManageError),
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
    pub(crate) roots: ArcSwap<Roots>,
    pub(crate) seal: Arc<dyn SealSource>,
    pub(crate) sealed: Vec<Arc<dyn UnderRoots>>,
    pub(crate) resealing: Resealing,
    pub(crate) providers: Vec<Arc<dyn KeyManagerProvider>>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) settings: Settings,
    /// Held during an administrative act.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) recovery_pending: AtomicBool,
    sealed_for_good: AtomicBool,
    /// The outcome that the log could not take yet.
    pub(crate) overdue: Mutex<Option<Overdue>>,
    pub(crate) shared: tokio::sync::Mutex<Shared>,
    /// The highest generation that store or log ever spoke of.
    highest_generation: AtomicU64,
    /// A directory could not be read after a change; it is tried again.
    pub(crate) unpublished: AtomicBool,
    managers: Mutex<Managers>,
    /// What the start found wrong with mark and log.
    start_alarms: Vec<AlarmView>,
    pub(crate) counts: Counts,
    /// How far the mark in the store goes.
    pub(crate) marked: AtomicU64,
    pub(crate) tasks: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) deletions: Deletions,
}

impl Warden {
    /// Opens every key manager, reads the directory, settles what a crash left open, probes
    /// everything once, and starts the background work.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, StartError> {
        let managers = open_managers(&parts.providers).await?;
        let has_older_roots = parts.keyring.ids().count() > 1;
        let roots = Arc::new(Roots::new(parts.keyring));
        let records = parts.log.head().records;
        let history = settle::read(&parts.store, &roots.mac, parts.medium, records).await?;
        let warden = Self {
            directory: ArcSwap::from_pointee(Directory::default()),
            clerk: Clerk {
                log: Arc::new(parts.log),
                clock: parts.clock,
                kick: Arc::default(),
            },
            admission: Admission::new(&parts.settings),
            probes: Probes::default(),
            store: parts.store,
            roots: ArcSwap::new(roots),
            seal: parts.seal,
            sealed: parts.sealed,
            resealing: Resealing::default(),
            providers: parts.providers,
            random: parts.random,
            settings: parts.settings,
            turn: tokio::sync::Mutex::default(),
            recovery_pending: AtomicBool::new(false),
            sealed_for_good: AtomicBool::new(false),
            overdue: Mutex::default(),
            shared: tokio::sync::Mutex::default(),
            highest_generation: AtomicU64::new(history.generation),
            unpublished: AtomicBool::new(false),
            managers: Mutex::new(managers),
            start_alarms: history.alarms.clone(),
            counts: Counts::default(),
            marked: AtomicU64::new(records),
            tasks: Mutex::default(),
            deletions: Deletions::default(),
        };
        warden.settle(&history).await?;
        let warden = Arc::new(warden);
        warden.probe_all().await;
        warden.start_tasks();
        if has_older_roots {
            // A rotation may have been cut off.
            warden.start_resealing();
        }
        Ok(warden)
    }

    /// Brings the directory into force, and the log to its end.
    async fn settle(&self, history: &History) -> Result<(), StartError> {
        let manifest = self.first_directory(history).await?;
        let generation = self.directory.load().generation();
        let directory = self.directory.load_full();
        if !self.recovery_pending.load(Ordering::SeqCst) {
            for (opened, key) in settle::cut_off(history, &manifest, &directory) {
                if let Err(error) = opened.lifecycle.cut_off(key.clone()).await {
                    tracing::warn!(%key, %error, "what a cut-off act left may stay");
                }
            }
        }
        settle::settle(history, &self.clerk, &manifest, &directory).await?;
        let _receipt = durable(self.clerk.started(generation))
            .await
            .map_err(StartError::Log)?;
        if !self.recovery_pending.load(Ordering::SeqCst) {
            let roots = self.roots.load_full();
            settle::mark(&self.store, &roots.mac, history.end(), self.highest_generation()).await?;
        }
        Ok(())
    }

    /// Reads the directory for the first time; what was cut off half way with a key is noted before.
    async fn first_directory(&self, history: &History) -> Result<Manifest, StartError> {
        let (mut directory, mut manifest) = self.read_directory().await?;
        if history.store_is_behind(&manifest, &directory) {
            self.recovery_pending.store(true, Ordering::SeqCst);
        } else {
            let half_done = history.half_done(&manifest, &directory);
            for (change, key, noted) in &half_done {
                let known = Known {
                    in_force: directory.generation(),
                    highest: self.highest_generation(),
                };
                let mut edit = Edit::begin(&self.store, self.roots.load_full(), change, known).await?;
                edit.note_key(key, Some(*noted));
                edit.commit().await?;
            }
            if !half_done.is_empty() {
                (directory, manifest) = self.read_directory().await?;
            }
        }
        self.put_in_force(directory);
        Ok(manifest)
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

    /// Refuses work that could not be recorded, or not in time, before it starts. Without its store
    /// the warden could not throw a switch, so no key is used then either.
    pub(crate) fn door(&self, caller: &Caller, now: Moment) -> Result<(), FailureKind> {
        if self.probes.store_failed() {
            return Err(FailureKind::StoreUnavailable);
        }
        if let Some(cause) = self.clerk.log.refusing() {
            return Err(FailureKind::LogUnavailable(cause));
        }
        let syncing_for = self.clerk.log.syncing_for(now);
        if syncing_for.is_some_and(|long| long > self.settings.stall_limit) {
            return Err(FailureKind::LogStalled);
        }
        if caller.deadline <= now {
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
        self.unpublished.store(true, Ordering::SeqCst);
        let (directory, _) = self.read_directory().await.map_err(ManageError::NotInForce)?;
        self.unpublished.store(false, Ordering::SeqCst);
        self.put_in_force(directory);
        Ok(())
    }

    async fn read_directory(&self) -> Result<(Directory, Manifest), StoreError> {
        let managers = self
            .managers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let roots = self.roots.load_full();
        let sources = Sources {
            keyring: &roots.keyring,
            mac: &roots.mac,
            providers: &self.providers,
            managers,
        };
        let mut shared = self.shared.lock().await;
        let mut snapshot = self.store.read().await?;
        load::directory(&mut snapshot, sources, &mut shared).await
    }

    /// From now on every request is judged by this directory. One that is older than the one in
    /// force was put back by somebody: as if the server had been started on it.
    fn put_in_force(&self, mut directory: Directory) {
        let in_force = self.directory.load().generation();
        if directory.generation() < in_force {
            self.recovery_pending.store(true, Ordering::SeqCst);
        }
        self.highest_generation
            .fetch_max(directory.generation(), Ordering::SeqCst);
        if self.recovery_pending.load(Ordering::SeqCst) {
            directory.standing = Standing::RecoveryPending;
        }
        directory.alarms.extend(self.start_alarms.iter().cloned());
        self.directory.store(Arc::new(directory));
        self.announce();
        if self.sealed_for_good.load(Ordering::SeqCst) {
            self.stop_answers();
        }
    }

    /// From now on no answer leaves for which a key was used, and no key is used any more: the first
    /// step of sealing a server that runs. The second is [`Warden::shutdown`], once no request is under
    /// way; whoever unseals again starts another warden.
    pub fn seal(&self) {
        self.sealed_for_good.store(true, Ordering::SeqCst);
        self.stop_answers();
    }

    fn stop_answers(&self) {
        self.directory.rcu(|directory| Directory {
            standing: Standing::Sealed,
            ..Directory::clone(directory)
        });
    }

    /// The highest generation that store or log ever spoke of.
    pub(crate) fn highest_generation(&self) -> u64 {
        self.highest_generation.load(Ordering::SeqCst)
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
