//! `warden_binding`.

use crypto::Fields;
use store::{Row, StoreError, Value};

use super::{TaggedRow, bytes, owned};

/// An external key of a key store. Only `blocked` may change.
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
    /// The key of an external key's row.
    pub(crate) fn key_of(key_store: &str, external_key_id: &str) -> String {
        format!("{key_store}/{external_key_id}")
    }
}

impl TaggedRow for BindingRow {
    const TABLE: &'static str = "warden_binding";
    const SELECT: &'static str = "SELECT key_store, external_key_id, key_id, manager, principals, \
        foreign_keys, blocked, created, generation, tag FROM warden_binding ORDER BY key_store, external_key_id";
    const INSERT: &'static str = "INSERT INTO warden_binding (key_store, external_key_id, key_id, manager, \
        principals, foreign_keys, blocked, created, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    const UPDATE: &'static str = "UPDATE warden_binding SET blocked = $3, generation = $4, tag = $5 \
        WHERE key_store = $1 AND external_key_id = $2";
    const RESEAL: &'static str =
        "UPDATE warden_binding SET tag = $3 WHERE key_store = $1 AND external_key_id = $2";
    const KEY_COLUMNS: &'static [usize] = &[0, 1];
    const TAG_COLUMN: usize = 9;

    fn read(row: &Row) -> Result<Self, StoreError> {
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

    fn key(&self) -> String {
        Self::key_of(&self.key_store, &self.external_key_id)
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn set_generation(&mut self, generation: u64) {
        self.generation = generation;
    }

    fn fields(&self) -> Fields {
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

    fn inserted(&self) -> Vec<Value<'_>> {
        vec![
            (&self.key_store).into(),
            (&self.external_key_id).into(),
            (&self.key_id).into(),
            (&self.manager).into(),
            self.principals.as_ref().into(),
            self.foreign_keys.as_ref().into(),
            self.blocked.as_ref().into(),
            self.created.into(),
            self.generation.into(),
        ]
    }

    fn resealed(&self) -> Vec<Value<'_>> {
        vec![(&self.key_store).into(), (&self.external_key_id).into()]
    }

    fn updated(&self) -> Vec<Value<'_>> {
        vec![
            (&self.key_store).into(),
            (&self.external_key_id).into(),
            self.blocked.as_ref().into(),
            self.generation.into(),
        ]
    }
}
