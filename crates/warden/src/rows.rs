//! The warden's tables, and what authenticates each row.
//!
//! Every column that decides something is under the row's tag, together with the generation that
//! wrote it. `last_use` decides nothing and is not. That no older version of a row was put back and
//! none removed or added is held by the manifest (`manifest.rs`).

use crypto::Fields;
use seal::RowMac;
use store::{Migration, Migrations, Row, StoreError};

/// The warden's tables.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "warden",
    steps: &[Migration {
        version: 1,
        name: "key stores, bindings, credentials, changes",
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
CREATE TABLE warden_change (
    id TEXT PRIMARY KEY,
    generation BIGINT NOT NULL
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

/// `warden_key_store`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyStoreRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) path_prefix: String,
    pub(crate) region: Option<String>,
    /// JSON array of texts.
    pub(crate) listeners: Option<String>,
    /// JSON array of texts.
    pub(crate) common_names: Option<String>,
    pub(crate) blocked: Option<String>,
    pub(crate) created: u64,
    pub(crate) generation: u64,
}

impl KeyStoreRow {
    /// The row's key, as alarms and the manifest name it.
    pub(crate) fn key(&self) -> String {
        self.id.clone()
    }

    pub(crate) const TABLE: &'static str = "warden_key_store";
    pub(crate) const SELECT: &'static str = "SELECT id, name, path_prefix, region, listeners, common_names, \
        blocked, created, generation, tag FROM warden_key_store ORDER BY id";
    pub(crate) const INSERT: &'static str = "INSERT INTO warden_key_store (id, name, path_prefix, region, \
        listeners, common_names, blocked, created, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
        ON CONFLICT (id) DO UPDATE SET blocked = excluded.blocked, generation = excluded.generation, tag = excluded.tag";

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            name: row.text(1)?.to_owned(),
            path_prefix: row.text(2)?.to_owned(),
            region: owned(row.opt_text(3)?),
            listeners: owned(row.opt_text(4)?),
            common_names: owned(row.opt_text(5)?),
            blocked: owned(row.opt_text(6)?),
            created: row.unsigned(7)?,
            generation: row.unsigned(8)?,
        })
    }

    pub(crate) fn fields(&self) -> Fields {
        Fields::new("strongroom warden_key_store v1")
            .text(&self.id)
            .text(&self.name)
            .text(&self.path_prefix)
            .optional(bytes(self.region.as_ref()))
            .optional(bytes(self.listeners.as_ref()))
            .optional(bytes(self.common_names.as_ref()))
            .optional(bytes(self.blocked.as_ref()))
            .number(self.created)
            .number(self.generation)
    }

    pub(crate) async fn write(
        &self,
        transaction: &mut store::Transaction,
        mac: &RowMac,
    ) -> Result<(), StoreError> {
        let tag = mac.tag(&self.fields());
        let values = [
            (&self.id).into(),
            (&self.name).into(),
            (&self.path_prefix).into(),
            self.region.as_ref().into(),
            self.listeners.as_ref().into(),
            self.common_names.as_ref().into(),
            self.blocked.as_ref().into(),
            self.created.into(),
            self.generation.into(),
            (&tag).into(),
        ];
        transaction.execute(Self::INSERT, &values).await.map(drop)
    }
}

/// `warden_binding`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BindingRow {
    pub(crate) key_store: String,
    pub(crate) external_key_id: String,
    pub(crate) key_id: String,
    pub(crate) manager: String,
    /// JSON array of patterns; NULL lets everybody in.
    pub(crate) principals: Option<String>,
    /// JSON array of patterns; NULL lets everybody in.
    pub(crate) foreign_keys: Option<String>,
    pub(crate) blocked: Option<String>,
    pub(crate) created: u64,
    pub(crate) generation: u64,
}

