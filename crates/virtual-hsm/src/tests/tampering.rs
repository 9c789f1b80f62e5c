//! A database edited by hand grants nothing: the row is refused, and the alarm says which.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ambient::Timestamp;
use key_manager::{KeyId, KeyManagerError, KeyManagerProvider, KeyState, KeyUsage, Name, Opened};
use seal::roots;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row, TypeInfo, ValueRef};

use super::{World, decrypt, encrypt, open_store};
use crate::VirtualHsms;

/// A value in a column, as an intruder sees it.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// Somebody who can write the database but has no key. No foreign key stops him.
struct Intruder(SqliteConnection);

impl Intruder {
    async fn at(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
        Self(SqliteConnection::connect_with(&options).await.unwrap())
    }

    async fn run(&mut self, sql: String) -> u64 {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut self.0).await;
        done.unwrap().rows_affected()
    }

    async fn columns(&mut self, table: &str) -> Vec<String> {
        let sql = AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
        let rows = sqlx::query(sql).fetch_all(&mut self.0).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn read(&mut self, table: &str, column: &str, row: &str) -> Cell {
        let sql = AssertSqlSafe(format!("SELECT {column} FROM {table} WHERE {row}"));
        cell(&sqlx::query(sql).fetch_one(&mut self.0).await.unwrap())
    }

    /// Returns whether the database let him.
    async fn write(&mut self, table: &str, column: &str, row: &str, value: &Cell) -> bool {
        let sql = AssertSqlSafe(format!("UPDATE {table} SET {column} = $1 WHERE {row}"));
        let query = sqlx::query(sql);
        let query = match value {
            Cell::Null => query.bind(None::<i64>),
            Cell::Int(value) => query.bind(*value),
            Cell::Text(value) => query.bind(value.clone()),
            Cell::Blob(value) => query.bind(value.clone()),
        };
        match query.execute(&mut self.0).await {
            Ok(done) => done.rows_affected() == 1,
            Err(_) => false,
        }
    }

    async fn leave(self) {
        self.0.close().await.unwrap();
    }
}

fn cell(row: &SqliteRow) -> Cell {
    let kind = row.try_get_raw(0).unwrap().type_info().name().to_owned();
    match kind.as_str() {
        "NULL" => Cell::Null,
        "INTEGER" => Cell::Int(row.get_unchecked(0)),
        "TEXT" => Cell::Text(row.get_unchecked(0)),
        "BLOB" => Cell::Blob(row.get_unchecked(0)),
        other => panic!("{other}"),
    }
}

/// Every way to edit a value that comes to mind, beside taking another row's.
fn edits(value: &Cell) -> Vec<Cell> {
    match value {
        Cell::Null => vec![Cell::Int(0), Cell::Text("x".to_owned())],
        Cell::Int(number) => vec![
            Cell::Null,
            Cell::Int(0),
            Cell::Int(number + 1),
            Cell::Int(number - 1),
            Cell::Int(1 - number),
            Cell::Int(-number - 1),
            Cell::Text("x".to_owned()),
        ],
        Cell::Text(text) => {
            let mut last = text.clone();
            let end = if last.pop() == Some('0') { '1' } else { '0' };
            last.push(end);
            vec![
                Cell::Text(last),
                Cell::Text(text.to_uppercase()),
                Cell::Text(format!("{text}\n")),
                Cell::Text(String::new()),
                Cell::Text("enabled".to_owned()),
                Cell::Text("encrypt,decrypt".to_owned()),
                Cell::Text("decrypt,encrypt".to_owned()),
                Cell::Blob(text.clone().into_bytes()),
            ]
        }
        Cell::Blob(bytes) => {
            let flipped = |at: usize| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1;
                Cell::Blob(bytes)
            };
            let ends = [0, bytes.len() / 2, bytes.len() - 1].map(flipped);
            let others = [Cell::Blob(Vec::new()), Cell::Text("x".to_owned()), Cell::Int(0)];
            ends.into_iter().chain(others).collect()
        }
    }
}

