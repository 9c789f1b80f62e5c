//! The migration runner.

use crate::{Dialect, Row, Store, StoreError};

/// The migrations of one owner (a crate): its tables, in the order in which they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The crate's name. Its tables' names start with it or with a word of its own.
    pub owner: &'static str,
    /// The steps, versions 1, 2, 3 … without a gap. A released step never changes.
    pub steps: &'static [Migration],
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3 …
    pub version: u32,
    /// What it does, for people.
    pub name: &'static str,
    /// Statements separated by `;`, in SQL that SQLite and PostgreSQL share. `{{BLOB}}` stands for
    /// the type of byte strings; see [`Dialect`].
    pub sql: &'static str,
}

/// What a new database runs, in order: the runner's own table, this crate's tables, then every
/// step of `migrations`. Each script is a transaction of its own. For tests that hold the SQL
/// against each kind of database.
#[must_use]
pub fn schema(dialect: Dialect, migrations: &[Migrations]) -> Vec<String> {
    let own = std::iter::once(dialect.sql(TABLE));
    let steps = all(migrations)
        .into_iter()
        .flat_map(|owner| owner.steps)
        .map(|step| dialect.sql(step.sql));
    own.chain(steps).collect()
}

/// This crate's own tables.
const OWN: Migrations = Migrations {
    owner: "store",
    steps: &[Migration {
        version: 1,
        name: "generation",
        sql: "CREATE TABLE store_generation (id BIGINT PRIMARY KEY, generation BIGINT NOT NULL);
              INSERT INTO store_generation (id, generation) VALUES (1, 0);",
    }],
};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_migration (owner TEXT NOT NULL, \
    version BIGINT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (owner, version))";
const ALL: &str = "SELECT owner, version, sha256 FROM store_migration ORDER BY owner, version";
const ONE: &str = "SELECT owner, version, sha256 FROM store_migration WHERE owner = $1 AND version = $2";
const DONE: &str = "INSERT INTO store_migration (owner, version, name, sha256) VALUES ($1, $2, $3, $4)";

/// Brings the database to the present: checks everything that has run, then runs what has not.
pub(crate) async fn run(store: &Store, migrations: &[Migrations]) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    transaction.execute_script(Dialect::Sqlite.sql(TABLE)).await?;
    transaction.commit().await?;

    let all = all(migrations);
    let rows = store.query(ALL, &[]).await?;
    for row in &rows {
        check(row, &all)?;
    }
    for owner in &all {
        for step in owner.steps {
            let has_run = rows.iter().any(|row| {
                row.text(0).is_ok_and(|name| name == owner.owner)
                    && row.int(1).is_ok_and(|version| version == i64::from(step.version))
            });
            if !has_run {
                apply(store, owner.owner, step).await?;
            }
        }
    }
    Ok(())
}

/// This crate's own migrations come first.
fn all(migrations: &[Migrations]) -> Vec<Migrations> {
    [OWN].iter().chain(migrations).copied().collect()
}

/// A step that has run must be known, and must read as it did.
fn check(row: &Row, known: &[Migrations]) -> Result<(), StoreError> {
    let (owner, version) = (row.text(0)?, row.int(1)?);
    let steps = known
        .iter()
        .find(|migrations| migrations.owner == owner)
        .map_or(&[][..], |migrations| migrations.steps);
    let Some((step, name)) = steps
        .iter()
        .find(|step| i64::from(step.version) == version)
        .zip(known.iter().find(|migrations| migrations.owner == owner))
    else {
        return Err(StoreError::Newer {
            owner: owner.to_owned(),
            found: version,
            known: steps.iter().map(|step| step.version).max().unwrap_or(0),
        });
    };
    if row.text(2)? == hash(step) {
        return Ok(());
    }
    Err(StoreError::MigrationChanged {
        owner: name.owner,
        version: step.version,
    })
}

async fn apply(store: &Store, owner: &'static str, step: &Migration) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    let key = [owner.into(), step.version.into()];
    // Another process may have been faster; the write lock is ours only now.
    if transaction.query_one(ONE, &key).await?.is_some() {
        return Ok(());
    }
    transaction.execute_script(Dialect::Sqlite.sql(step.sql)).await?;
    let digest = hash(step);
    transaction
        .execute(
            DONE,
            &[
                owner.into(),
                step.version.into(),
                step.name.into(),
                (&digest).into(),
            ],
        )
        .await?;
    transaction.commit().await
}

/// SHA-256 of the step's text with its placeholders, hence the same on every kind of database.
fn hash(step: &Migration) -> String {
    crypto::hex(&crypto::sha256(&[step.sql.as_bytes()]))
}
