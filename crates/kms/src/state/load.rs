//! Reading everything at a start: every row verified, every refused row named.

use std::collections::HashMap;
use std::sync::Arc;

use ambient::Timestamp;
use crypto::{Fields, Key256};
use seal::{Keyring, RowMac, RowRefusal, RowRefused};
use store::{Row, Store, StoreError};

use super::key::{Key, LastUsage, Material, MaterialId, Usage};
use super::manifest::Manifest;
use super::model::{CustomKeyStore, Model};
use super::record::{
    AliasRecord, Backing, CustomKeyStoreRecord, GrantRecord, KeyRecord, MaterialRecord, from_content,
};
use super::table::{StoredRow, Table};

const USAGE: &str = "SELECT id, operation, at, event_id, request_id FROM kms_key_usage ORDER BY id";
const WRITE_USAGE: &str = "INSERT INTO kms_key_usage (id, operation, at, event_id, request_id) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET operation = excluded.operation, \
    at = excluded.at, event_id = excluded.event_id, request_id = excluded.request_id";
pub(super) const DELETE_USAGE: &str = "DELETE FROM kms_key_usage WHERE id = $1";

/// What a start reads.
pub(super) struct Loaded {
    pub(super) model: Model,
    pub(super) manifest: Manifest,
    pub(super) alarms: Vec<RowRefused>,
}

/// Reads everything at one instant.
pub(super) async fn everything(store: &Store, keyring: &Keyring, mac: &RowMac) -> Result<Loaded, StoreError> {
    let mut snapshot = store.read().await?;
    let (manifest, mut alarms) = Manifest::read(&mut snapshot, mac).await?;
    let mut model = Model::default();
    let mut usages = usages(&snapshot.query(USAGE, &[]).await?);
    for table in Table::ALL {
        let (rows, refused) = manifest.rows(table, &mut snapshot, mac).await?;
        alarms.extend(refused);
        for row in rows {
            if let Err(reason) = take(table, &row, &mut model, keyring, &mut usages) {
                alarms.push(RowRefused::new(table.name(), &row.id, reason));
            }
        }
    }
    Ok(Loaded {
        model,
        manifest,
        alarms,
    })
}

/// Puts what an authentic row says into memory.
fn take(
    table: Table,
    row: &StoredRow,
    model: &mut Model,
    keyring: &Keyring,
    usages: &mut HashMap<String, Usage>,
) -> Result<(), RowRefusal> {
    let unreadable = RowRefusal::Unreadable;
    match table {
        Table::Key => {
            let record: KeyRecord = from_content(&row.content).ok_or(unreadable)?;
            let usage = usages.remove(record.id.as_str()).map(LastUsage::stored);
            model.put_key(Arc::new(record), usage);
        }
        Table::Material => {
            let record: MaterialRecord = from_content(&row.content).ok_or(unreadable)?;
            let key = record.key.clone();
            // Of a key that was refused: the alarm about the key says it all.
            let Some(arn) = model.key(&key).map(|key| Arc::clone(&key.arn)) else {
                return Ok(());
            };
            let id = MaterialId::parse(&record.id).ok_or(unreadable)?;
            let sealed = row.secret.as_deref().ok_or(unreadable)?;
            let bytes = keyring.open(&Material::context(&arn, &record), sealed)?;
            let material = Key256::from_slice(bytes.expose()).ok_or(unreadable)?;
            model.put_material(&key, Arc::new(Material::new(id, record, &material)));
        }
        Table::Alias => {
            let record: AliasRecord = from_content(&row.content).ok_or(unreadable)?;
            model.put_alias(&Arc::new(record));
        }
        Table::Grant => {
            let record: GrantRecord = from_content(&row.content).ok_or(unreadable)?;
            model.put_grant(Arc::new(record));
        }
        Table::CustomKeyStore => {
            let record: CustomKeyStoreRecord = from_content(&row.content).ok_or(unreadable)?;
            let sealed = row.secret.as_deref().ok_or(unreadable)?;
            let secret = keyring.open(&secret_context(&record), sealed)?;
            model.put_custom_key_store(CustomKeyStore {
                record: Arc::new(record),
                secret: Arc::new(secret),
            });
        }
    }
    Ok(())
}

/// What the envelope of a store's secret is bound to.
pub(super) fn secret_context(record: &CustomKeyStoreRecord) -> Fields {
    let (domain, name) = match &record.backing {
        Backing::ExternalKeyStore(proxy) => ("strongroom kms proxy credential v1", &proxy.access_key_id),
        Backing::AwsCloudHsm(cluster) => ("strongroom kms kmsuser password v1", &cluster.cluster_id),
    };
    Fields::new(domain)
        .text(&record.id)
        .text(&record.realm.to_string())
        .text(name)
}

fn usages(rows: &[Row]) -> HashMap<String, Usage> {
    // Whatever somebody else wrote there, it decides nothing.
    let usage = |row: &Row| {
        let usage = Usage {
            operation: row.text(1).ok()?.parse().ok()?,
            at: Timestamp::from_micros(row.unsigned(2).ok()?),
            event_id: row.text(3).ok()?.to_owned(),
            request_id: row.text(4).ok()?.to_owned(),
        };
        Some((row.text(0).ok()?.to_owned(), usage))
    };
    rows.iter().filter_map(usage).collect()
}

/// Writes what keys were used for last.
pub(super) async fn write_usage(store: &Store, unwritten: &[(Arc<Key>, Usage)]) -> Result<(), StoreError> {
    if unwritten.is_empty() {
        return Ok(());
    }
    let mut transaction = store.begin().await?;
    for (key, usage) in unwritten {
        let values = [
            key.record.id.as_str().into(),
            usage.operation.as_str().into(),
            usage.at.as_micros().into(),
            (&usage.event_id).into(),
            (&usage.request_id).into(),
        ];
        transaction.execute(WRITE_USAGE, &values).await?;
    }
    transaction.commit().await
}
