//! The warden's tables, and what authenticates each row.
//!
//! Every column that decides something is under the row's tag, together with the generation that
//! wrote it. `last_use` decides nothing and is not. That no older version of a row was put back and
//! none removed or added is held by the manifest (`manifest.rs`).

mod binding;
mod credential;
mod key_store;

use ambient::Random;
use crypto::Fields;
use seal::{Keyring, ResealFailed, RowMac, RowRefusal};
use store::{Migration, Migrations, Row, StoreError, Value};

pub(crate) use binding::BindingRow;
pub(crate) use credential::{CredentialRow, LAST_USE};
pub(crate) use key_store::KeyStoreRow;

/// The warden's tables.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "warden",
    steps: &[Migration {
        version: 1,
        name: "key stores, bindings, credentials",
        sql: "
CREATE TABLE warden_key_store (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    path_prefix TEXT NOT NULL UNIQUE,
    region TEXT,
    listeners TEXT,
    common_names TEXT,
    blocked TEXT,
    created BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE warden_binding (
    key_store TEXT NOT NULL,
    external_key_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    manager TEXT NOT NULL,
    principals TEXT,
    foreign_keys TEXT,
    blocked TEXT,
    created BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL,
    PRIMARY KEY (key_store, external_key_id)
);
CREATE TABLE warden_credential (
    access_key_id TEXT PRIMARY KEY,
    key_store TEXT NOT NULL,
    secret {{BLOB}} NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    retired BIGINT,
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL,
    last_use BIGINT
);
CREATE TABLE warden_manifest (
    id BIGINT PRIMARY KEY,
    entries TEXT NOT NULL,
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE warden_mark (
    id BIGINT PRIMARY KEY,
    settled BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
",
    }],
};

/// A row of a table that decides something: every column that does is under its tag.
pub(crate) trait TaggedRow: Sized + Send {
    /// The table.
    const TABLE: &'static str;
    /// Reads all rows.
    const SELECT: &'static str;
    /// Adds a row; the tag is the last parameter.
    const INSERT: &'static str;
    /// Changes what may change of a row; the tag is the last parameter.
    const UPDATE: &'static str;
    /// Writes what a rotation of the root changes of a row; the tag is the last parameter.
    const RESEAL: &'static str;
    /// The columns of [`TaggedRow::SELECT`] that make up the row's key.
    const KEY_COLUMNS: &'static [usize];
    /// The column of [`TaggedRow::SELECT`] that holds the tag.
    const TAG_COLUMN: usize;
    /// The column that holds an envelope under the root, if one does.
    const ENVELOPE_COLUMN: Option<usize> = None;

    /// Reads a row as it stands, verified or not.
    fn read(row: &Row) -> Result<Self, StoreError>;

    /// The row's key, as alarms and the manifest name it.
    fn key(&self) -> String;

    /// The generation that wrote the row.
    fn generation(&self) -> u64;

    /// Says which generation writes the row.
    fn set_generation(&mut self, generation: u64);

    /// What the tag is over.
    fn fields(&self) -> Fields;

    /// The parameters of [`TaggedRow::INSERT`], the tag aside.
    fn inserted(&self) -> Vec<Value<'_>>;

    /// The parameters of [`TaggedRow::UPDATE`], the tag aside.
    fn updated(&self) -> Vec<Value<'_>>;

    /// The parameters of [`TaggedRow::RESEAL`], the tag aside.
    fn resealed(&self) -> Vec<Value<'_>>;

    /// Seals what is in an envelope under the current root. The inner error refuses this row alone.
    fn reseal(
        &mut self,
        _keyring: &Keyring,
        _random: &dyn Random,
    ) -> Result<Result<(), RowRefusal>, ResealFailed> {
        Ok(Ok(()))
    }
}

/// The key of a row that may be anything, as alarms name it.
pub(crate) fn key_as_stored<R: TaggedRow>(row: &Row) -> String {
    let columns = R::KEY_COLUMNS
        .iter()
        .map(|column| row.text(*column).unwrap_or("?"));
    columns.collect::<Vec<_>>().join("/")
}

/// Reads a row if its tag is ours. Whether it is the latest of ours, the manifest says.
pub(crate) fn authentic<R: TaggedRow>(row: &Row, mac: &RowMac) -> Result<R, RowRefusal> {
    let unreadable = |_: StoreError| RowRefusal::Unreadable;
    let parsed = R::read(row).map_err(unreadable)?;
    mac.verify(&parsed.fields(), row.blob(R::TAG_COLUMN).map_err(unreadable)?)?;
    Ok(parsed)
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn bytes(text: Option<&String>) -> Option<&[u8]> {
    text.map(String::as_bytes)
}
