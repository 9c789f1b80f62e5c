//! A database edited by hand grants nothing: the row is left out, and the alarm says which.

use std::collections::BTreeMap;

use serde_json::json;
use store::{Row, Store, Value};

use crate::support::World;

/// Tables whose rows are tagged, with the columns `id, content, secret, generation, tag`.
const TABLES: [&str; 5] = [
    "kms_key",
    "kms_key_material",
    "kms_alias",
    "kms_grant",
    "kms_custom_key_store",
];

#[derive(Clone, Debug, PartialEq)]
struct Stored {
    content: String,
    secret: Option<Vec<u8>>,
    generation: i64,
    tag: Vec<u8>,
}

/// Rows by id.
type Table = BTreeMap<String, Stored>;
/// Parts of the manifest by number: entries, generation, tag.
type Manifest = BTreeMap<i64, (String, i64, Vec<u8>)>;

/// Everything that is tagged.
#[derive(Clone, PartialEq, Debug)]
struct Dump {
    tables: BTreeMap<&'static str, Table>,
    manifest: Manifest,
}

fn sql(text: String) -> &'static str {
    text.leak()
}

fn stored(row: &Row) -> (String, Stored) {
    let stored = Stored {
        content: row.text(1).unwrap().to_owned(),
        secret: row.opt_blob(2).unwrap().map(<[u8]>::to_vec),
        generation: row.int(3).unwrap(),
        tag: row.blob(4).unwrap().to_vec(),
    };
    (row.text(0).unwrap().to_owned(), stored)
}

async fn raw(world: &World) -> Store {
    Store::open(&world.database(), &[kms::MIGRATIONS]).await.unwrap()
}

impl Dump {
    async fn read(world: &World) -> Self {
        let store = raw(world).await;
        let mut tables = BTreeMap::new();
        for table in TABLES {
            let rows = store
                .query(
                    sql(format!(
                        "SELECT id, content, secret, generation, tag FROM {table}"
                    )),
                    &[],
                )
                .await
                .unwrap();
            tables.insert(table, rows.iter().map(stored).collect());
        }
        let parts = store
            .query("SELECT id, entries, generation, tag FROM kms_manifest", &[])
            .await
            .unwrap();
        let part = |row: &Row| {
            let entries = row.text(1).unwrap().to_owned();
            let rest = (entries, row.int(2).unwrap(), row.blob(3).unwrap().to_vec());
            (row.int(0).unwrap(), rest)
        };
        let manifest = parts.iter().map(part).collect();
        store.close().await;
        Self { tables, manifest }
    }

