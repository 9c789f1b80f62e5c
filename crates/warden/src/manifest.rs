//! Which rows there are, and at which generation each was written.
//!
//! A row's tag proves that we wrote it, not that it is the latest that we wrote: whoever can write
//! the database could put an older version back (and undo a block), or delete a row. The manifest
//! lists every row with its generation, under a tag of its own. That the whole database was put
//! back shows against the log, whose administrative records carry the generation.

use std::collections::BTreeMap;

use crypto::Fields;
use key_manager::{KeyId, KeyState};
use seal::{RowMac, RowRefusal, RowRefused};
use serde::{Deserialize, Serialize};
use store::{Row, StoreError, Transaction};

/// What the store must hold, at one generation.
#[derive(Default, Debug)]
pub(crate) struct Manifest {
    entries: Entries,
    /// The generation that wrote it: the authentic one, for the store's own counter is not tagged.
    pub(crate) generation: u64,
}

#[derive(Default, Debug, Serialize, Deserialize)]
struct Entries {
    /// Rows by `table/key`, with the generation that wrote them.
    rows: BTreeMap<String, u64>,
    /// Keys that were disabled, wherever their key manager keeps its states: an older state put
    /// back there re-enables nothing.
    disabled: BTreeMap<String, u64>,
}

impl Manifest {
    const TABLE: &'static str = "warden_manifest";
    pub(crate) const SELECT: &'static str =
        "SELECT entries, generation, tag FROM warden_manifest WHERE id = 1";
    const WRITE: &'static str = "INSERT INTO warden_manifest (id, entries, generation, tag) VALUES (1, $1, $2, $3) \
        ON CONFLICT (id) DO UPDATE SET entries = excluded.entries, generation = excluded.generation, \
        tag = excluded.tag";

    /// Reads the manifest; no row is an empty manifest, as in a new store. (Deleting the row makes
    /// every other row unexpected, so that gains nothing.)
    pub(crate) fn read(row: Option<&Row>, mac: &RowMac) -> Result<Self, RowRefused> {
        let Some(row) = row else {
            return Ok(Self::default());
        };
        let refused = |reason| RowRefused::new(Self::TABLE, "1", reason);
        let unreadable = |_: StoreError| refused(RowRefusal::Unreadable);
        let entries = row.text(0).map_err(unreadable)?;
        let generation = row.unsigned(1).map_err(unreadable)?;
        let tag = row.blob(2).map_err(unreadable)?;
        mac.verify(&fields(entries, generation), tag).map_err(refused)?;
        let entries = serde_json::from_str(entries).map_err(|_| refused(RowRefusal::Unreadable))?;
        Ok(Self { entries, generation })
    }

    /// Notes that a row was written.
    pub(crate) fn note(&mut self, table: &str, key: &str, generation: u64) {
        self.entries.rows.insert(format!("{table}/{key}"), generation);
    }

    /// Notes the state that a key was put into.
    pub(crate) fn note_key_state(&mut self, key: &KeyId, state: KeyState, generation: u64) {
        match state {
            KeyState::Disabled => drop(self.entries.disabled.insert(key.to_string(), generation)),
            KeyState::Enabled => drop(self.entries.disabled.remove(key.as_str())),
        }
    }

    /// Whether a key was disabled and not enabled again.
    pub(crate) fn is_disabled(&self, key: &KeyId) -> bool {
        self.entries.disabled.contains_key(key.as_str())
    }

    /// Writes the manifest in the transaction that wrote the rows.
    pub(crate) async fn write(
        &self,
        transaction: &mut Transaction,
        mac: &RowMac,
        generation: u64,
    ) -> Result<(), StoreError> {
        // Maps of texts to numbers always serialise.
        let entries = serde_json::to_string(&self.entries).unwrap_or_default();
        let tag = mac.tag(&fields(&entries, generation));
        let values = [(&entries).into(), generation.into(), (&tag).into()];
        transaction.execute(Self::WRITE, &values).await.map(drop)
    }

    /// Checks a row off. What is never checked off is missing.
    pub(crate) fn check_off(&mut self, table: &str, key: &str, generation: u64) -> Result<(), RowRefusal> {
        match self.entries.rows.remove(&format!("{table}/{key}")) {
            Some(expected) if expected == generation => Ok(()),
            Some(_) => Err(RowRefusal::Stale),
            None => Err(RowRefusal::Unexpected),
        }
    }

    /// Rows that were not checked off, as `(table, key)`.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.rows.keys().filter_map(|entry| entry.split_once('/'))
    }
}

fn fields(entries: &str, generation: u64) -> Fields {
    Fields::new("strongroom warden_manifest v1")
        .text(entries)
        .number(generation)
}
