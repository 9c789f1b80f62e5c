//! The store over SQLite.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row as _, Sqlite, SqlitePool, TypeInfo, ValueRef, query::Query,
};

use crate::value::Cell;
use crate::{Migrations, Row, StoreError, Value, file, migrate};

/// How long a writer waits for another one. Administrative transactions take milliseconds; who
/// waits for longer meets a second server or a stuck backup tool.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Administration and health probes read; the request path does not. Four never queue in practice.
const READERS: u32 = 4;

const GENERATION: &str = "SELECT generation FROM store_generation WHERE id = 1";
const BUMP: &str = "UPDATE store_generation SET generation = generation + 1 WHERE id = 1";

/// An open database. A clone shares its connections.
#[derive(Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the database at `path`, creating it (mode 0600) if there is none, and runs the
    /// migrations that it lacks.
    pub async fn open(path: &Path, migrations: &[Migrations]) -> Result<Self, StoreError> {
        file::prepare(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // A deleted row may hold what a retired root or seal protected.
            .pragma("secure_delete", "ON")
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        let store = Self { writer, readers };
        store.check_integrity().await?;
        migrate::run(&store, migrations).await?;
        file::sync_directory(path)?;
        Ok(store)
    }

    /// Starts a transaction that may write, waiting at most 5 s for the one before it.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Transaction(Snapshot(inner)))
    }

    /// A view of the database at one instant, for several reads that belong together.
    pub async fn read(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot(self.readers.begin().await?))
    }

    /// One read.
    pub async fn query(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = bind(sql, values).fetch_all(&self.readers).await?;
        Ok(rows.iter().map(owned).collect())
    }

    /// One read of at most one row; more than one is cut.
    pub async fn query_one(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let row = bind(sql, values).fetch_optional(&self.readers).await?;
        Ok(row.as_ref().map(owned))
    }

    /// The number of the last administrative transaction that was committed.
    pub async fn generation(&self) -> Result<u64, StoreError> {
        generation_of(self.query_one(GENERATION, &[]).await?)
    }

    /// Reads from the database, for health checks; [`StoreError::TimedOut`] after `limit`.
    pub async fn ping(&self, limit: Duration) -> Result<(), StoreError> {
        let read = tokio::time::timeout(limit, self.generation()).await;
        read.map_err(|_| StoreError::TimedOut)?.map(drop)
    }

    /// Waits for transactions under way, then closes. Every later use is [`StoreError::Closed`].
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        let row = self
            .begin()
            .await?
            .query_one("PRAGMA quick_check(1)", &[])
            .await?;
        let detail = row.map_or(Ok("no answer".to_owned()), |row| {
            row.text(0).map(ToOwned::to_owned)
        })?;
        if detail == "ok" {
            return Ok(());
        }
        Err(StoreError::Corrupt { detail })
    }
}

/// A consistent view of the database; what was committed after it began is not in it.
pub struct Snapshot(sqlx::Transaction<'static, Sqlite>);

impl Snapshot {
    /// All rows.
    pub async fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = bind(sql, values).fetch_all(&mut *self.0).await?;
        Ok(rows.iter().map(owned).collect())
    }

    /// The first row, if there is one.
    pub async fn query_one(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        let row = bind(sql, values).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(owned))
    }

    /// The generation in this view.
    pub async fn generation(&mut self) -> Result<u64, StoreError> {
        generation_of(self.query_one(GENERATION, &[]).await?)
    }
}

/// A transaction that holds the write lock. Reads (through [`Snapshot`]'s methods) see its own
/// writes. Dropped without [`commit`](Self::commit), it is rolled back.
pub struct Transaction(Snapshot);

impl Transaction {
    /// Runs one statement; returns how many rows it touched.
    pub async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let done = bind(sql, values).execute(&mut *self.0.0).await?;
        Ok(done.rows_affected())
    }

    /// Raises the generation by one and returns it. Every administrative transaction does, once.
    pub async fn bump_generation(&mut self) -> Result<u64, StoreError> {
        self.execute(BUMP, &[]).await?;
        self.generation().await
    }

    /// Makes everything durable. An error means that nothing was written; only if this future is
    /// dropped half way is it unknown which.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.0.0.commit().await.map_err(Into::into)
    }

    /// Runs several statements separated by `;`, for migrations.
    pub(crate) async fn execute_script(&mut self, sql: String) -> Result<(), StoreError> {
        // The text is a constant of some crate of ours, save for the placeholder.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.0.0).await?;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Snapshot {
        &mut self.0
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // After a full disk or a failed write SQLite rolls back by itself; the driver's own
        // rollback then fails, and it believes for ever that a transaction is open. Such a
        // connection is closed and replaced.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
}

fn bind(sql: &'static str, values: &[Value<'_>]) -> Query<'static, Sqlite, SqliteArguments> {
    values.iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind((*value).to_owned()),
        Value::Blob(value) => query.bind(value.to_vec()),
    })
}

/// Copies a row out of the driver by the types that are really in it: SQLite lets anybody put
/// anything into a column.
fn owned(row: &SqliteRow) -> Row {
    let cell = |column| -> Option<Cell> {
        let raw = row.try_get_raw(column).ok()?;
        if raw.is_null() {
            return Some(Cell::Null);
        }
        let name = raw.type_info().name().to_owned();
        match name.as_str() {
            "INTEGER" => row.try_get_unchecked(column).ok().map(Cell::Int),
            "TEXT" => row.try_get_unchecked(column).ok().map(Cell::Text),
            "BLOB" => row.try_get_unchecked(column).ok().map(Cell::Blob),
            _ => None,
        }
    };
    Row((0..row.len())
        .map(|column| cell(column).unwrap_or(Cell::Foreign))
        .collect())
}

fn generation_of(row: Option<Row>) -> Result<u64, StoreError> {
    let expected = "the store's generation (the row is missing)";
    row.ok_or(StoreError::Column { column: 0, expected })?.unsigned(0)
}