/// Two virtual HSMs; in the first a key that may only decrypt and is pending deletion, and a key in use.
struct Scene {
    world: World,
    hsm: String,
    narrow: KeyId,
    other: KeyId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let (opened, other) = world.hsm().await;
        let mut narrow = world.new_key("narrow");
        narrow.usage = KeyUsage {
            encrypt: false,
            decrypt: true,
        };
        let id = narrow.id.clone();
        opened.lifecycle.create(narrow).await.unwrap();
        let at = Timestamp::from_secs(1_900_000_000);
        opened.lifecycle.schedule_deletion(id.clone(), at).await.unwrap();
        let second = Name::parse("second").unwrap();
        let provider = world.provider().await;
        provider.create(world.manager_id(), second).await.unwrap();
        world.store.close().await;
        Self {
            hsm: opened.description.id.to_string(),
            narrow: id,
            other,
            world,
        }
    }

    /// A fresh copy of the database.
    fn copy(&self) -> PathBuf {
        static COPIES: AtomicU32 = AtomicU32::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let copy = self.world.path(&format!("copy-{number}"));
        std::fs::copy(self.world.path("db"), &copy).unwrap();
        copy
    }

    /// What is edited in each table, and a sibling row to take values from.
    fn rows(&self, table: &str) -> (String, String) {
        let (a, b) = (&self.narrow, &self.other);
        match table {
            "virtual_hsm" => (format!("id = '{}'", self.hsm), format!("id <> '{}'", self.hsm)),
            "virtual_hsm_key" => (format!("id = '{a}'"), format!("id = '{b}'")),
            _ => (format!("key_id = '{a}'"), format!("key_id = '{b}'")),
        }
    }

    /// What a server makes of the database.
    async fn open(&self, path: PathBuf) -> (VirtualHsms, Vec<Opened>) {
        let (random, clock) = (self.world.random.clone(), self.world.clock.clone());
        let store = open_store(path).await;
        let mut reader = store.read().await.unwrap();
        let keyring = roots::load(&mut reader, &self.world.seal).await.unwrap();
        drop(reader);
        let provider = VirtualHsms::new(store, Arc::new(keyring), random, clock);
        let opened = provider.open_all().await.unwrap();
        (provider, opened)
    }

    /// The first virtual HSM, and the alarms about its rows.
    async fn first(&self, path: PathBuf) -> (Opened, Vec<(String, String)>) {
        let (_, opened) = self.open(path).await;
        let first = opened
            .into_iter()
            .find(|opened| opened.description.id.as_str() == self.hsm);
        let first = first.expect("the virtual HSM itself is in order");
        let refused = first.lifecycle.refused();
        (first, refused)
    }
}

/// Returns whether the database let the intruder do it.
async fn check_edit(scene: &Scene, table: &str, column: &str, value: &Cell) -> bool {
    let what = format!("{table}.{column} = {value:?}");
    let copy = scene.copy();
    let mut intruder = Intruder::at(&copy).await;
    let let_him = intruder.write(table, column, &scene.rows(table).0, value).await;
    intruder.leave().await;
    if !let_him {
        return false;
    }
    if table == "virtual_hsm" {
        let (provider, opened) = scene.open(copy).await;
        assert_eq!(opened.len(), 1, "{what}");
        let refused = provider.refused();
        assert_eq!(refused.len(), 1, "{what}");
        assert!(refused[0].1.contains("table virtual_hsm, row "), "{what}");
        return true;
    }
    let (first, refused) = scene.first(copy).await;
    let alarm = |text: &String| text.contains(&format!("table {table}, row {}", scene.narrow));
    assert!(
        refused
            .iter()
            .any(|(id, text)| *id == scene.narrow.as_str() && alarm(text)),
        "{what}: {refused:?}"
    );
    assert!(
        matches!(
            first.manager.describe(&scene.narrow),
            Err(KeyManagerError::KeyRefused(_))
        ),
        "{what}"
    );
    let still = encrypt(&first, &scene.other, b"x", None).await;
    assert!(still.is_ok(), "the other key goes on: {what}");
    true
}

#[tokio::test]
async fn every_column_edited_in_every_way_is_refused_and_named() {
    let scene = Scene::new().await;
    let mut all = Vec::new();
    let mut intruder = Intruder::at(&scene.copy()).await;
    for table in ["virtual_hsm", "virtual_hsm_key", "virtual_hsm_key_version"] {
        let (row, sibling) = scene.rows(table);
        for column in intruder.columns(table).await {
            let value = intruder.read(table, &column, &row).await;
            let mut candidates = edits(&value);
            candidates.push(intruder.read(table, &column, &sibling).await);
            candidates.retain(|candidate| *candidate != value);
            all.extend(candidates.into_iter().map(|edit| (table, column.clone(), edit)));
        }
    }
    intruder.leave().await;
    let mut edited = BTreeSet::new();
    for (table, column, edit) in &all {
        if check_edit(&scene, table, column, edit).await {
            edited.insert((table, column));
        }
    }
    assert_eq!(edited.len(), 8 + 12 + 7, "every column was edited at least once");
}

