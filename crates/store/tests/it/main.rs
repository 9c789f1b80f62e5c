//! The store over real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod durability;
mod failures;
mod migrations;
mod transactions;

use std::path::Path;

use store::{Migration, Migrations, Store};

const TABLES: Migrations = Migrations {
    owner: "test",
    steps: &[
        Migration {
            version: 1,
            name: "things",
            sql: "CREATE TABLE thing (id TEXT PRIMARY KEY, number BIGINT, bytes {{BLOB}});
                  CREATE TABLE part (id BIGINT PRIMARY KEY, thing TEXT NOT NULL REFERENCES thing (id));",
        },
        Migration {
            version: 2,
            name: "first thing",
            sql: "INSERT INTO thing (id, number) VALUES ('first', 1)",
        },
    ],
};

const INSERT: &str = "INSERT INTO thing (id, number, bytes) VALUES ($1, $2, $3)";
const COUNT: &str = "SELECT COUNT(*) FROM thing";

async fn open(directory: &Path) -> Store {
    Store::open(&directory.join("db"), &[TABLES]).await.unwrap()
}

async fn count(store: &Store) -> i64 {
    let row = store.query_one(COUNT, &[]).await.unwrap().unwrap();
    row.int(0).unwrap()
}
