//! The KMS endpoint as a whole.

use std::sync::Arc;

use ambient::{Clock, Random};
use seal::{Keyring, RowRefused};
use store::{Store, StoreError};

use crate::KmsConfig;
use crate::state::State;

/// What an endpoint is made of.
pub struct Parts {
    /// Its section of the configuration.
    pub config: KmsConfig,
    /// Its own database, which has run [`MIGRATIONS`](crate::MIGRATIONS).
    pub store: Store,
    /// Its own root keys.
    pub keyring: Keyring,
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
}

/// The KMS endpoint. A clone is the same endpoint.
#[derive(Clone)]
pub struct Kms(Arc<Inner>);

struct Inner {
    config: KmsConfig,
    state: State,
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
            clock,
            random,
        } = parts;
        let state = State::open(store, keyring, Arc::clone(&random)).await?;
        for refused in state.alarms() {
            tracing::error!(%refused, "a row of the database is not used");
        }
        Ok(Self(Arc::new(Inner {
            config,
            state,
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