    async fn write(&self, world: &World) {
        let store = raw(world).await;
        let mut transaction = store.begin().await.unwrap();
        for (table, rows) in &self.tables {
            transaction
                .execute(sql(format!("DELETE FROM {table}")), &[])
                .await
                .unwrap();
            for (id, row) in rows {
                let values: [Value<'_>; 5] = [
                    id.into(),
                    (&row.content).into(),
                    row.secret.as_ref().into(),
                    row.generation.into(),
                    (&row.tag).into(),
                ];
                let insert = format!(
                    "INSERT INTO {table} (id, content, secret, generation, tag) VALUES ($1, $2, $3, $4, $5)"
                );
                transaction.execute(sql(insert), &values).await.unwrap();
            }
        }
        transaction
            .execute("DELETE FROM kms_manifest", &[])
            .await
            .unwrap();
        for (id, (entries, generation, tag)) in &self.manifest {
            let values: [Value<'_>; 4] = [(*id).into(), entries.into(), (*generation).into(), tag.into()];
            transaction
                .execute(
                    "INSERT INTO kms_manifest (id, entries, generation, tag) VALUES ($1, $2, $3, $4)",
                    &values,
                )
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
        store.close().await;
    }

    fn row(&mut self, table: &str, id: &str) -> &mut Stored {
        self.tables.get_mut(table).unwrap().get_mut(id).unwrap()
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, &String)> {
        self.tables
            .iter()
            .flat_map(|(table, rows)| rows.keys().map(|id| (*table, id)))
    }
}

/// One key that rotated and one that is disabled.
async fn scene() -> (World, String, String) {
    let world = World::new().await;
    let rotated = world.create_key(json!({})).await;
    world
        .call("RotateKeyOnDemand", json!({"KeyId": rotated}))
        .await
        .unwrap();
    let disabled = world.create_key(json!({})).await;
    world
        .call("DisableKey", json!({"KeyId": disabled}))
        .await
        .unwrap();
    (world, rotated, disabled)
}

fn alarms(world: &World) -> Vec<String> {
    world.kms.alarms().iter().map(ToString::to_string).collect()
}

fn id(arn: &str) -> String {
    arn.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_edit_of_a_row_is_noticed_and_named() {
    let (mut world, _, _) = scene().await;
    let good = Dump::read(&world).await;
    let mut cases = 0;
    for (table, id) in good.rows() {
        type Edit = fn(&mut Stored);
        let edits: [(&str, Edit); 6] = [
            ("content", |row| {
                row.content = row.content.replacen("\"created\":1", "\"created\":2", 1);
            }),
            ("generation", |row| row.generation += 1),
            ("an older generation", |row| row.generation -= 1),
            ("secret", |row| match &mut row.secret {
                Some(secret) => *secret.last_mut().unwrap() ^= 1,
                None => row.secret = Some(vec![0; 64]),
            }),
            ("tag", |row| *row.tag.last_mut().unwrap() ^= 1),
            ("no tag", |row| row.tag.clear()),
        ];
        for (what, edit) in edits {
            let mut edited = good.clone();
            edit(edited.row(table, id));
            assert_ne!(edited, good, "{what}");
            edited.write(&world).await;
            world = world.restart().await;
            let alarms = alarms(&world);
            assert!(
                alarms
                    .iter()
                    .any(|alarm| alarm.starts_with(&format!("table {table}, row {id}: "))),
                "{what} of {table} {id}: {alarms:?}"
            );
            cases += 1;
        }
        let mut without = good.clone();
        without.tables.get_mut(table).unwrap().remove(id);
        without.write(&world).await;
        world = world.restart().await;
        assert_eq!(
            alarms(&world),
            [format!("table {table}, row {id}: it is missing")]
        );
        let mut twice = good.clone();
        let copy = twice.row(table, id).clone();
        twice
            .tables
            .get_mut(table)
            .unwrap()
            .insert("copy".to_owned(), copy);
        twice.write(&world).await;
        world = world.restart().await;
        assert_eq!(alarms(&world).len(), 1, "{:?}", alarms(&world));
        assert!(alarms(&world)[0].starts_with(&format!("table {table}, row copy: ")));
    }
    assert_eq!(cases, 5 * 6, "two keys, three materials");
    good.write(&world).await;
    assert_eq!(alarms(&world.restart().await), Vec::<String>::new());
}

/// The row of a disabled key from the time when it was enabled, put back.
#[tokio::test]
async fn an_older_row_re_enables_nothing() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let other = world.create_key(json!({})).await;
    let before = Dump::read(&world).await;
    world.call("DisableKey", json!({"KeyId": arn})).await.unwrap();
    world.call("DisableKey", json!({"KeyId": other})).await.unwrap();
    let after = Dump::read(&world).await;
    let id = id(&arn);

    let mut replayed = after.clone();
    *replayed.row("kms_key", &id) = before.clone().row("kms_key", &id).clone();
    replayed.write(&world).await;
    let world = world.restart().await;
    assert_eq!(
        alarms(&world),
        [format!(
            "table kms_key, row {id}: an earlier version of it was put back"
        )]
    );
    assert_eq!(
        world.refused_name("DescribeKey", json!({"KeyId": arn})).await,
        "NotFoundException"
    );
    assert_eq!(world.describe(&other).await["KeyState"], "Disabled");

    // Together with the part of the manifest that it was in.
    let entry = format!("\"kms_key/{id}\"");
    let part = |dump: &Dump| {
        let found = dump.manifest.iter().find(|(_, (text, ..))| text.contains(&entry));
        let (number, part) = found.unwrap();
        (*number, part.clone())
    };
    let (number, old) = part(&before);
    replayed.manifest.insert(number, old);
    replayed.write(&world).await;
    let world = world.restart().await;
    let named = alarms(&world);
    assert!(
        named.contains(&format!(
            "table kms_manifest, row {number}: an earlier version of it was put back"
        )),
        "{named:?}"
    );
    assert_eq!(
        world.refused_name("DescribeKey", json!({"KeyId": arn})).await,
        "NotFoundException"
    );
}

#[tokio::test]
async fn a_manifest_that_is_gone_vouches_for_nothing() {
    let (world, rotated, disabled) = scene().await;
    let good = Dump::read(&world).await;
    let parts: Vec<i64> = good.manifest.keys().copied().collect();
    let mut world = world;
    for part in parts {
        let mut without = good.clone();
        without.manifest.remove(&part);
        without.write(&world).await;
        world = world.restart().await;
        assert!(!alarms(&world).is_empty(), "part {part}");
        let mut edited = good.clone();
        edited.manifest.get_mut(&part).unwrap().1 += 1;
        edited.write(&world).await;
        world = world.restart().await;
        assert!(
            alarms(&world)
                .iter()
                .any(|alarm| alarm.starts_with(&format!("table kms_manifest, row {part}: "))),
            "part {part}"
        );
    }
    let mut without = good.clone();
    without.manifest.clear();
    without.write(&world).await;
    let world = world.restart().await;
    assert_eq!(alarms(&world).len(), 5);
    for arn in [rotated, disabled] {
        let refused = world.refused_name("DescribeKey", json!({"KeyId": arn})).await;
        assert_eq!(refused, "NotFoundException");
    }
}

/// A key whose material was refused is described and encrypts nothing, also not in the clear.
#[tokio::test]
async fn a_key_without_its_material_is_of_no_use() {
    let (world, rotated, _) = scene().await;
    let sealed = world
        .call("Encrypt", json!({"KeyId": rotated, "Plaintext": "aGk="}))
        .await
        .unwrap();
    let mut dump = Dump::read(&world).await;
    let materials = dump.tables.get_mut("kms_key_material").unwrap();
    let prefix = id(&rotated);
    let mine: Vec<String> = materials
        .keys()
        .filter(|row| row.starts_with(&prefix))
        .cloned()
        .collect();
    // The material of the one generation under the name of the other.
    let secrets: Vec<_> = mine.iter().map(|row| materials[row].secret.clone()).collect();
    for (row, secret) in mine.iter().rev().zip(secrets) {
        materials.get_mut(row).unwrap().secret = secret;
    }
    dump.write(&world).await;
    let world = world.restart().await;
    assert_eq!(alarms(&world).len(), 2);
    world.describe(&rotated).await;
    let encrypt = json!({"KeyId": rotated, "Plaintext": "aGk="});
    assert_eq!(
        world.refused_name("Encrypt", encrypt).await,
        "KMSInternalException"
    );
    let decrypt = json!({"CiphertextBlob": sealed["CiphertextBlob"]});
    assert_eq!(
        world.refused_name("Decrypt", decrypt).await,
        "InvalidCiphertextException"
    );
}

/// Only the plain columns of the database can be read in it: no key material.
#[tokio::test]
async fn no_key_material_is_in_the_database() {
    let (world, rotated, _) = scene().await;
    let dump = Dump::read(&world).await;
    for (id, row) in &dump.tables["kms_key_material"] {
        let secret = row.secret.as_ref().unwrap();
        assert_eq!(secret.len(), 32 + 49, "an envelope");
        assert!(!row.content.contains("material\":"), "{id}");
    }
    assert!(dump.tables["kms_key"][&id(&rotated)].secret.is_none());
}

/// Somebody moves the store's counter while we run.
#[tokio::test]
async fn a_counter_turned_back_gives_no_generation_twice() {
    let (world, rotated, _) = scene().await;
    let store = raw(&world).await;
    let mut transaction = store.begin().await.unwrap();
    transaction
        .execute("UPDATE store_generation SET generation = 0", &[])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.close().await;
    let before = Dump::read(&world).await;
    world.call("DisableKey", json!({"KeyId": rotated})).await.unwrap();
    let mut after = Dump::read(&world).await;
    let key = id(&rotated);
    assert!(after.row("kms_key", &key).generation > before.clone().row("kms_key", &key).generation);
    let generations = |dump: &Dump| {
        dump.tables
            .values()
            .flat_map(Table::values)
            .map(|row| row.generation)
            .max()
    };
    assert!(generations(&after) > generations(&before));
    let world = world.restart().await;
    assert_eq!(alarms(&world), Vec::<String>::new());
    assert_eq!(world.describe(&rotated).await["KeyState"], "Disabled");
}
