//! The tables. Memory is what answers; the database is what memory is read from at a start, so a row
//! is its key, one JSON text with everything that may change, and an envelope where it has a secret.

use crypto::Fields;
use seal::{RowMac, RowRefusal};
use store::{Migration, Migrations, Row, StoreError};

/// The tables of the KMS endpoint. They live in a database of their own, beside
/// `seal::roots::MIGRATIONS`.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "kms",
    steps: &[Migration {
        version: 1,
        name: "keys, key material, aliases, grants, custom key stores",
        sql: "
CREATE TABLE kms_key (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    secret {{BLOB}},
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE kms_key_material (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    secret {{BLOB}},
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE kms_alias (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    secret {{BLOB}},
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE kms_grant (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    secret {{BLOB}},
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE kms_custom_key_store (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    secret {{BLOB}},
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE kms_manifest (
    id BIGINT PRIMARY KEY,
    entries TEXT NOT NULL,
    generation BIGINT NOT NULL,
    tag {{BLOB}} NOT NULL
);
CREATE TABLE kms_key_usage (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    at BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    request_id TEXT NOT NULL
);
",
    }],
};

/// A table whose rows are tagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// KMS keys, by key id.
    Key,
    /// Key material, by `key id/material id`; its secret is the material.
    Material,
    /// Aliases, by `account/region/name`.
    Alias,
    /// Grants, by `key id/grant id`.
    Grant,
    /// Custom key stores, by id; its secret is the raw secret access key, or the passwords of `kmsuser`.
    CustomKeyStore,
}

impl Table {
    /// In the order in which they are read: what a row refers to comes first.
    pub(crate) const ALL: [Self; 5] = [
        Self::CustomKeyStore,
        Self::Key,
        Self::Material,
        Self::Alias,
        Self::Grant,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Key => "kms_key",
            Self::Material => "kms_key_material",
            Self::Alias => "kms_alias",
            Self::Grant => "kms_grant",
            Self::CustomKeyStore => "kms_custom_key_store",
        }
    }

    pub(crate) const fn select(self) -> &'static str {
        match self {
            Self::Key => "SELECT id, content, secret, generation, tag FROM kms_key ORDER BY id",
            Self::Material => "SELECT id, content, secret, generation, tag FROM kms_key_material ORDER BY id",
            Self::Alias => "SELECT id, content, secret, generation, tag FROM kms_alias ORDER BY id",
            Self::Grant => "SELECT id, content, secret, generation, tag FROM kms_grant ORDER BY id",
            Self::CustomKeyStore => {
                "SELECT id, content, secret, generation, tag FROM kms_custom_key_store ORDER BY id"
            }
        }
    }

    /// Adds a row, or replaces the one of its id.
    pub(crate) const fn write(self) -> &'static str {
        match self {
            Self::Key => {
                "INSERT INTO kms_key (id, content, secret, generation, tag) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET content = excluded.content, secret = excluded.secret, \
                 generation = excluded.generation, tag = excluded.tag"
            }
            Self::Material => {
                "INSERT INTO kms_key_material (id, content, secret, generation, tag) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET content = excluded.content, secret = excluded.secret, \
                 generation = excluded.generation, tag = excluded.tag"
            }
            Self::Alias => {
                "INSERT INTO kms_alias (id, content, secret, generation, tag) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET content = excluded.content, secret = excluded.secret, \
                 generation = excluded.generation, tag = excluded.tag"
            }
            Self::Grant => {
                "INSERT INTO kms_grant (id, content, secret, generation, tag) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET content = excluded.content, secret = excluded.secret, \
                 generation = excluded.generation, tag = excluded.tag"
            }
            Self::CustomKeyStore => {
                "INSERT INTO kms_custom_key_store (id, content, secret, generation, tag) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO UPDATE SET content = excluded.content, secret = excluded.secret, \
                 generation = excluded.generation, tag = excluded.tag"
            }
        }
    }

    pub(crate) const fn delete(self) -> &'static str {
        match self {
            Self::Key => "DELETE FROM kms_key WHERE id = $1",
            Self::Material => "DELETE FROM kms_key_material WHERE id = $1",
            Self::Alias => "DELETE FROM kms_alias WHERE id = $1",
            Self::Grant => "DELETE FROM kms_grant WHERE id = $1",
            Self::CustomKeyStore => "DELETE FROM kms_custom_key_store WHERE id = $1",
        }
    }

    /// What a row's tag is over, behind the table's domain.
    const fn domain(self) -> &'static str {
        match self {
            Self::Key => "strongroom kms_key v1",
            Self::Material => "strongroom kms_key_material v1",
            Self::Alias => "strongroom kms_alias v1",
            Self::Grant => "strongroom kms_grant v1",
            Self::CustomKeyStore => "strongroom kms_custom_key_store v1",
        }
    }
}

/// A row as it stands in its table, the tag aside.
#[derive(Debug)]
pub(crate) struct StoredRow {
    pub(crate) id: String,
    pub(crate) content: String,
    /// An envelope under the root.
    pub(crate) secret: Option<Vec<u8>>,
    /// The change that wrote it.
    pub(crate) generation: u64,
}

impl StoredRow {
    /// The tag for this row.
    pub(crate) fn tag(&self, table: Table, mac: &RowMac) -> Vec<u8> {
        mac.tag(&self.fields(table))
    }

    /// Reads a row if its tag is ours. Whether it is the latest of ours, the manifest says.
    pub(crate) fn authentic(table: Table, row: &Row, mac: &RowMac) -> Result<Self, RowRefusal> {
        let unreadable = |_: StoreError| RowRefusal::Unreadable;
        let parsed = Self::read(row).map_err(unreadable)?;
        mac.verify(&parsed.fields(table), row.blob(4).map_err(unreadable)?)?;
        Ok(parsed)
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            content: row.text(1)?.to_owned(),
            secret: row.opt_blob(2)?.map(<[u8]>::to_vec),
            generation: row.unsigned(3)?,
        })
    }

    fn fields(&self, table: Table) -> Fields {
        Fields::new(table.domain())
            .text(&self.id)
            .text(&self.content)
            .optional(self.secret.as_deref())
            .number(self.generation)
    }
}
