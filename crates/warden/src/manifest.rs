//! Which rows there are, and at which generation each was written.
//!
//! A row's tag proves that we wrote it, not that it is the latest that we wrote: whoever can write
//! the database could put an older version back (and undo a block), or delete a row. The manifest
//! lists every row with its generation, under a tag of its own. That the whole database was put
//! back shows against the log, whose administrative records carry the generation.

use std::collections::{BTreeMap, BTreeSet};

use crypto::Fields;
use key_manager::{KeyId, KeyState};
use seal::{RowMac, RowRefusal, RowRefused};
use serde::{Deserialize, Serialize};
use store::{Row, Snapshot, StoreError, Transaction};

use crate::change::ChangeId;
use crate::rows::{TaggedRow, authentic, key_as_stored};

/// What the store must hold, at one generation.
#[derive(Clone, Default, Debug)]
pub(crate) struct Manifest {
    entries: Entries,
    /// The generation that wrote it: the authentic one, for the store's own counter is not tagged.
    pub(crate) generation: u64,
}

#[derive(Clone, Default, Debug, Serialize, Deserialize)]
struct Entries {
    /// Rows by `table/key`, with the generation that wrote them.
    rows: BTreeMap<String, u64>,
    /// Keys that were disabled, wherever their key manager keeps its states: an older state put
    /// back there re-enables nothing.
    disabled: BTreeMap<String, u64>,
    /// The last changes that were made, so that a restart can tell whether one was.
    changes: BTreeMap<String, u64>,
}

impl Manifest {
    pub(crate) const TABLE: &'static str = "warden_manifest";
    pub(crate) const SELECT: &'static str =
        "SELECT entries, generation, tag FROM warden_manifest WHERE id = 1";
    pub(crate) const WRITE: &'static str = "INSERT INTO warden_manifest (id, entries, generation, tag) \
        VALUES (1, $1, $2, $3) ON CONFLICT (id) DO UPDATE SET entries = excluded.entries, \
        generation = excluded.generation, tag = excluded.tag";
    /// At most one change is without its outcome at any time; the others are a margin.
    const MAX_CHANGES: usize = 8;

    /// Reads the manifest; no row is an empty manifest, as in a new store. (Deleting the row makes
    /// every other row unexpected, so that gains nothing.)
    pub(crate) fn read(row: Option<&Row>, mac: &RowMac) -> Result<Self, RowRefused> {
        let Some(row) = row else {
            return Ok(Self::default());
        };
        let unreadable = |_: StoreError| Self::refused(RowRefusal::Unreadable);
        let entries = row.text(0).map_err(unreadable)?;
        let generation = row.unsigned(1).map_err(unreadable)?;
        let tag = row.blob(2).map_err(unreadable)?;
        mac.verify(&fields(entries, generation), tag)
            .map_err(Self::refused)?;
        let entries = serde_json::from_str(entries).map_err(|_| Self::refused(RowRefusal::Unreadable))?;
        Ok(Self { entries, generation })
    }

    /// The alarm about the manifest itself.
    pub(crate) fn refused(reason: RowRefusal) -> RowRefused {
        RowRefused::new(Self::TABLE, "1", reason)
    }

    /// All rows of one table that are ours and the latest of ours; the others are named.
    pub(crate) async fn rows<R: TaggedRow>(
        &self,
        snapshot: &mut Snapshot,
        mac: &RowMac,
    ) -> Result<(Vec<R>, Vec<RowRefused>), StoreError> {
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for row in snapshot.query(R::SELECT, &[]).await? {
            let key = key_as_stored::<R>(&row);
            match authentic::<R>(&row, mac).and_then(|parsed| self.expects(&parsed).map(|()| parsed)) {
                Ok(parsed) => good.push(parsed),
                Err(reason) => refused.push(RowRefused::new(R::TABLE, &key, reason)),
            }
            seen.insert(key);
        }
        let prefix = format!("{}/", R::TABLE);
        let known = self
            .entries
            .rows
            .keys()
            .filter_map(|row| row.strip_prefix(&prefix));
        let missing = known.filter(|key| !seen.contains(*key));
        refused.extend(missing.map(|key| RowRefused::new(R::TABLE, key, RowRefusal::Missing)));
        Ok((good, refused))
    }

    pub(crate) fn expects<R: TaggedRow>(&self, row: &R) -> Result<(), RowRefusal> {
        match self.entries.rows.get(&entry::<R>(&row.key())) {
            Some(generation) if *generation == row.generation() => Ok(()),
            Some(_) => Err(RowRefusal::Stale),
            None => Err(RowRefusal::Unexpected),
        }
    }

    /// Whether there was ever a row of this key, whatever the table says now.
    pub(crate) fn knows<R: TaggedRow>(&self, key: &str) -> bool {
        self.entries.rows.contains_key(&entry::<R>(key))
    }

    /// Notes that a row was written.
    pub(crate) fn note<R: TaggedRow>(&mut self, row: &R) {
        self.entries.rows.insert(entry::<R>(&row.key()), row.generation());
    }

    /// Notes the state that a key was put into.
    pub(crate) fn note_key_state(&mut self, key: &KeyId, state: KeyState, generation: u64) {
        match state {
            KeyState::Disabled | KeyState::PendingDeletion => {
                drop(self.entries.disabled.insert(key.to_string(), generation))
            }
            KeyState::Enabled => drop(self.entries.disabled.remove(key.as_str())),
        }
    }

    /// Whether a key was disabled and not enabled again.
    pub(crate) fn is_disabled(&self, key: &KeyId) -> bool {
        self.entries.disabled.contains_key(key.as_str())
    }

    /// Notes that a change was made.
    pub(crate) fn note_change(&mut self, id: &ChangeId, generation: u64) {
        let changes = &mut self.entries.changes;
        changes.insert(id.as_str().to_owned(), generation);
        while changes.len() > Self::MAX_CHANGES {
            let oldest = changes.iter().min_by_key(|(_, generation)| **generation);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                return;
            };
            changes.remove(&oldest);
        }
    }

    /// Whether a change was made, if it is one of the last.
    pub(crate) fn has_change(&self, id: &ChangeId) -> bool {
        self.entries.changes.contains_key(id.as_str())
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
}

fn entry<R: TaggedRow>(key: &str) -> String {
    format!("{}/{key}", R::TABLE)
}

fn fields(entries: &str, generation: u64) -> Fields {
    Fields::new("strongroom warden_manifest v1")
        .text(entries)
        .number(generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::SeededRandom;

    #[test]
    fn only_the_last_changes_are_kept() {
        let random = SeededRandom::new(1);
        let mut manifest = Manifest::default();
        let ids: Vec<_> = (0..20)
            .map(|generation| {
                let id = ChangeId::generate(&random).unwrap();
                manifest.note_change(&id, generation);
                id
            })
            .collect();
        let kept: Vec<_> = ids.iter().map(|id| manifest.has_change(id)).collect();
        assert!(kept[..12].iter().all(|kept| !kept));
        assert!(kept[12..].iter().all(|kept| *kept));
    }
}
