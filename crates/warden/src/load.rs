//! Reading the directory from the store: every row verified, every refused row named.

use std::sync::Arc;

use ambient::Timestamp;
use foldhash::{HashMap, HashMapExt as _};
use key_manager::{KeyId, KeyManagerProvider, KeyState, ManagerId, Name, Opened};
use policy::Callers;
use seal::{Keyring, RowMac, RowRefusal, RowRefused};
use store::{Snapshot, StoreError};

use crate::KeyStoreId;
use crate::admission::StoreLoad;
use crate::directory::{Binding, Credential, Directory, KeyStore, Standing};
use crate::last_use::LastUse;
use crate::manifest::{Manifest, Noted};
use crate::rows::{BindingRow, CredentialRow, KeyStoreRow, TaggedRow};
use crate::view::AlarmView;

/// What outlives a snapshot: counters that all snapshots of one thing share.
#[derive(Default)]
pub(crate) struct Shared {
    loads: HashMap<String, Arc<StoreLoad>>,
    last_uses: HashMap<String, Arc<LastUse>>,
}

impl Shared {
    /// When a credential was last used, as far as this process knows.
    pub(crate) fn last_use(&self, access_key_id: &str) -> Option<Timestamp> {
        self.last_uses.get(access_key_id)?.get()
    }

    /// Last uses that the store does not know yet, those of retired credentials included.
    pub(crate) fn unwritten(&self) -> Vec<(String, Arc<LastUse>, u64)> {
        let unwritten = |(id, last): (&String, &Arc<LastUse>)| {
            let seconds = last.unwritten()?;
            Some((id.clone(), Arc::clone(last), seconds))
        };
        self.last_uses.iter().filter_map(unwritten).collect()
    }
}

/// The rows that are ours, and the latest of ours.
#[derive(Default)]
struct Verified {
    key_stores: Vec<KeyStoreRow>,
    bindings: Vec<BindingRow>,
    credentials: Vec<CredentialRow>,
    alarms: Vec<RowRefused>,
    manifest: Manifest,
}

/// What a directory is read with, beside the store.
pub(crate) struct Sources<'a> {
    pub(crate) keyring: &'a Keyring,
    pub(crate) mac: &'a RowMac,
    pub(crate) providers: &'a [Arc<dyn KeyManagerProvider>],
    pub(crate) managers: HashMap<ManagerId, Opened>,
}

/// Reads everything at one instant.
pub(crate) async fn directory(
    snapshot: &mut Snapshot,
    sources: Sources<'_>,
    shared: &mut Shared,
) -> Result<(Directory, Manifest), StoreError> {
    let managers = sources.managers;
    let mut rows = Verified::read(snapshot, sources.mac).await?;
    let mut by_prefix = HashMap::with_capacity(rows.key_stores.len());
    for row in std::mem::take(&mut rows.key_stores) {
        match key_store(&row, &mut rows, sources.keyring, &managers, shared) {
            Ok(store) => drop(by_prefix.insert(store.path_prefix.clone(), Arc::new(store))),
            Err(reason) => rows
                .alarms
                .push(RowRefused::new(KeyStoreRow::TABLE, &row.id, reason)),
        }
    }
    let mut alarms = alarms(&rows.alarms, &managers, sources.providers);
    alarms.extend(changed_behind_our_back(&rows.manifest, &managers));
    let directory = Directory {
        standing: Standing::Serving,
        generation: rows.manifest.generation,
        noted: noted(&rows.manifest, &managers),
        by_prefix,
        managers,
        alarms,
    };
    Ok((directory, rows.manifest))
}

