//! How the server fares, and the acknowledgement of a recovery.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use audit::Health as LogHealth;
use key_manager::HealthStatus;

use crate::view::{InstanceView, StatusView};
use crate::{Actor, Change, InstanceHealth, Load, ManageError, Readiness, Standing, Warden};

impl Warden {
    /// Everything an operator wants to know at a glance.
    pub fn status(&self) -> StatusView {
        let directory = self.directory.load();
        let Readiness { ready, reasons } = self.readiness();
        let head = self.clerk.log.head();
        let key_managers = self.key_managers();
        StatusView {
            ready,
            reasons,
            standing: match directory.standing() {
                Standing::Serving => "serving",
                Standing::RecoveryPending => "recovery-pending",
                Standing::Sealed => "sealed",
            }
            .to_owned(),
            generation: directory.generation(),
            key_stores: directory.key_stores().count(),
            keys: key_managers.iter().map(|manager| manager.keys).sum(),
            key_managers,
            in_flight: self.load().in_flight,
            log_records: head.records,
            log_head: crypto::hex(&head.chain),
            log_state: self.log_state(),
            alarms: directory.alarms.clone(),
        }
    }

    /// Whether requests can be served now, and if not, why (for `/readyz`).
    pub fn readiness(&self) -> Readiness {
        let now = self.clerk.clock.moment();
        let directory = self.directory.load();
        let mut reasons = Vec::new();
        if directory.standing() == Standing::RecoveryPending {
            let next =
                "the store is older than its log: run `strongroom recovery acknowledge` after checking";
            reasons.push(next.to_owned());
        }
        let health = self.clerk.log.state().health;
        if !matches!(health, LogHealth::Writing) {
            reasons.push(format!("the log: {}", self.log_state()));
        }
        reasons.extend(
            self.probes
                .store_problem(now)
                .map(|problem| format!("the store: {problem}")),
        );
        Readiness {
            ready: reasons.is_empty(),
            reasons,
        }
    }

    /// What is under way.
    pub fn load(&self) -> Load {
        self.admission.load()
    }

    /// Accepts that the store is older than its log (a backup was restored): keys may be used
    /// again, and what key managers count skips ahead. Whoever does this has checked that no block was
    /// lost with the newer store.
    pub async fn acknowledge_recovery(self: &Arc<Self>, actor: &Actor) -> Result<StatusView, ManageError> {
        let log_generation = self.highest_generation();
        let store_generation = self.directory.load().generation();
        let change = Change::AcknowledgeRecovery {
            store_generation,
            log_generation,
        };
        self.change(actor, change, move |warden, change| async move {
            if !warden.recovery_pending.load(Ordering::SeqCst) {
                let why = "there is no recovery to acknowledge: the store is not older than its log";
                return Err(ManageError::State(why.to_owned()));
            }
            // First, for an acknowledgement that is cut off and repeated skips once more.
            let directory = warden.directory.load_full();
            for opened in directory.managers.values() {
                opened.lifecycle.restored().await?;
            }
            // Lifts the store's generation past the log's, so that the next start sees no gap.
            warden.edit(&change).await?.commit().await?;
            warden.recovery_pending.store(false, Ordering::SeqCst);
            Ok(())
        })
        .await?;
        Ok(self.status())
    }

    fn log_state(&self) -> String {
        let state = self.clerk.log.state();
        match state.health {
            LogHealth::Writing => "writing".to_owned(),
            LogHealth::Stalled { .. } => {
                format!(
                    "stalled for {} ms",
                    state.syncing_for.unwrap_or_default().as_millis()
                )
            }
            LogHealth::Failing { cause, .. } => format!("failing: {cause}"),
            LogHealth::Closed => "closed".to_owned(),
        }
    }
}

impl From<InstanceHealth> for InstanceView {
    fn from(instance: InstanceHealth) -> Self {
        let status = match instance.status {
            HealthStatus::Active => "ACTIVE",
            HealthStatus::Degraded => "DEGRADED",
            HealthStatus::Unavailable => "UNAVAILABLE",
        };
        Self {
            id: instance.id,
            model: instance.model,
            status: status.to_owned(),
            detail: instance.detail,
        }
    }
}
