//! Truthful health: what the last canary encryptions, the log and the store say.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Moment;
use audit::Health as LogHealth;
use futures_util::future::join_all;
use key_manager::{HealthStatus, KeyManager, ManagerId};

use crate::{Caller, Failure, FailureKind, KeyStore, Settings, Warden};

/// One entry of a health answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceHealth {
    /// Unique in the answer.
    pub id: String,
    /// Product and version.
    pub model: String,
    /// How it fares.
    pub status: HealthStatus,
    /// For operators alone: sessions, and what is wrong.
    pub detail: Option<String>,
}

/// The last result of each probe, and when.
#[derive(Default)]
pub(crate) struct Probes {
    managers: Mutex<HashMap<ManagerId, Probe>>,
    store: Mutex<Option<Probe>>,
    /// What the last probe of the store said, for the request path.
    store_failed: AtomicBool,
}

#[derive(Clone)]
struct Probe {
    at: Moment,
    /// What went wrong, if anything did.
    problem: Option<String>,
}

impl Probe {
    /// Whether it says that all is well and is fresh enough to be believed.
    fn is_well(&self, now: Moment) -> bool {
        self.problem.is_none() && now.saturating_since(self.at) <= Settings::MAX_HEALTH_AGE
    }
}

impl Probes {
    fn note_manager(&self, id: &ManagerId, probe: &Probe) {
        let mut managers = self.managers.lock().unwrap_or_else(PoisonError::into_inner);
        let before = managers.insert(id.clone(), probe.clone());
        let was_well = before.is_none_or(|before| before.problem.is_none());
        match (&probe.problem, was_well) {
            (Some(problem), true) => {
                tracing::error!(key_manager = %id, %problem, "key manager failed its probe");
            }
            (None, false) => tracing::info!(key_manager = %id, "key manager works again"),
            _ => {}
        }
    }

    pub(crate) fn manager_is_well(&self, id: &ManagerId, now: Moment) -> bool {
        let managers = self.managers.lock().unwrap_or_else(PoisonError::into_inner);
        managers.get(id).is_some_and(|probe| probe.is_well(now))
    }

    fn note_store(&self, probe: Probe) {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let was_well = store.as_ref().is_none_or(|before| before.problem.is_none());
        match (&probe.problem, was_well) {
            (Some(problem), true) => tracing::error!(%problem, "the store failed its probe"),
            (None, false) => tracing::info!("the store works again"),
            _ => {}
        }
        self.store_failed
            .store(probe.problem.is_some(), Ordering::Relaxed);
        *store = Some(probe);
    }

    /// Whether the last probe of the store failed. One load: asked before each request.
    pub(crate) fn store_failed(&self) -> bool {
        self.store_failed.load(Ordering::Relaxed)
    }

    /// What is wrong with the store, if anything is.
    pub(crate) fn store_problem(&self, now: Moment) -> Option<String> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match store.as_ref() {
            None => Some("the store was not probed yet".to_owned()),
            Some(probe) if probe.is_well(now) => None,
            Some(probe) => Some(
                probe
                    .problem
                    .clone()
                    .unwrap_or_else(|| "its last probe is too old".to_owned()),
            ),
        }
    }
}

impl Warden {
    /// What GetHealthStatus answers for a key store: 1 to 10 entries, none from results older than
    /// a minute (XKS-HLT-04 to 06). When log or store fail nothing can be answered, so everything
    /// is unavailable. No policy is asked (XKS-HLT-03); a blocked key store says so.
    pub fn health(&self, caller: &Caller) -> Result<Vec<InstanceHealth>, Failure> {
        let directory = self.directory.load();
        directory.check_standing().map_err(Failure::early)?;
        let now = directory
            .same_key_store(&caller.key_store)
            .map_err(Failure::early)?;
        if now.is_blocked() {
            return Err(Failure::early(FailureKind::Denied(
                policy::Denial::KeyStoreBlocked,
            )));
        }
        Ok(self.instances(now))
    }

    pub(crate) fn instances(&self, store: &KeyStore) -> Vec<InstanceHealth> {
        let now = self.clerk.clock.moment();
        let house = self.house_is_well(now);
        let mut all = Vec::new();
        for (id, manager) in store.managers() {
            match manager {
                Some(manager) => all.extend(self.of_manager(&manager, house, now)),
                None => all.push(InstanceHealth {
                    id: id.to_string(),
                    model: "a key manager that could not be opened".to_owned(),
                    status: HealthStatus::Unavailable,
                    detail: None,
                }),
            }
        }
        if all.is_empty() {
            // AWS asks before any key is bound; the answer then speaks of log and store alone.
            let status = if house {
                HealthStatus::Active
            } else {
                HealthStatus::Unavailable
            };
            let model = concat!("Strongroom ", env!("CARGO_PKG_VERSION"), ", no key bound yet").to_owned();
            return vec![InstanceHealth {
                id: "none".to_owned(),
                model,
                status,
                detail: None,
            }];
        }
        // Beyond ten, those who serve are shown first: KMS acts only on all being unavailable.
        all.sort_by_key(|instance| instance.status);
        all.truncate(Settings::MAX_INSTANCES);
        all
    }

    pub(crate) fn of_manager(
        &self,
        manager: &Arc<dyn KeyManager>,
        house: bool,
        now: Moment,
    ) -> Vec<InstanceHealth> {
        let well = house && self.probes.manager_is_well(manager.id(), now);
        let entry = |instance: key_manager::Instance| InstanceHealth {
            id: format!("{}/{}", manager.id(), instance.id),
            model: instance.model,
            status: if well {
                instance.status
            } else {
                HealthStatus::Unavailable
            },
            detail: instance.detail,
        };
        manager.instances().into_iter().map(entry).collect()
    }

    /// Whether log and store work.
    pub(crate) fn house_is_well(&self, now: Moment) -> bool {
        let log = matches!(self.clerk.log.state().health, LogHealth::Writing);
        log && self.probes.store_problem(now).is_none()
    }

    /// Probes every key manager and the store once, all at the same time.
    pub(crate) async fn probe_all(&self) {
        tokio::join!(self.probe_managers(), self.probe_store());
    }

    pub(crate) async fn probe_managers(&self) {
        let directory = self.directory.load_full();
        let managers = directory
            .managers
            .values()
            .map(|opened| self.probe_manager(&opened.manager));
        join_all(managers).await;
    }

    pub(crate) async fn probe_manager(&self, manager: &Arc<dyn KeyManager>) {
        let probed = tokio::time::timeout(self.settings.probe_timeout, manager.probe()).await;
        let problem = match probed {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        self.probes.note_manager(
            manager.id(),
            &Probe {
                at: self.clerk.clock.moment(),
                problem,
            },
        );
    }

    async fn probe_store(&self) {
        let problem = self
            .store
            .ping(self.settings.probe_timeout)
            .await
            .err()
            .map(|error| error.to_string());
        self.probes.note_store(Probe {
            at: self.clerk.clock.moment(),
            problem,
        });
    }
}
