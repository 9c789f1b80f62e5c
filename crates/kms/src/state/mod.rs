//! The state: everything in memory, every change one transaction.
//!
//! Requests read the [`Model`] behind a lock that is held for a lookup and never across a wait. A
//! change goes through an [`Edit`]: one at a time, durable in the database before memory shows it
//! and before anybody is answered. Rows that somebody else edited, put back, added or removed are
//! left out and named ([`State::alarms`]).

mod as_text;
mod edit;
mod grant;
mod key;
mod load;
mod manifest;
mod model;
pub(crate) mod page;
mod proof;
mod realm;
pub(crate) mod record;
mod table;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use ambient::Random;
use seal::{Keyring, RowMac, RowRefused};
use store::{Store, StoreError};

pub(crate) use edit::Edit;
pub(crate) use grant::Grant;
pub(crate) use key::{Key, Material, MaterialId, Usage};
pub(crate) use model::{CustomKeyStore, Model};
pub(crate) use proof::KeyProof;
pub(crate) use realm::Realm;
pub use table::MIGRATIONS;

use manifest::Manifest;

/// Nothing was changed, or it is not known whether it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret was not sealed.
    #[error(transparent)]
    Sealing(#[from] seal::SealingFailed),
    /// The database was edited by other means while we run.
    #[error(transparent)]
    Refused(#[from] RowRefused),
    /// The process is going down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// A cheap handle on everything.
#[derive(Clone)]
pub(crate) struct State(Arc<Inner>);

struct Inner {
    store: Store,
    keyring: Keyring,
    mac: RowMac,
    random: Arc<dyn Random>,
    model: RwLock<Model>,
    /// Held by the one change under way.
    manifest: Arc<tokio::sync::Mutex<Manifest>>,
    alarms: Vec<RowRefused>,
}

impl State {
    /// Reads everything from a store that has run [`MIGRATIONS`].
    pub(crate) async fn open(
        store: Store,
        keyring: Keyring,
        random: Arc<dyn Random>,
    ) -> Result<Self, StoreError> {
        let mac = keyring.row_mac("kms");
        let loaded = load::everything(&store, &keyring, &mac).await?;
        Ok(Self(Arc::new(Inner {
            store,
            keyring,
            mac,
            random,
            model: RwLock::new(loaded.model),
            manifest: Arc::new(tokio::sync::Mutex::new(loaded.manifest)),
            alarms: loaded.alarms,
        })))
    }

    /// Looks at everything as it is now. The guard is never held across an `.await`: nothing
    /// changes while it is.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Model> {
        self.0.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a change: waits for the one before it. What is read from here on stays true until
    /// the edit is committed or dropped.
    pub(crate) async fn edit(&self) -> Edit {
        let manifest = Arc::clone(&self.0.manifest).lock_owned().await;
        Edit::new(self.clone(), manifest)
    }

    /// The rows that were refused at the start.
    pub(crate) fn alarms(&self) -> &[RowRefused] {
        &self.0.alarms
    }

    /// Writes what keys were used for last; it decides nothing, so it is under no tag and in no
    /// change. Returns how many keys it was.
    pub(crate) async fn write_usage(&self) -> Result<usize, StoreError> {
        let unwritten: Vec<_> = self
            .read()
            .keys()
            .filter_map(|key| Some((Arc::clone(key), key.usage.take_unwritten()?)))
            .collect();
        let written = load::write_usage(&self.0.store, &unwritten).await;
        if written.is_err() {
            unwritten.iter().for_each(|(key, _)| key.usage.put_back());
        }
        written.map(|()| unwritten.len())
    }
}
