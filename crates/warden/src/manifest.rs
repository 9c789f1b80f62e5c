//! Which rows there are, and at which generation each was written.
//!
//! A row's tag proves that we wrote it, not that it is the latest that we wrote: whoever can write
//! the database could put an older version back (and undo a block), or delete a row. The manifest
//! lists every row with its generation, under a tag of its own. That the whole database was put
//! back shows against the log, whose administrative records carry the generation.

use std::collections::{BTreeMap, BTreeSet};

use ambient::Timestamp;
use crypto::Fields;
use key_manager::{KeyDescription, KeyId, KeyState};
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

/// What administrators did to a key. Whatever state its key manager shows, it is not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noted {
    /// Disabled it, and did not enable it again.
    Disabled,
    /// Scheduled its deletion.
    PendingDeletion(Timestamp),
    /// Its waiting period ended, and it was destroyed.
    Destroyed,
}

impl Noted {
    /// The state of a key, which is the stricter of what its key manager says and what was noted.
    pub(crate) const fn stricter(noted: Option<Self>, known: KeyState) -> KeyState {
        match (noted, known) {
            (Some(Self::PendingDeletion(_)), _) | (_, KeyState::PendingDeletion) => KeyState::PendingDeletion,
            (Some(Self::Disabled | Self::Destroyed), _) | (None, KeyState::Disabled) => KeyState::Disabled,
            (None, KeyState::Enabled) => KeyState::Enabled,
        }
    }

    /// When a key is destroyed: never before the later of the two dates, and not at all without both.
    /// Whoever puts an older state back on one side does not bring the end nearer.
    pub(crate) fn deletion(noted: Option<Self>, key: &KeyDescription) -> Option<Timestamp> {
        match (noted, key.deletion) {
            (Some(Self::PendingDeletion(noted)), Some(known)) => Some(known.max(noted)),
            _ => None,
        }
    }
}

#[derive(Clone, Default, Debug, Serialize, Deserialize)]
struct Entries {
    /// Rows by `table/key`, with the generation that wrote them.
    rows: BTreeMap<String, u64>,
    /// Keys that were disabled, wherever their key manager keeps its states: an older state put
    /// back there re-enables nothing.
    disabled: BTreeMap<String, u64>,
    /// When keys that are pending deletion will be destroyed, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    deletions: BTreeMap<String, u64>,
    /// Keys that were destroyed: an older state put back makes none of them a key in use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    destroyed: BTreeMap<String, u64>,
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

    /// Notes what was done to a key; `None` if it was enabled. That it was destroyed stays noted for good.
    pub(crate) fn note_key(&mut self, key: &KeyId, noted: Option<Noted>, generation: u64) {
        let entries = &mut self.entries;
        let id = key.to_string();
        entries.disabled.remove(&id);
        entries.deletions.remove(&id);
        match noted {
            None => {}
            Some(Noted::Disabled) => drop(entries.disabled.insert(id, generation)),
            Some(Noted::PendingDeletion(at)) => drop(entries.deletions.insert(id, at.as_micros())),
            Some(Noted::Destroyed) => drop(entries.destroyed.insert(id, generation)),
        }
    }

    /// What was noted of a key.
    pub(crate) fn noted(&self, key: &KeyId) -> Option<Noted> {
        let entries = &self.entries;
        if let Some(at) = entries.deletions.get(key.as_str()) {
            Some(Noted::PendingDeletion(Timestamp::from_micros(*at)))
        } else if entries.destroyed.contains_key(key.as_str()) {
            Some(Noted::Destroyed)
        } else {
            let disabled = entries.disabled.contains_key(key.as_str());
            disabled.then_some(Noted::Disabled)
        }
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