#[tokio::test]
async fn an_earlier_copy_of_a_row_is_refused() {
    let scene = Scene::new().await;
    let (copy, id) = (scene.copy(), &scene.narrow);
    let mut intruder = Intruder::at(&copy).await;
    intruder
        .run(format!(
            "CREATE TABLE kept AS SELECT * FROM virtual_hsm_key WHERE id = '{id}'"
        ))
        .await;
    intruder.leave().await;
    let (first, refused) = scene.first(copy.clone()).await;
    assert!(refused.is_empty());
    let cancel = first.lifecycle.cancel_deletion(id.clone());
    cancel.await.unwrap();
    drop(first);
    let mut intruder = Intruder::at(&copy).await;
    intruder
        .run(format!("DELETE FROM virtual_hsm_key WHERE id = '{id}'"))
        .await;
    let back = intruder
        .run("INSERT INTO virtual_hsm_key SELECT * FROM kept".to_owned())
        .await;
    assert_eq!(back, 1);
    intruder.leave().await;
    let (first, refused) = scene.first(copy).await;
    assert_eq!(refused.len(), 1);
    assert!(refused[0].1.contains("an earlier version"), "{refused:?}");
    assert!(first.manager.describe(id).is_err());
}

#[tokio::test]
async fn deleted_and_added_rows_are_noticed() {
    let scene = Scene::new().await;
    let (a, b) = (&scene.narrow, &scene.other);
    let cases = [
        (
            format!("DELETE FROM virtual_hsm_key WHERE id = '{a}'"),
            a.to_string(),
            "it is missing",
        ),
        (
            format!("DELETE FROM virtual_hsm_key_version WHERE key_id = '{a}'"),
            a.to_string(),
            "it is missing",
        ),
        (
            format!(
                "INSERT INTO virtual_hsm_key_version SELECT '{a}', version_tag, algorithm, framing, \
                 fingerprint, created_at, sealed FROM virtual_hsm_key_version WHERE key_id = '{b}'"
            ),
            format!("{a}/"),
            "it was added",
        ),
    ];
    for (sql, row, why) in cases {
        let copy = scene.copy();
        let mut intruder = Intruder::at(&copy).await;
        assert_eq!(intruder.run(sql.clone()).await, 1);
        intruder.leave().await;
        let (first, refused) = scene.first(copy).await;
        assert_eq!(refused.len(), 1, "{sql}: {refused:?}");
        assert!(refused[0].0.starts_with(&row), "{sql}: {refused:?}");
        assert!(refused[0].1.contains(why), "{sql}: {refused:?}");
        assert!(encrypt(&first, b, b"x", None).await.is_ok());
    }
}

#[tokio::test]
async fn a_refused_key_stays_refused_while_others_change() {
    let scene = Scene::new().await;
    let copy = scene.copy();
    let mut intruder = Intruder::at(&copy).await;
    let row = scene.rows("virtual_hsm_key").0;
    let enabled = Cell::Text("enabled".to_owned());
    assert!(intruder.write("virtual_hsm_key", "state", &row, &enabled).await);
    intruder.leave().await;
    let (first, refused) = scene.first(copy).await;
    assert_eq!(refused.len(), 1);
    first.lifecycle.rotate(scene.other.clone()).await.unwrap();
    let key = scene.world.new_key("more");
    first.lifecycle.create(key).await.unwrap();
    assert_eq!(first.lifecycle.refused(), refused);
    let set = first.lifecycle.set_state(scene.narrow.clone(), KeyState::Enabled);
    assert!(matches!(set.await, Err(KeyManagerError::KeyRefused(_))));
    let output = encrypt(&first, &scene.other, b"x", None).await.unwrap();
    assert_eq!(decrypt(&first, &scene.other, &output, None).await.unwrap(), b"x");
}

#[tokio::test]
async fn a_row_edited_while_the_server_runs_is_noticed_at_the_next_change() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let mut intruder = Intruder::at(&world.path("db")).await;
    let row = format!("id = '{key}'");
    let narrow = Cell::Text("decrypt".to_owned());
    assert!(intruder.write("virtual_hsm_key", "usage", &row, &narrow).await);
    intruder.leave().await;
    assert!(opened.lifecycle.refused().is_empty());
    opened.lifecycle.create(world.new_key("more")).await.unwrap();
    assert_eq!(opened.lifecycle.refused().len(), 1);
    assert!(matches!(
        encrypt(&opened, &key, b"x", None).await,
        Err(KeyManagerError::KeyRefused(_))
    ));
}