impl Verified {
    async fn read(snapshot: &mut Snapshot, mac: &RowMac) -> Result<Self, StoreError> {
        let mut verified = Self::default();
        let row = snapshot.query_one(Manifest::SELECT, &[]).await?;
        let is_there = row.is_some();
        match Manifest::read(row.as_ref(), mac) {
            Ok(manifest) => verified.manifest = manifest,
            Err(refused) => verified.alarms.push(refused),
        }
        verified.key_stores = verified.table(snapshot, mac).await?;
        verified.bindings = verified.table(snapshot, mac).await?;
        verified.credentials = verified.table(snapshot, mac).await?;
        if !is_there && !verified.alarms.is_empty() {
            verified.alarms.push(Manifest::refused(RowRefusal::Missing));
        }
        Ok(verified)
    }

    async fn table<R: TaggedRow>(
        &mut self,
        snapshot: &mut Snapshot,
        mac: &RowMac,
    ) -> Result<Vec<R>, StoreError> {
        let (rows, refused) = self.manifest.rows(snapshot, mac).await?;
        self.alarms.extend(refused);
        Ok(rows)
    }
}

fn key_store(
    row: &KeyStoreRow,
    rows: &mut Verified,
    keyring: &Keyring,
    managers: &HashMap<ManagerId, Opened>,
    shared: &mut Shared,
) -> Result<KeyStore, RowRefusal> {
    let mut store = KeyStore {
        id: KeyStoreId::from_row(&row.id),
        name: Name::parse(&row.name).map_err(|_| RowRefusal::Unreadable)?,
        path_prefix: row.path_prefix.as_str().into(),
        region: row.region.as_deref().map(Into::into),
        listeners: list(row.listeners.as_deref())?,
        common_names: list(row.common_names.as_deref())?,
        created: Timestamp::from_micros(row.created),
        blocked: row.blocked.as_deref().map(Into::into),
        credentials: HashMap::new(),
        bindings: HashMap::new(),
        load: Arc::clone(shared.loads.entry(row.id.clone()).or_default()),
    };
    let Verified {
        bindings,
        credentials,
        alarms,
        manifest,
        ..
    } = rows;
    for row in bindings.iter().filter(|binding| binding.key_store == row.id) {
        match binding(row, managers, manifest) {
            Ok(binding) => drop(
                store
                    .bindings
                    .insert(binding.external_key_id.clone(), Arc::new(binding)),
            ),
            Err(reason) => alarms.push(RowRefused::new(BindingRow::TABLE, &row.key(), reason)),
        }
    }
    let own = credentials
        .iter()
        .filter(|credential| credential.key_store == row.id);
    for row in own.filter(|credential| credential.retired.is_none()) {
        match credential(row, keyring, shared) {
            Ok(credential) => {
                drop(
                    store
                        .credentials
                        .insert(credential.access_key_id.clone(), Arc::new(credential)),
                );
            }
            Err(reason) => alarms.push(RowRefused::new(CredentialRow::TABLE, &row.key(), reason)),
        }
    }
    Ok(store)
}

fn binding(
    row: &BindingRow,
    managers: &HashMap<ManagerId, Opened>,
    manifest: &Manifest,
) -> Result<Binding, RowRefusal> {
    let manager_id = ManagerId::parse(&row.manager).map_err(|_| RowRefusal::Unreadable)?;
    let key = KeyId::parse(&row.key_id).map_err(|_| RowRefusal::Unreadable)?;
    Ok(Binding {
        external_key_id: row.external_key_id.as_str().into(),
        noted: manifest.noted(&key),
        key,
        manager: managers
            .get(&manager_id)
            .map(|opened| Arc::clone(&opened.manager)),
        manager_id,
        principals: callers(row.principals.as_deref())?,
        foreign_keys: callers(row.foreign_keys.as_deref())?,
        blocked: row.blocked.as_deref().map(Into::into),
        created: Timestamp::from_micros(row.created),
    })
}

fn credential(row: &CredentialRow, keyring: &Keyring, shared: &mut Shared) -> Result<Credential, RowRefusal> {
    let context = CredentialRow::context(&row.key_store, &row.access_key_id);
    let secret = keyring.open(&context, &row.secret)?;
    let read_back = || Arc::new(LastUse::read_back(row.last_use.unwrap_or(0)));
    Ok(Credential {
        access_key_id: row.access_key_id.as_str().into(),
        secret,
        expires: row.expires.map(Timestamp::from_micros),
        last_use: Arc::clone(
            shared
                .last_uses
                .entry(row.access_key_id.clone())
                .or_insert_with(read_back),
        ),
    })
}