impl BindingRow {
    /// The row's key, as alarms and the manifest name it.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.key_store, self.external_key_id)
    }

    pub(crate) const TABLE: &'static str = "warden_binding";
    pub(crate) const SELECT: &'static str = "SELECT key_store, external_key_id, key_id, manager, principals, \
        foreign_keys, blocked, created, generation, tag FROM warden_binding ORDER BY key_store, external_key_id";
    pub(crate) const INSERT: &'static str = "INSERT INTO warden_binding (key_store, external_key_id, key_id, manager, \
        principals, foreign_keys, blocked, created, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
        ON CONFLICT (key_store, external_key_id) DO UPDATE SET blocked = excluded.blocked, \
        generation = excluded.generation, tag = excluded.tag";

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key_store: row.text(0)?.to_owned(),
            external_key_id: row.text(1)?.to_owned(),
            key_id: row.text(2)?.to_owned(),
            manager: row.text(3)?.to_owned(),
            principals: owned(row.opt_text(4)?),
            foreign_keys: owned(row.opt_text(5)?),
            blocked: owned(row.opt_text(6)?),
            created: row.unsigned(7)?,
            generation: row.unsigned(8)?,
        })
    }

    pub(crate) fn fields(&self) -> Fields {
        Fields::new("strongroom warden_binding v1")
            .text(&self.key_store)
            .text(&self.external_key_id)
            .text(&self.key_id)
            .text(&self.manager)
            .optional(bytes(self.principals.as_ref()))
            .optional(bytes(self.foreign_keys.as_ref()))
            .optional(bytes(self.blocked.as_ref()))
            .number(self.created)
            .number(self.generation)
    }

    pub(crate) async fn write(
        &self,
        transaction: &mut store::Transaction,
        mac: &RowMac,
    ) -> Result<(), StoreError> {
        let tag = mac.tag(&self.fields());
        let values = [
            (&self.key_store).into(),
            (&self.external_key_id).into(),
            (&self.key_id).into(),
            (&self.manager).into(),
            self.principals.as_ref().into(),
            self.foreign_keys.as_ref().into(),
            self.blocked.as_ref().into(),
            self.created.into(),
            self.generation.into(),
            (&tag).into(),
        ];
        transaction.execute(Self::INSERT, &values).await.map(drop)
    }
}

/// `warden_credential`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialRow {
    pub(crate) access_key_id: String,
    pub(crate) key_store: String,
    /// An envelope under the root; its context is [`CredentialRow::context`].
    pub(crate) secret: Vec<u8>,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    pub(crate) retired: Option<u64>,
    pub(crate) generation: u64,
    pub(crate) last_use: Option<u64>,
}

impl CredentialRow {
    /// The row's key, as alarms and the manifest name it.
    pub(crate) fn key(&self) -> String {
        self.access_key_id.clone()
    }

    pub(crate) const TABLE: &'static str = "warden_credential";
    pub(crate) const SELECT: &'static str = "SELECT access_key_id, key_store, secret, created, expires, retired, \
        generation, tag, last_use FROM warden_credential ORDER BY access_key_id";
    pub(crate) const INSERT: &'static str = "INSERT INTO warden_credential (access_key_id, key_store, secret, \
        created, expires, retired, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
        ON CONFLICT (access_key_id) DO UPDATE SET retired = excluded.retired, generation = excluded.generation, \
        tag = excluded.tag";

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let positive = |value: Option<i64>| value.map(|value| u64::try_from(value).unwrap_or(0));
        Ok(Self {
            access_key_id: row.text(0)?.to_owned(),
            key_store: row.text(1)?.to_owned(),
            secret: row.blob(2)?.to_vec(),
            created: row.unsigned(3)?,
            expires: positive(row.opt_int(4)?),
            retired: positive(row.opt_int(5)?),
            generation: row.unsigned(6)?,
            last_use: positive(row.opt_int(8)?),
        })
    }

    /// What the secret's envelope is bound to.
    pub(crate) fn context(key_store: &str, access_key_id: &str) -> Fields {
        Fields::new("strongroom credential secret v1")
            .text(key_store)
            .text(access_key_id)
    }

    pub(crate) fn fields(&self) -> Fields {
        let number = |value: Option<u64>| value.map(u64::to_be_bytes);
        Fields::new("strongroom warden_credential v1")
            .text(&self.access_key_id)
            .text(&self.key_store)
            .bytes(&self.secret)
            .number(self.created)
            .optional(number(self.expires).as_ref().map(<[u8; 8]>::as_slice))
            .optional(number(self.retired).as_ref().map(<[u8; 8]>::as_slice))
            .number(self.generation)
    }

    pub(crate) async fn write(
        &self,
        transaction: &mut store::Transaction,
        mac: &RowMac,
    ) -> Result<(), StoreError> {
        let tag = mac.tag(&self.fields());
        let values = [
            (&self.access_key_id).into(),
            (&self.key_store).into(),
            (&self.secret).into(),
            self.created.into(),
            self.expires.into(),
            self.retired.into(),
            self.generation.into(),
            (&tag).into(),
        ];
        transaction.execute(Self::INSERT, &values).await.map(drop)
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn bytes(text: Option<&String>) -> Option<&[u8]> {
    text.map(String::as_bytes)
}
