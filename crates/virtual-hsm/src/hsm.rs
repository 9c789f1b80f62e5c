//! A virtual HSM in use: the request path.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{Clock, Random};
use arc_swap::ArcSwap;
use crypto::SecretBytes;
use foldhash::{HashMap, HashMapExt as _};
use key_manager::{
    AdditionalData, EncryptOutput, EncryptedRef, HealthStatus, Instance, KeyDescription, KeyId, KeyManager,
    KeyManagerError, ManagerDescription, ManagerId, Operation, Witness,
};
use seal::{Keyring, RowRefused};
use store::Store;
use tokio::sync::Mutex;

use crate::contents::Contents;
use crate::rows::HsmRow;

/// The kind, as it stands in descriptions.
pub(crate) const KIND: &str = "virtual-hsm";
const MODEL: &str = concat!("Strongroom virtual HSM ", env!("CARGO_PKG_VERSION"));
const CANARY_PLAINTEXT: &[u8] = b"Strongroom health probe, 32 byte";
const CANARY_AAD: &[u8] = b"Strongroom health probe";

/// What all virtual HSMs of a process share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) keyring: ArcSwap<Keyring>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A software key manager. A clone is the same one.
#[derive(Clone)]
pub struct VirtualHsm(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) description: ManagerDescription,
    pub(crate) contents: ArcSwap<Contents>,
    /// Held from before a change is written until memory shows it, so that the last change
    /// committed is the last one shown.
    pub(crate) changing: Mutex<()>,
    /// What the last probe found.
    healthy: AtomicBool,
}

impl VirtualHsm {
    pub(crate) fn new(shared: Arc<Shared>, contents: Contents) -> Self {
        let description = describe(&contents.hsm);
        alarm(&description.id, &BTreeMap::new(), &contents.refused);
        Self(Arc::new(Inner {
            shared,
            description,
            healthy: AtomicBool::new(contents.canary.is_some()),
            contents: ArcSwap::from_pointee(contents),
            changing: Mutex::new(()),
        }))
    }

    /// What it is.
    pub fn description(&self) -> &ManagerDescription {
        &self.0.description
    }
}

impl VirtualHsm {
    /// Drops all keys from memory, after the virtual HSM was destroyed.
    pub(crate) fn forget(&self) {
        let hsm = self.0.contents.load().hsm.clone();
        self.0.contents.store(Arc::new(Contents {
            hsm,
            keys: HashMap::new(),
            canary: None,
            refused: BTreeMap::new(),
        }));
        self.0.healthy.store(false, Ordering::Relaxed);
    }
}

impl Inner {
    /// Shows new contents to every call that starts from now on.
    pub(crate) fn install(&self, contents: Contents) {
        let before = self.contents.load_full();
        alarm(&self.description.id, &before.refused, &contents.refused);
        self.contents.store(Arc::new(contents));
    }

    fn probe(&self) -> Result<(), KeyManagerError> {
        let contents = self.contents.load();
        let unavailable = |why: &str| KeyManagerError::Unavailable(why.to_owned());
        let canary = contents
            .canary
            .as_ref()
            .ok_or_else(|| unavailable("the canary key is refused"))?;
        let aad = AdditionalData::new(Some(CANARY_AAD)).map_err(|_| unavailable("canary"))?;
        let random = self.shared.random.as_ref();
        let encrypted = canary.encrypting()?.encrypt(random, CANARY_PLAINTEXT, aad)?;
        let opened = canary.decrypt(encrypted.as_ref(), aad)?;
        if opened.expose() == CANARY_PLAINTEXT {
            return Ok(());
        }
        Err(unavailable("the canary key does not give its plaintext back"))
    }
}

impl KeyManager for VirtualHsm {
    fn id(&self) -> &ManagerId {
        &self.0.description.id
    }

    fn describe(&self, key: &KeyId) -> Result<Arc<KeyDescription>, KeyManagerError> {
        let contents = self.0.contents.load();
        Ok(Arc::clone(&contents.key(key)?.description))
    }

    fn encrypt<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
    ) -> Operation<'a, EncryptOutput> {
        Box::pin(async move {
            let contents = self.0.contents.load();
            let version = contents.key(key)?.encrypting()?;
            version.encrypt(self.0.shared.random.as_ref(), plaintext, aad)
        })
    }

    fn decrypt<'a>(
        &'a self,
        key: &'a KeyId,
        encrypted: EncryptedRef<'a>,
        aad: AdditionalData<'a>,
    ) -> Operation<'a, SecretBytes> {
        Box::pin(async move { self.0.contents.load().key(key)?.decrypt(encrypted, aad) })
    }

    /// One allocation and one look at the contents, where the usual way takes two of each.
    fn encrypt_tried<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
        witness: Witness<'a>,
    ) -> Operation<'a, (EncryptOutput, SecretBytes)> {
        Box::pin(async move {
            let contents = self.0.contents.load();
            let key = contents.key(key)?;
            let random = self.0.shared.random.as_ref();
            let output = key.encrypting()?.encrypt(random, plaintext, aad)?;
            witness(&output);
            // The metadata selects the version, as it will when somebody decrypts this.
            let opened = key.decrypt(output.as_ref(), aad)?;
            Ok((output, opened))
        })
    }

    fn probe(&self) -> Operation<'_, ()> {
        Box::pin(async move {
            let found = self.0.probe();
            self.0.healthy.store(found.is_ok(), Ordering::Relaxed);
            found
        })
    }

    fn instances(&self) -> Vec<Instance> {
        let status = if self.0.healthy.load(Ordering::Relaxed) {
            HealthStatus::Active
        } else {
            HealthStatus::Unavailable
        };
        vec![Instance {
            id: self.0.description.id.to_string(),
            model: MODEL.to_owned(),
            status,
            detail: None,
        }]
    }
}

/// What a row says of its virtual HSM.
pub(crate) fn describe(row: &HsmRow) -> ManagerDescription {
    ManagerDescription {
        id: row.id.clone(),
        name: row.name.clone(),
        kind: KIND,
        created: row.created,
    }
}

/// Raises the alarm about rows that were not refused before.
fn alarm(hsm: &ManagerId, before: &BTreeMap<String, RowRefused>, now: &BTreeMap<String, RowRefused>) {
    for (id, refused) in now {
        if before.get(id) != Some(refused) {
            tracing::error!(
                key_manager = hsm.as_str(),
                table = refused.table,
                row = refused.row,
                "a row of the database is refused: {}; restore it from a backup",
                refused.reason
            );
        }
    }
}
