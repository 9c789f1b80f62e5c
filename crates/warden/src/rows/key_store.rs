//! `warden_key_store`.

use crypto::Fields;
use store::{Row, StoreError, Value};

use super::{TaggedRow, bytes, owned};

/// A key store. Only `blocked` may change.
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

impl TaggedRow for KeyStoreRow {
    const TABLE: &'static str = "warden_key_store";
    const SELECT: &'static str = "SELECT id, name, path_prefix, region, listeners, common_names, \
        blocked, created, generation, tag FROM warden_key_store ORDER BY id";
    const INSERT: &'static str = "INSERT INTO warden_key_store (id, name, path_prefix, region, \
        listeners, common_names, blocked, created, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    const UPDATE: &'static str =
        "UPDATE warden_key_store SET blocked = $2, generation = $3, tag = $4 WHERE id = $1";
    const RESEAL: &'static str = "UPDATE warden_key_store SET tag = $2 WHERE id = $1";
    const KEY_COLUMNS: &'static [usize] = &[0];
    const TAG_COLUMN: usize = 9;

    fn read(row: &Row) -> Result<Self, StoreError> {
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

    fn key(&self) -> String {
        self.id.clone()
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn set_generation(&mut self, generation: u64) {
        self.generation = generation;
    }

    fn fields(&self) -> Fields {
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

    fn inserted(&self) -> Vec<Value<'_>> {
        vec![
            (&self.id).into(),
            (&self.name).into(),
            (&self.path_prefix).into(),
            self.region.as_ref().into(),
            self.listeners.as_ref().into(),
            self.common_names.as_ref().into(),
            self.blocked.as_ref().into(),
            self.created.into(),
            self.generation.into(),
        ]
    }

    fn resealed(&self) -> Vec<Value<'_>> {
        vec![(&self.id).into()]
    }

    fn updated(&self) -> Vec<Value<'_>> {
        vec![
            (&self.id).into(),
            self.blocked.as_ref().into(),
            self.generation.into(),
        ]
    }
}
