//! The KMS endpoint as a whole.

use std::path::PathBuf;
use std::sync::Arc;

use ambient::{Clock, Random};
use seal::{Keyring, RowRefused};
use store::{Store, StoreError};

use crate::KmsConfig;
use crate::metrics::Metrics;
use crate::quotas::{QuotaError, Quotas};
use crate::state::State;
use crate::trail::{Trail, TrailError};

/// What an endpoint is made of.
pub struct Parts {
    /// Its section of the configuration.
    pub config: KmsConfig,
    /// Its own database, which has run [`MIGRATIONS`](crate::MIGRATIONS).
    pub store: Store,
    /// Its own root keys.
    pub keyring: Keyring,
    /// Where CloudTrail's records go, unless the configuration names another directory.
    pub trail_directory: PathBuf,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub random: Arc<dyn Random>,
}

/// The endpoint did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be read.
    #[error("the database of the KMS endpoint: {0}")]
    Store(#[from] StoreError),
    /// CloudTrail's records have no place.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// A quota cannot be meant.
    #[error(transparent)]
    Quota(#[from] QuotaError),
}

/// The KMS endpoint. A clone is the same endpoint.
#[derive(Clone)]
pub struct Kms(Arc<Inner>);

struct Inner {
    config: KmsConfig,
    state: State,
    trail: Trail,
    metrics: Metrics,
    quotas: Quotas,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Kms {
    /// Reads everything from the database. Nothing runs by itself yet.
    pub async fn open(parts: Parts) -> Result<Self, StartError> {
        let Parts {
            config,
            store,
            keyring,
            trail_directory,
            clock,
            random,
        } = parts;
        let state = State::open(store, keyring, Arc::clone(&random)).await?;
        for refused in state.alarms() {
            tracing::error!(%refused, "a row of the database is not used");
        }
        let directory = config.trail.directory.as_ref().unwrap_or(&trail_directory);
        let trail = Trail::open(directory, &config.trail, Arc::clone(&clock), Arc::clone(&random))?;
        let quotas = Quotas::new(&config.quotas, Arc::clone(&clock))?;
        Ok(Self(Arc::new(Inner {
            config,
            state,
            trail,
            metrics: Metrics::default(),
            quotas,
            clock,
            random,
        })))
    }

    /// The rows of the database that were refused at the start, by name.
    pub fn alarms(&self) -> &[RowRefused] {
        self.0.state.alarms()
    }

    pub(crate) fn state(&self) -> &State {
        &self.0.state
    }

    /// CloudTrail.
    pub fn trail(&self) -> &Trail {
        &self.0.trail
    }

    /// The counters of this endpoint and its key stores.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Every metric, as Prometheus text.
    pub fn prometheus(&self) -> String {
        self.0
            .metrics
            .to_prometheus(self.clock().now(), self.0.trail.counts())
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.0.random
    }

    pub(crate) fn config(&self) -> &KmsConfig {
        &self.0.config
    }
}
