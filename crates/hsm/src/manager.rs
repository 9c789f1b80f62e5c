//! A key manager over HSMs: what it is made of, and the request path's way in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ambient::{Clock, Random};
use arc_swap::ArcSwap;
use crypto::SecretBytes;
use key_manager::{
    AdditionalData, EncryptOutput, EncryptedRef, HealthStatus, Instance, KeyDescription, KeyId, KeyManager,
    KeyManagerError, ManagerDescription, ManagerId, ObjectName, Operation, VersionTag, Witness,
};
use pkcs11::WorkerCommand;
use seal::{Keyring, RowRefused};
use store::Store;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::task::AbortHandle;

use crate::config::HsmConfig;
use crate::contents::{Contents, Key};
use crate::fleet::{Fleet, RefusedPins};
use crate::rows::HsmRow;
use crate::upkeep::Reservations;
use crate::{connect, upkeep};

/// The kind, as it stands in descriptions.
pub(crate) const KIND: &str = "hsm";

/// What all key managers of a process share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) keyring: ArcSwap<Keyring>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) worker: Option<WorkerCommand>,
    /// Objects that are nobody's to adopt.
    pub(crate) reserved: Mutex<Vec<ObjectName>>,
    /// What outlives the key managers.
    pub(crate) refused_pins: ArcSwap<RefusedPins>,
    /// Every key manager that was opened.
    pub(crate) opened: Mutex<Vec<Weak<Inner>>>,
}

impl Shared {
    pub(crate) fn reserved(&self) -> Vec<ObjectName> {
        self.reserved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The key managers that there are.
    pub(crate) fn open(&self) -> Vec<Arc<Inner>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|inner| inner.strong_count() > 0);
        let open = opened.iter().filter_map(Weak::upgrade);
        open.filter(|inner| !inner.is_closed()).collect()
    }
}

/// A key manager whose keys are objects in HSMs. A clone is the same one.
#[derive(Clone)]
pub struct Hsm(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) description: ManagerDescription,
    /// None if no section of the configuration has its name.
    pub(crate) config: Option<HsmConfig>,
    pub(crate) fleet: Fleet,
    pub(crate) contents: ArcSwap<Contents>,
    /// Held during an administrative act, however long the tokens take.
    pub(crate) acting: AsyncMutex<()>,
    /// Held from before a change is written until memory shows it, so that the last change committed is
    /// the last one shown.
    pub(crate) writing: AsyncMutex<()>,
    pub(crate) reservations: Reservations,
    /// Versions that were being made when this process found the store: by a process that ended in the
    /// middle, or in an older state of the store that somebody put back after they had encrypted.
    inherited: Mutex<BTreeSet<(KeyId, VersionTag)>>,
    /// Something is to be cleaned up.
    pub(crate) untidy: Arc<Notify>,
    tasks: Mutex<Vec<AbortHandle>>,
    closed: AtomicBool,
}

impl Hsm {
    pub(crate) fn new(shared: &Arc<Shared>, config: Option<HsmConfig>, contents: Contents) -> Self {
        let description = describe(&contents.hsm);
        alarm(&description.id, &BTreeMap::new(), &contents.refused);
        for key in contents.keys.values() {
            let counted = key.row.versions.first().map_or(0, |(_, reserved)| *reserved);
            crate::change::warn(key, 0, counted);
        }
        let making = |key: &Key| Some((key.row.id.clone(), key.row.making?));
        let inherited = contents.all().filter_map(making).collect();
        let inner = Arc::new(Inner {
            shared: Arc::clone(shared),
            description,
            fleet: Fleet::new(config.as_ref()),
            config,
            contents: ArcSwap::from_pointee(contents),
            acting: AsyncMutex::default(),
            writing: AsyncMutex::default(),
            reservations: Reservations::default(),
            inherited: Mutex::new(inherited),
            untidy: Arc::default(),
            tasks: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let mut opened = shared.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push(Arc::downgrade(&inner));
        drop(opened);
        Self(inner)
    }

    /// What it is.
    pub fn description(&self) -> &ManagerDescription {
        &self.0.description
    }

    /// Looks at every token once, and starts what goes on in the background.
    pub(crate) async fn start(&self) {
        let looks = self.0.fleet.members().iter().map(|member| self.0.look(member));
        let looked = futures_util::future::join_all(looks);
        // A module that hangs does not hold up the others, nor the server.
        let _ = tokio::time::timeout(connect::FIRST_LOOK, looked).await;
        let mut handles = vec![
            tokio::spawn(upkeep::reserve(Arc::downgrade(&self.0))).abort_handle(),
            tokio::spawn(upkeep::tidy(Arc::downgrade(&self.0))).abort_handle(),
        ];
        for index in 0..self.0.fleet.len() {
            handles.push(tokio::spawn(connect::watch(Arc::downgrade(&self.0), index)).abort_handle());
        }
        self.0
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(handles);
    }

    /// Ends everything in the background and closes the tokens. No call works any more.
    pub(crate) async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.end_tasks();
        let tokens = self.0.fleet.members().iter().filter_map(|member| member.token());
        let closing = tokens.map(|token| async move { token.close().await });
        futures_util::future::join_all(closing).await;
    }
}

impl Inner {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether the store alone says that this version was being made.
    pub(crate) fn is_inherited(&self, key: &KeyId, tag: VersionTag) -> bool {
        let inherited = self.inherited.lock().unwrap_or_else(PoisonError::into_inner);
        inherited.contains(&(key.clone(), tag))
    }

    /// Somebody else than the store says so too.
    pub(crate) fn confirm_cut_off(&self, key: &KeyId) {
        let mut inherited = self.inherited.lock().unwrap_or_else(PoisonError::into_inner);
        inherited.retain(|(id, _)| id != key);
        self.untidy.notify_one();
    }

    fn end_tasks(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end_tasks();
    }
}

impl KeyManager for Hsm {
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
        Box::pin(self.0.encrypt(key, plaintext, aad))
    }

    fn decrypt<'a>(
        &'a self,
        key: &'a KeyId,
        encrypted: EncryptedRef<'a>,
        aad: AdditionalData<'a>,
    ) -> Operation<'a, SecretBytes> {
        Box::pin(self.0.decrypt(key, encrypted, aad))
    }

    fn encrypt_tried<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
        witness: Witness<'a>,
    ) -> Operation<'a, (EncryptOutput, SecretBytes)> {
        Box::pin(self.0.encrypt_tried(key, plaintext, aad, witness))
    }

    fn probe(&self) -> Operation<'_, ()> {
        Box::pin(self.0.probe())
    }

    fn instances(&self) -> Vec<Instance> {
        let worn = self.0.contents.load().worn;
        let members = self.0.fleet.members();
        if members.is_empty() {
            return vec![Instance {
                id: self.0.description.name.to_string(),
                model: "not configured on this node".to_owned(),
                status: HealthStatus::Unavailable,
                detail: Some("add its [[hsm]] section, and restart the server".to_owned()),
            }];
        }
        members.iter().map(|member| member.instance(worn)).collect()
    }
}

/// What a row says of its key manager.
pub(crate) fn describe(row: &HsmRow) -> ManagerDescription {
    ManagerDescription {
        id: row.id.clone(),
        name: row.name.clone(),
        kind: KIND,
        created: row.created,
    }
}

/// Raises the alarm about rows that were not refused before.
pub(crate) fn alarm(
    hsm: &ManagerId,
    before: &BTreeMap<String, RowRefused>,
    now: &BTreeMap<String, RowRefused>,
) {
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
