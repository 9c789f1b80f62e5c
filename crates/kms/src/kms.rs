//! The KMS endpoint as a whole.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use ambient::{Clock, Random};
use seal::{Keyring, RowRefused};
use store::{Store, StoreError};
use xks_client::{Network, SystemNetwork, Transport, TransportError};

use crate::KmsConfig;
use crate::clusters::Clusters;
use crate::identity::{Identities, IdentitySource, IdentitySourceError};
use crate::key_stores::KeyStores;
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
    /// Who may sign.
    pub identities: IdentitySource,
    /// The HSM clusters of AWS CloudHSM key stores.
    pub clusters: Arc<dyn Clusters>,
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
    /// There is no way to XKS proxies.
    #[error("kms.key_stores.proxies: {0}")]
    Transport(#[from] TransportError),
}

/// The KMS endpoint. A clone is the same endpoint.
#[derive(Clone)]
pub struct Kms(Arc<Inner>);

struct Inner {
    config: KmsConfig,
    state: State,
    identities: IdentitySource,
    trail: Trail,
    metrics: Metrics,
    quotas: Quotas,
    key_stores: KeyStores,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Kms {
    /// Reads everything from the database, and goes on with connections of custom key stores that
    /// were under way. Needs a Tokio runtime, in which the key stores' proxies are looked at until
    /// the last clone is dropped.
    pub async fn open(parts: Parts) -> Result<Self, StartError> {
        Self::open_over(parts, Arc::new(SystemNetwork)).await
    }

    /// As [`Kms::open`], with XKS proxies reached over another network: a test's, in memory.
    pub async fn open_over(parts: Parts, network: Arc<dyn Network>) -> Result<Self, StartError> {
        let Parts {
            config,
            store,
            keyring,
            identities,
            clusters,
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
        let proxies = config.key_stores.transport();
        let transport = Transport::with_network(&proxies, Arc::clone(&clock), network)?;
        let key_stores = KeyStores::new(config.key_stores.clone(), transport, clusters);
        let kms = Self(Arc::new(Inner {
            config,
            state,
            identities,
            trail,
            metrics: Metrics::default(),
            quotas,
            key_stores,
            clock,
            random,
        }));
        kms.start_key_stores();
        Ok(kms)
    }

    /// The rows of the database that were refused at the start, by name.
    pub fn alarms(&self) -> &[RowRefused] {
        self.0.state.alarms()
    }

    pub(crate) fn state(&self) -> &State {
        &self.0.state
    }

    /// Who may sign, as it is now.
    pub fn identities(&self) -> Arc<Identities> {
        self.0.identities.current()
    }

    /// Reads the file of identities again: whole, or not at all. Blocks shortly for the file.
    pub fn reload_identities(&self) -> Result<(), IdentitySourceError> {
        self.0.identities.reload()
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

    pub(crate) fn key_stores(&self) -> &KeyStores {
        &self.0.key_stores
    }

    /// For what runs by itself and must not keep the endpoint alive.
    pub(crate) fn downgrade(&self) -> WeakKms {
        WeakKms(Arc::downgrade(&self.0))
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

/// An endpoint that may be gone.
#[derive(Clone)]
pub(crate) struct WeakKms(Weak<Inner>);

impl WeakKms {
    pub(crate) fn upgrade(&self) -> Option<Kms> {
        self.0.upgrade().map(Kms)
    }
}