/// A JSON array of texts, as [`crate::manage`] writes it.
fn list(json: Option<&str>) -> Result<Option<Box<[Box<str>]>>, RowRefusal> {
    json.map(serde_json::from_str)
        .transpose()
        .map_err(|_| RowRefusal::Unreadable)
}

fn callers(json: Option<&str>) -> Result<Callers, RowRefusal> {
    match list(json)? {
        None => Ok(Callers::Any),
        Some(patterns) => {
            Callers::only(patterns.iter().map(|pattern| &**pattern)).map_err(|_| RowRefusal::Unreadable)
        }
    }
}

fn alarms(
    rows: &[RowRefused],
    managers: &HashMap<ManagerId, Opened>,
    providers: &[Arc<dyn KeyManagerProvider>],
) -> Vec<AlarmView> {
    let rows = rows.iter().map(AlarmView::of);
    let whole = providers.iter().flat_map(|provider| {
        let refused = provider.refused().into_iter();
        refused.map(|(manager, problem)| AlarmView {
            place: format!("key manager {manager}"),
            problem,
        })
    });
    let keys = managers.values().flat_map(|opened| {
        let manager = opened.description.id.clone();
        let refused = opened.lifecycle.refused().into_iter();
        refused.map(move |(key, problem)| AlarmView {
            place: format!("key manager {manager}, {key}"),
            problem,
        })
    });
    rows.chain(whole).chain(keys).collect()
}

/// What was noted of the keys that there are.
fn noted(manifest: &Manifest, managers: &HashMap<ManagerId, Opened>) -> HashMap<KeyId, Noted> {
    let keys = managers.values().flat_map(|opened| opened.lifecycle.list());
    let noted = keys.filter_map(|key| Some((key.id.clone(), manifest.noted(&key.id)?)));
    noted.collect()
}

/// Keys whose key manager says what the manifest rules out: an older state was put back. The stricter
/// of the two counts.
fn changed_behind_our_back<'a>(
    manifest: &'a Manifest,
    managers: &'a HashMap<ManagerId, Opened>,
) -> impl Iterator<Item = AlarmView> + 'a {
    managers.values().flat_map(move |opened| {
        let keys = opened.lifecycle.list().into_iter();
        keys.filter_map(move |key| {
            Some(AlarmView {
                place: format!("key manager {}, key {}", opened.description.id, key.id),
                problem: contradiction(manifest.noted(&key.id), key.state)?.to_owned(),
            })
        })
    })
}

fn contradiction(noted: Option<Noted>, known: KeyState) -> Option<&'static str> {
    match (noted, known) {
        (Some(Noted::Disabled), KeyState::Enabled) => {
            Some("it was disabled, and an earlier state of it was put back; it stays disabled")
        }
        (Some(Noted::PendingDeletion(_)), KeyState::Enabled | KeyState::Disabled) => Some(
            "it is pending deletion, and an earlier state of it was put back; it is not used, and not destroyed \
             until its deletion is cancelled and scheduled again",
        ),
        (Some(Noted::Disabled) | None, KeyState::PendingDeletion) => Some(
            "nobody has scheduled its deletion, or it was cancelled; it is not used, and not destroyed; cancel \
             its deletion",
        ),
        (Some(Noted::Destroyed), _) => Some(
            "it was destroyed, and an earlier state of it was put back; it stays disabled: delete it again",
        ),
        (Some(Noted::Disabled), KeyState::Disabled)
        | (Some(Noted::PendingDeletion(_)), KeyState::PendingDeletion)
        | (None, KeyState::Enabled | KeyState::Disabled) => None,
    }
}
