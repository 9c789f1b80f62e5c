//! The seals that the configuration places, and the root keys under the one that the store names.

use std::sync::Arc;

use admin::SealTokenStatus;
use ambient::{Clock, Random};
use anyhow::{Context, bail};
use hsm_seal::{HsmSeals, HsmTokens};
use pkcs11::WorkerCommand;
use seal::{Keyring, RootsError, SealFiles, SealKind, SealSource, SealingKeyId, Seals};
use store::Store;

use crate::config::{Config, Places};

/// Every kind of seal that the configuration places.
pub(crate) struct SealKinds {
    kinds: Vec<Arc<dyn SealKind>>,
    tokens: Option<HsmTokens>,
}

/// The root keys, or why they are not to be had.
pub(super) enum Unlocked {
    Keyring(Arc<Keyring>, Arc<Seals>),
    Sealed(Locked),
}

/// The seal that the store names cannot be used yet: nothing is wrong with the store.
#[derive(Clone, Debug)]
pub(super) struct Locked {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) reason: String,
}

impl SealKinds {
    /// Asks nothing of an HSM yet.
    pub(crate) fn of(
        config: &Config,
        places: &Places,
        worker: Option<WorkerCommand>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Self {
        let mut kinds: Vec<Arc<dyn SealKind>> = Vec::new();
        if config.seal.has_key_file() {
            kinds.push(Arc::new(SealFiles::at(places.seal_key.clone())));
        }
        let tokens = config.seal.hsm.as_ref().map(|hsm| {
            let (clock, random) = (Arc::clone(clock), Arc::clone(random));
            HsmTokens::new(hsm.clone(), worker, clock, random)
        });
        kinds.extend(
            tokens
                .iter()
                .map(|tokens| Arc::new(HsmSeals::new(tokens.clone())) as _),
        );
        Self { kinds, tokens }
    }

    /// A new seal of the one kind that is configured, for a new store; where its key is, for people.
    pub(crate) async fn make(&self, random: &Arc<dyn Random>) -> anyhow::Result<Arc<dyn SealSource>> {
        let [kind] = self.kinds.as_slice() else {
            bail!(
                "[seal] names a key file and an HSM: leave one of them; `strongroom seal change --to` changes from one \
                 to the other later"
            );
        };
        let id = SealingKeyId::generate(&**random)?;
        let source = kind.make(id, random).await?;
        source.settle().await?;
        Ok(source)
    }

    /// The root keys of a store. A seal in an HSM may be away, or refuse us: that is no error.
    pub(super) async fn unlock(&self, store: &Store) -> anyhow::Result<Unlocked> {
        let mut snapshot = store.read().await?;
        let roots = seal::roots::list(&mut snapshot).await?;
        let newest = roots.first().ok_or(RootsError::NotInitialised)?;
        let (kind, id) = (newest.seal_kind.clone(), newest.seal_id.clone());
        let seals = Seals::open(self.kinds.clone(), &kind, &id).await;
        let seals = seals.with_context(|| {
            format!("the root keys cannot be revealed: the store is sealed by the {kind} {id}")
        })?;
        match seal::roots::load(&mut snapshot, &*seals.current()).await {
            Ok(keyring) => {
                if seals.settle().await? {
                    tracing::warn!("the seal key that the store is protected by was put in its place");
                }
                Ok(Unlocked::Keyring(Arc::new(keyring), Arc::new(seals)))
            }
            Err(RootsError::SealUnavailable(reason)) => Ok(Unlocked::Sealed(Locked { kind, id, reason })),
            Err(error) => Err(error.into()),
        }
    }

    /// The tokens of an HSM, for `status`.
    pub(super) fn tokens(&self) -> Vec<SealTokenStatus> {
        let report = self.tokens.as_ref().map(HsmTokens::report).unwrap_or_default();
        let status = |token: hsm_seal::TokenReport| SealTokenStatus {
            name: token.name,
            problem: token.problem,
        };
        report.into_iter().map(status).collect()
    }

    /// Ends what was opened; nothing of it is used after.
    pub(crate) async fn close(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.close().await;
        }
    }
}
