//! Reading the directory from the store: every row verified, every refused row named.

use std::collections::HashMap;
use std::sync::Arc;

use ambient::Timestamp;
use key_manager::{KeyId, KeyState, ManagerId, Name, Opened};
use policy::Callers;
use seal::{Keyring, RowMac, RowRefusal, RowRefused};
use store::{Row, Snapshot, StoreError};

use crate::KeyStoreId;
use crate::admission::StoreLoad;
use crate::directory::{Binding, Credential, Directory, KeyStore, Standing};
use crate::last_use::LastUse;
use crate::manifest::Manifest;
use crate::rows::{BindingRow, CredentialRow, KeyStoreRow};
use crate::view::AlarmView;

/// What outlives a snapshot: counters that all snapshots of one thing share.
#[derive(Default)]
pub(crate) struct Shared {
    loads: HashMap<String, Arc<StoreLoad>>,
    last_uses: HashMap<String, Arc<LastUse>>,
}

/// The rows as they were read, verified.
#[derive(Default)]
struct Verified {
    key_stores: Vec<KeyStoreRow>,
    bindings: Vec<BindingRow>,
    credentials: Vec<CredentialRow>,
    alarms: Vec<RowRefused>,
    manifest: Manifest,
}

/// Reads everything at one instant.
pub(crate) async fn directory(
    snapshot: &mut Snapshot,
    keyring: &Keyring,
    mac: &RowMac,
    managers: HashMap<ManagerId, Opened>,
    shared: &mut Shared,
    standing: Standing,
) -> Result<Directory, StoreError> {
    let mut rows = read(snapshot, mac).await?;
    let generation = rows.manifest.generation;
    let mut by_prefix = HashMap::with_capacity(rows.key_stores.len());
    for row in std::mem::take(&mut rows.key_stores) {
        match key_store(&row, &mut rows, keyring, &managers, shared) {
            Ok(store) => drop(by_prefix.insert(store.path_prefix.clone(), Arc::new(store))),
            Err(reason) => rows
                .alarms
                .push(RowRefused::new(KeyStoreRow::TABLE, &row.id, reason)),
        }
    }
    let mut alarms = alarms(rows.alarms, &managers);
    alarms.extend(enabled_behind_our_back(&rows.manifest, &managers));
    Ok(Directory {
        standing,
        generation,
        by_prefix,
        managers,
        alarms,
    })
}

async fn read(snapshot: &mut Snapshot, mac: &RowMac) -> Result<Verified, StoreError> {
    let mut verified = Verified::default();
    let manifest = snapshot.query_one(Manifest::SELECT, &[]).await?;
    let mut manifest = Manifest::read(manifest.as_ref(), mac).unwrap_or_else(|refused| {
        verified.alarms.push(refused);
        Manifest::default()
    });
    for row in snapshot.query(KeyStoreRow::SELECT, &[]).await? {
        let parsed = KeyStoreRow::read(&row);
        let content = parsed
            .as_ref()
            .ok()
            .map(|parsed| (parsed.fields(), parsed.generation, parsed.key()));
        let check = Check {
            table: KeyStoreRow::TABLE,
            row: &row,
            key_columns: &[0],
            tag_column: 9,
        };
        verified.key_stores.extend(
            check
                .run(content, mac, &mut manifest, &mut verified.alarms)
                .and(parsed.ok()),
        );
    }
    for row in snapshot.query(BindingRow::SELECT, &[]).await? {
        let parsed = BindingRow::read(&row);
        let content = parsed
            .as_ref()
            .ok()
            .map(|parsed| (parsed.fields(), parsed.generation, parsed.key()));
        let check = Check {
            table: BindingRow::TABLE,
            row: &row,
            key_columns: &[0, 1],
            tag_column: 9,
        };
        verified.bindings.extend(
            check
                .run(content, mac, &mut manifest, &mut verified.alarms)
                .and(parsed.ok()),
        );
    }
    for row in snapshot.query(CredentialRow::SELECT, &[]).await? {
        let parsed = CredentialRow::read(&row);
        let content = parsed
            .as_ref()
            .ok()
            .map(|parsed| (parsed.fields(), parsed.generation, parsed.key()));
        let check = Check {
            table: CredentialRow::TABLE,
            row: &row,
            key_columns: &[0],
            tag_column: 7,
        };
        verified.credentials.extend(
            check
                .run(content, mac, &mut manifest, &mut verified.alarms)
                .and(parsed.ok()),
        );
    }
    for (table, key) in manifest.missing() {
        let table = [KeyStoreRow::TABLE, BindingRow::TABLE, CredentialRow::TABLE]
            .into_iter()
            .find(|known| *known == table)
            .unwrap_or("warden_manifest");
        verified
            .alarms
            .push(RowRefused::new(table, key, RowRefusal::Missing));
    }
    Ok(verified)
}

/// The check of one row: its tag, and its place in the manifest.
struct Check<'a> {
    table: &'static str,
    row: &'a Row,
    key_columns: &'static [usize],
    tag_column: usize,
}

impl Check<'_> {
    fn run(
        &self,
        content: Option<(crypto::Fields, u64, String)>,
        mac: &RowMac,
        manifest: &mut Manifest,
        alarms: &mut Vec<RowRefused>,
    ) -> Option<()> {
        let verdict = match (content, self.row.blob(self.tag_column)) {
            (Some((fields, generation, key)), Ok(tag)) => mac
                .verify(&fields, tag)
                .and_then(|()| manifest.check_off(self.table, &key, generation)),
            _ => Err(RowRefusal::Unreadable),
        };
        let key = || {
            let columns = self
                .key_columns
                .iter()
                .map(|column| self.row.text(*column).unwrap_or("?"));
            columns.collect::<Vec<_>>().join("/")
        };
        verdict
            .map_err(|reason| alarms.push(RowRefused::new(self.table, &key(), reason)))
            .ok()
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
        noted_disabled: manifest.is_disabled(&key),
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

fn alarms(rows: Vec<RowRefused>, managers: &HashMap<ManagerId, Opened>) -> Vec<AlarmView> {
    let rows = rows.into_iter().map(|refused| AlarmView {
        place: format!("table {}, row {}", refused.table, refused.row),
        problem: refused.reason.to_string(),
    });
    let keys = managers.values().flat_map(|opened| {
        let manager = opened.description.id.clone();
        let refused = opened.lifecycle.refused().into_iter();
        refused.map(move |(key, problem)| AlarmView {
            place: format!("key manager {manager}, {key}"),
            problem,
        })
    });
    rows.chain(keys).collect()
}

/// Keys that their key manager calls enabled and the manifest disabled: an older state was put
/// back. They stay disabled.
fn enabled_behind_our_back<'a>(
    manifest: &'a Manifest,
    managers: &'a HashMap<ManagerId, Opened>,
) -> impl Iterator<Item = AlarmView> + 'a {
    managers.values().flat_map(move |opened| {
        let keys = opened.lifecycle.list().into_iter();
        let keys = keys.filter(|key| key.state == KeyState::Enabled && manifest.is_disabled(&key.id));
        keys.map(|key| AlarmView {
            place: format!("key manager {}, key {}", opened.description.id, key.id),
            problem: "it was disabled, and an earlier state of it was put back; it stays disabled".to_owned(),
        })
    })
}
