//! A database edited by hand grants nothing: the row is refused, and the alarm says which.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::{SystemClock, Timestamp};
use hsm::Hsms;
use key_manager::{
    CiphertextMetadata, EncryptWith, Framing, KeyId, KeyManagerError, KeyManagerProvider, KeyState, Legacy,
    Opened,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::kit::{Scene, copy_database, create_key, open_store, scene, serve};

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
    let raw = row.try_get_raw(0).unwrap();
    if raw.is_null() {
        return Cell::Null;
    }
    let kind = raw.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" => Cell::Int(row.get_unchecked(0)),
        "TEXT" => Cell::Text(row.get_unchecked(0)),
        "BLOB" => Cell::Blob(row.get_unchecked(0)),
        other => panic!("{other}"),
    }
}

/// Every way to edit a value that comes to mind, beside taking another row's.
fn edits(value: &Cell) -> Vec<Cell> {
    let mut all = match value {
        Cell::Null => vec![
            Cell::Int(0),
            Cell::Text(String::new()),
            Cell::Text("0badcafe".to_owned()),
            Cell::Blob(Vec::new()),
            Cell::Blob(vec![1]),
        ],
        Cell::Int(number) => vec![
            Cell::Int(number + 1),
            Cell::Int(number - 1),
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
                Cell::Text(format!("{text},")),
                Cell::Text(String::new()),
                Cell::Text("enabled".to_owned()),
                Cell::Text("destroyed".to_owned()),
                Cell::Text("encrypt,decrypt".to_owned()),
                Cell::Text("spec".to_owned()),
                Cell::Text("danger_raw".to_owned()),
                Cell::Text("XAES-256-GCM".to_owned()),
                // Fewer encryptions than were reserved.
                Cell::Text(text.replace("/1", "/0")),
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
    };
    if *value != Cell::Null {
        all.push(Cell::Null);
    }
    all
}

/// In one key manager an adopted key that is disabled, and a key in use.
struct Edited {
    scene: Scene,
    narrow: KeyId,
    other: KeyId,
}

const HSM: &str = "name = 'main'";

impl Edited {
    async fn new(scene: Scene) -> Self {
        scene.import("a", "old", &[1; 32], &[]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let other = create_key(&opened, scene.new_key("other")).await;
        serve(&opened, &other).await.unwrap();
        let legacy = Legacy {
            framing: Framing::AwsSample,
            metadata: CiphertextMetadata::from_slice(b"v1").unwrap(),
        };
        let same = EncryptWith::SameObject { count_from: 1 << 20 };
        let mut adopted = scene.adopted("old", Some(legacy), same);
        adopted.key.usage.encrypt = false;
        let narrow = adopted.key.id.clone();
        opened.lifecycle.adopt(adopted).await.unwrap();
        let disable = opened.lifecycle.set_state(narrow.clone(), KeyState::Disabled);
        disable.await.unwrap();
        // A second key manager: its row's values are tried in the first's.
        sibling(&scene).await;
        hsms.close().await;
        Self { scene, narrow, other }
    }

    /// A fresh copy of the database.
    async fn copy(&self) -> PathBuf {
        let copy = self.scene.hsm.path().join("copy");
        copy_database(&self.scene, &copy).await;
        copy
    }

    /// What is edited in each table, and a sibling row to take values from.
    fn rows(&self, table: &str) -> (String, String) {
        let (a, b) = (&self.narrow, &self.other);
        match table {
            "hsm" => (HSM.to_owned(), "name = 'second'".to_owned()),
            "hsm_key" => (format!("id = '{a}'"), format!("id = '{b}'")),
            _ => (
                format!("key_id = '{a}' AND legacy IS NOT NULL"),
                format!("key_id = '{b}'"),
            ),
        }
    }

    /// What a server makes of the database. Its tokens are not asked: rows come first.
    async fn open(&self, path: PathBuf) -> (Hsms, Vec<Opened>) {
        let store = open_store(path).await;
        let keyring = self.scene.keyring(&store).await;
        let (random, clock) = (Arc::clone(&self.scene.random), Arc::new(SystemClock));
        let hsms = Hsms::new(store, keyring, random, clock, Vec::new(), None);
        let opened = hsms.open_all().await.unwrap();
        (hsms, opened)
    }

    /// The first key manager, and the alarms about its rows.
    async fn first(&self, path: PathBuf) -> (Opened, Vec<(String, String)>) {
        let (_, opened) = self.open(path).await;
        let first = opened
            .into_iter()
            .find(|opened| opened.description.name.as_str() == "main");
        let first = first.unwrap();
        let refused = first.lifecycle.refused();
        (first, refused)
    }

    /// Returns whether the database let the intruder do it.
    async fn check(&self, table: &str, column: &str, value: &Cell) -> bool {
        let what = format!("{table}.{column} = {value:?}");
        let copy = self.copy().await;
        let mut intruder = Intruder::at(&copy).await;
        let let_him = intruder.write(table, column, &self.rows(table).0, value).await;
        intruder.leave().await;
        if !let_him {
            return false;
        }
        if table == "hsm" {
            let (hsms, opened) = self.open(copy).await;
            assert_eq!(opened.len(), 1, "{what}");
            let refused = hsms.refused();
            assert_eq!(refused.len(), 1, "{what}");
            assert!(refused[0].1.contains("table hsm, row "), "{what}");
            return true;
        }
        let (first, refused) = self.first(copy).await;
        let alarm = |text: &String| text.contains(&format!("table {table}, row {}", self.narrow));
        let named = refused
            .iter()
            .any(|(id, text)| *id == self.narrow.as_str() && alarm(text));
        // A row that names another owner is missing here, and unexpected there.
        let moved = matches!(column, "id" | "hsm_id" | "key_id" | "version_tag");
        assert!(named || (moved && !refused.is_empty()), "{what}: {refused:?}");
        assert!(
            matches!(
                first.manager.describe(&self.narrow),
                Err(KeyManagerError::KeyRefused(_))
            ),
            "{what}: {refused:?}"
        );
        assert!(
            first.manager.describe(&self.other).is_ok(),
            "the other key goes on: {what}"
        );
        true
    }
}

async fn sibling(scene: &Scene) {
    let mut config = scene.config(&["b"], "");
    config.name = "second".to_owned();
    let hsms = scene.hsms(config).await;
    let name = key_manager::Name::parse("second").unwrap();
    hsms.create(scene.manager_id(), name).await.unwrap();
    hsms.close().await;
}

scene! {
    async fn every_column_edited_in_every_way_is_refused_and_named(scene) {
        let edited = Edited::new(scene).await;
        let mut all = Vec::new();
        let mut intruder = Intruder::at(&edited.copy().await).await;
        for table in ["hsm", "hsm_key", "hsm_key_version"] {
            let (row, sibling) = edited.rows(table);
            for column in intruder.columns(table).await {
                let value = intruder.read(table, &column, &row).await;
                let mut candidates = edits(&value);
                candidates.push(intruder.read(table, &column, &sibling).await);
                candidates.retain(|candidate| *candidate != value);
                all.extend(candidates.into_iter().map(|edit| (table, column.clone(), edit)));
            }
        }
        intruder.leave().await;
        let mut done = BTreeSet::new();
        for (table, column, edit) in &all {
            if edited.check(table, column, edit).await {
                done.insert((table, column));
            }
        }
        assert_eq!(done.len(), 6 + 13 + 10, "every column was edited at least once");
    }
}

scene! {
    async fn an_earlier_copy_of_a_row_is_refused(scene) {
        let edited = Edited::new(scene).await;
        let id = edited.narrow.clone();
        let copy = edited.copy().await;
        let mut intruder = Intruder::at(&copy).await;
        intruder.run(format!("CREATE TABLE kept AS SELECT * FROM hsm_key WHERE id = '{id}'")).await;
        intruder.leave().await;
        let (first, refused) = edited.first(copy.clone()).await;
        assert!(refused.is_empty());
        first.lifecycle.set_state(id.clone(), KeyState::Enabled).await.unwrap();
        drop(first);
        let mut intruder = Intruder::at(&copy).await;
        intruder.run(format!("DELETE FROM hsm_key WHERE id = '{id}'")).await;
        assert_eq!(intruder.run("INSERT INTO hsm_key SELECT * FROM kept".to_owned()).await, 1);
        intruder.leave().await;
        let (first, refused) = edited.first(copy).await;
        assert_eq!(refused.len(), 1);
        assert!(refused[0].1.contains("an earlier version"), "{refused:?}");
        assert!(first.manager.describe(&id).is_err());
    }
}

scene! {
    /// With the row of an earlier reservation encryptions would be counted twice.
    async fn an_earlier_count_is_refused(scene) {
        let edited = Edited::new(scene).await;
        let id = &edited.other;
        let copy = edited.copy().await;
        let mut intruder = Intruder::at(&copy).await;
        intruder.run(format!("CREATE TABLE kept AS SELECT * FROM hsm_key WHERE id = '{id}'")).await;
        intruder.leave().await;
        let (first, _) = edited.first(copy.clone()).await;
        first.lifecycle.restored().await.unwrap();
        drop(first);
        let mut intruder = Intruder::at(&copy).await;
        intruder.run(format!("DELETE FROM hsm_key WHERE id = '{id}'")).await;
        intruder.run("INSERT INTO hsm_key SELECT * FROM kept".to_owned()).await;
        intruder.leave().await;
        let (first, refused) = edited.first(copy).await;
        assert!(refused[0].1.contains("an earlier version"), "{refused:?}");
        assert!(first.manager.describe(id).is_err());
    }
}

scene! {
    /// All of them fit together. In one of these states an object was being made that has encrypted since,
    /// and that would be destroyed as what a crash left.
    async fn an_earlier_state_of_all_tables_is_noticed_by_a_server_that_saw_the_later(scene) {
        let edited = Edited::new(scene).await;
        let copy = edited.copy().await;
        let mut intruder = Intruder::at(&copy).await;
        let tables = ["hsm", "hsm_key", "hsm_key_version"];
        for table in tables {
            intruder.run(format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        let (first, refused) = edited.first(copy).await;
        assert!(refused.is_empty());
        first.lifecycle.restored().await.unwrap();
        for table in tables {
            intruder.run(format!("DELETE FROM {table}")).await;
            intruder.run(format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        }
        intruder.leave().await;
        let change = first.lifecycle.set_state(edited.other.clone(), KeyState::Disabled).await;
        assert!(
            matches!(&change, Err(KeyManagerError::KeyRefused(why)) if why.contains("an earlier version")),
            "{change:?}"
        );
    }
}

scene! {
    async fn deleted_and_added_rows_are_noticed(scene) {
        let edited = Edited::new(scene).await;
        let (a, b) = (&edited.narrow, &edited.other);
        let cases = [
            (format!("DELETE FROM hsm_key WHERE id = '{a}'"), a.to_string(), "it is missing"),
            (
                format!("DELETE FROM hsm_key_version WHERE key_id = '{a}' AND legacy IS NULL"),
                a.to_string(),
                "it is missing",
            ),
            (
                format!(
                    "INSERT INTO hsm_key_version SELECT '{a}', version_tag, algorithm, framing, label, object_id, \
                     legacy, proof, created_at, tag FROM hsm_key_version WHERE key_id = '{b}'"
                ),
                format!("{a}/"),
                "it was added",
            ),
        ];
        for (sql, row, why) in cases {
            let copy = edited.copy().await;
            let mut intruder = Intruder::at(&copy).await;
            assert_eq!(intruder.run(sql.clone()).await, 1);
            intruder.leave().await;
            let (first, refused) = edited.first(copy).await;
            assert_eq!(refused.len(), 1, "{sql}: {refused:?}");
            assert!(refused[0].0.starts_with(&row), "{sql}: {refused:?}");
            assert!(refused[0].1.contains(why), "{sql}: {refused:?}");
            assert!(first.manager.describe(b).is_ok());
        }
    }
}

scene! {
    async fn a_refused_key_stays_refused_while_others_change(scene) {
        let edited = Edited::new(scene).await;
        let copy = edited.copy().await;
        let mut intruder = Intruder::at(&copy).await;
        let row = edited.rows("hsm_key").0;
        assert!(intruder.write("hsm_key", "state", &row, &Cell::Text("enabled".to_owned())).await);
        intruder.leave().await;
        let (first, refused) = edited.first(copy).await;
        assert_eq!(refused.len(), 1);
        let at = Timestamp::from_secs(2_000_000_000);
        first.lifecycle.schedule_deletion(edited.other.clone(), at).await.unwrap();
        assert_eq!(first.lifecycle.refused(), refused);
        let set = first.lifecycle.set_state(edited.narrow.clone(), KeyState::Enabled);
        assert!(matches!(set.await, Err(KeyManagerError::KeyRefused(_))));
        let destroy = first.lifecycle.destroy_key(edited.narrow.clone());
        assert!(matches!(destroy.await, Err(KeyManagerError::KeyRefused(_))));
    }
}
