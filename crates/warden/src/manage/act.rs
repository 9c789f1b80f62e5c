//! The frame of every administrative act: intent, act, publication, outcome.

use std::sync::Arc;

use key_manager::{KeyId, KeyState};
use seal::RowMac;
use store::Transaction;

use crate::change::{Change, ChangeId};
use crate::clerk::durable;
use crate::manifest::Manifest;
use crate::rows::{BindingRow, CredentialRow, KeyStoreRow};
use crate::{Actor, ManageError, Warden};

/// A change of the warden's own tables under way: rows written through it enter the manifest, and
/// the change's id is noted, so that a restart can tell whether it was made.
pub(crate) struct Edit<'a> {
    pub(crate) transaction: Transaction,
    mac: &'a RowMac,
    manifest: Manifest,
    pub(crate) generation: u64,
}

impl<'a> Edit<'a> {
    const NOTE: &'static str = "INSERT INTO warden_change (id, generation) VALUES ($1, $2)";

    pub(crate) async fn begin(warden: &'a Warden, id: &ChangeId) -> Result<Self, ManageError> {
        Self::begin_past(warden, id, 0).await
    }

    /// As [`Edit::begin`], at a generation above `past`.
    pub(crate) async fn begin_past(
        warden: &'a Warden,
        id: &ChangeId,
        past: u64,
    ) -> Result<Self, ManageError> {
        let mut transaction = warden.store.begin().await?;
        let mut generation = transaction.bump_generation().await?;
        while generation <= past {
            generation = transaction.bump_generation().await?;
        }
        let row = transaction.query_one(Manifest::SELECT, &[]).await?;
        let manifest = Manifest::read(row.as_ref(), &warden.mac)?;
        transaction
            .execute(Self::NOTE, &[id.as_str().into(), generation.into()])
            .await?;
        Ok(Self {
            transaction,
            mac: &warden.mac,
            manifest,
            generation,
        })
    }

    pub(crate) async fn key_store(&mut self, mut row: KeyStoreRow) -> Result<(), ManageError> {
        row.generation = self.generation;
        self.manifest.note(KeyStoreRow::TABLE, &row.key(), row.generation);
        Ok(row.write(&mut self.transaction, self.mac).await?)
    }

    pub(crate) async fn binding(&mut self, mut row: BindingRow) -> Result<(), ManageError> {
        row.generation = self.generation;
        self.manifest.note(BindingRow::TABLE, &row.key(), row.generation);
        Ok(row.write(&mut self.transaction, self.mac).await?)
    }

    pub(crate) async fn credential(&mut self, mut row: CredentialRow) -> Result<(), ManageError> {
        row.generation = self.generation;
        self.manifest
            .note(CredentialRow::TABLE, &row.key(), row.generation);
        Ok(row.write(&mut self.transaction, self.mac).await?)
    }

    /// Notes the state that a key was put into, so that an older state put back into the key
    /// manager's own tables is seen.
    pub(crate) fn key_state(&mut self, key: &KeyId, state: KeyState) {
        self.manifest.note_key_state(key, state, self.generation);
    }

    pub(crate) async fn commit(mut self) -> Result<(), ManageError> {
        self.manifest
            .write(&mut self.transaction, self.mac, self.generation)
            .await?;
        Ok(self.transaction.commit().await?)
    }
}

impl Warden {
    /// Does one administrative act: the intent is durable before it begins, the new directory is
    /// published before the outcome is recorded, and the outcome is durable before this returns.
    ///
    /// It runs in a task of its own, so that a client that hangs up leaves no half-done act. One
    /// act at a time: they are rare, and their order in the log is their order in the store.
    pub(crate) async fn change<T, F>(
        self: &Arc<Self>,
        actor: &Actor,
        change: Change,
        act: impl FnOnce(Arc<Self>, ChangeId) -> F + Send + 'static,
    ) -> Result<T, ManageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ManageError>> + Send + 'static,
    {
        let (warden, actor) = (Arc::clone(self), actor.clone());
        let task = tokio::spawn(async move { warden.change_in_turn(&actor, &change, act).await });
        task.await.map_err(|_| ManageError::Stopping)?
    }

    async fn change_in_turn<T, F: Future<Output = Result<T, ManageError>>>(
        self: Arc<Self>,
        actor: &Actor,
        change: &Change,
        act: impl FnOnce(Arc<Self>, ChangeId) -> F,
    ) -> Result<T, ManageError> {
        let _turn = self.turn.lock().await;
        let id = ChangeId::generate(&*self.random)?;
        let generation = self.directory.load().generation();
        let intent = self.clerk.intent(&id, actor, change, generation);
        let _receipt = durable(intent).await.map_err(ManageError::Log)?;
        if let Err(refused) = actor.check(change) {
            self.settle(&id, Err(&refused)).await?;
            return Err(refused);
        }
        let done = act(Arc::clone(&self), id.clone()).await;
        self.publish().await?;
        self.settle(&id, done.as_ref().map(drop)).await?;
        done
    }

    async fn settle(&self, id: &ChangeId, done: Result<(), &ManageError>) -> Result<(), ManageError> {
        let generation = self.directory.load().generation();
        let error = done.err().map(ToString::to_string);
        let result = if error.is_none() { "done" } else { "not-done" };
        let outcome = self.clerk.outcome(id, result, error.as_deref(), generation);
        let _receipt = durable(outcome).await.map_err(ManageError::OutcomeUnrecorded)?;
        Ok(())
    }
}
