//! A change of the warden's own tables.

use std::sync::Arc;

use key_manager::KeyId;
use seal::{RowRefusal, RowRefused};
use store::{Store, Transaction, Value};

use crate::ManageError;
use crate::change::ChangeId;
use crate::manifest::{Manifest, Noted};
use crate::roots::Roots;
use crate::rows::TaggedRow;

/// Generations that a change may follow on: what was read, and the highest ever heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The generation of the directory in force. An older manifest was put back.
    pub(crate) in_force: u64,
    /// The highest that store or log ever spoke of; no number is given twice, for rows of one
    /// generation could be exchanged for each other.
    pub(crate) highest: u64,
}

/// A change under way: rows written through it enter the manifest, and the change's id is noted,
/// so that a restart can tell whether it was made.
pub(crate) struct Edit {
    transaction: Transaction,
    roots: Arc<Roots>,
    manifest: Manifest,
    generation: u64,
}

impl Edit {
    /// The store's counter is not authenticated. Beyond this distance somebody else has moved it.
    const MAX_STEP: u64 = 1 << 32;

    pub(crate) async fn begin(
        store: &Store,
        roots: Arc<Roots>,
        id: &ChangeId,
        known: Known,
    ) -> Result<Self, ManageError> {
        let mut transaction = store.begin().await?;
        let counted = transaction.bump_generation().await?;
        let row = transaction.query_one(Manifest::SELECT, &[]).await?;
        let mut manifest = Manifest::read(row.as_ref(), &roots.mac)?;
        if manifest.generation < known.in_force {
            let reason = row.map_or(RowRefusal::Missing, |_| RowRefusal::Stale);
            return Err(Manifest::refused(reason).into());
        }
        let highest = known.highest.max(manifest.generation);
        if counted > highest.saturating_add(Self::MAX_STEP) {
            return Err(RowRefused::new("store_generation", "1", RowRefusal::NotAuthentic).into());
        }
        let generation = counted.max(highest.saturating_add(1));
        manifest.note_change(id, generation);
        Ok(Self {
            transaction,
            roots,
            manifest,
            generation,
        })
    }

    /// The rows that a change may build on: an edited one is not among them.
    pub(crate) async fn rows<R: TaggedRow>(&mut self) -> Result<Vec<R>, ManageError> {
        let mac = &self.roots.mac;
        let (rows, _) = self.manifest.rows(&mut self.transaction, mac).await?;
        Ok(rows)
    }

    /// For what else belongs to this change and is another crate's to write.
    pub(crate) const fn transaction(&mut self) -> &mut Transaction {
        &mut self.transaction
    }

    /// Whether there ever was a row of this key, even if somebody has removed it.
    pub(crate) fn knows<R: TaggedRow>(&self, key: &str) -> bool {
        self.manifest.knows::<R>(key)
    }

    /// Adds a row. One that is there already is a conflict, whoever wrote it.
    pub(crate) async fn insert<R: TaggedRow>(&mut self, mut row: R) -> Result<(), ManageError> {
        row.set_generation(self.generation);
        self.write(R::INSERT, &row, row.inserted()).await
    }

    /// Changes a row that [`Edit::rows`] has given.
    pub(crate) async fn update<R: TaggedRow>(&mut self, mut row: R) -> Result<(), ManageError> {
        row.set_generation(self.generation);
        self.write(R::UPDATE, &row, row.updated()).await
    }

    async fn write<R: TaggedRow>(
        &mut self,
        sql: &'static str,
        row: &R,
        mut values: Vec<Value<'_>>,
    ) -> Result<(), ManageError> {
        let tag = self.roots.mac.tag(&row.fields());
        values.push((&tag).into());
        self.transaction.execute(sql, &values).await?;
        self.manifest.note(row);
        Ok(())
    }

    /// Notes what was done to a key, `None` if it was enabled, so that an older state put back into the
    /// key manager's own tables is seen.
    pub(crate) fn note_key(&mut self, key: &KeyId, noted: Option<Noted>) {
        self.manifest.note_key(key, noted, self.generation);
    }

    pub(crate) async fn commit(mut self) -> Result<(), ManageError> {
        self.manifest
            .write(&mut self.transaction, &self.roots.mac, self.generation)
            .await?;
        Ok(self.transaction.commit().await?)
    }
}
