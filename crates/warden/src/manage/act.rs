//! The frame of every administrative act: intent, act, publication, outcome.

use std::sync::{Arc, PoisonError};

use super::Author;
use crate::change::{Change, ChangeId};
use crate::clerk::durable;
use crate::edit::{Edit, Known};
use crate::manifest::Manifest;
use crate::{FailureKind, ManageError, Warden, settle};

/// An outcome that the log could not take yet. There is at most one: no further act begins before
/// it is recorded.
pub(crate) struct Overdue {
    id: ChangeId,
    result: &'static str,
    error: Option<String>,
}

impl Warden {
    /// Does one administrative act: the intent is durable before it begins, the new directory is
    /// published before the outcome is recorded, and the outcome is durable before this returns.
    ///
    /// It runs in a task of its own, so that a client that hangs up leaves no half-done act. One
    /// act at a time: they are rare, and their order in the log is their order in the store.
    pub(crate) async fn change<T, F>(
        self: &Arc<Self>,
        author: impl Into<Author>,
        change: Change,
        act: impl FnOnce(Arc<Self>, ChangeId) -> F + Send + 'static,
    ) -> Result<T, ManageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ManageError>> + Send + 'static,
    {
        let (warden, author) = (Arc::clone(self), author.into());
        let task = tokio::spawn(async move { warden.change_in_turn(&author, &change, act).await });
        task.await.map_err(|_| ManageError::Stopping)?
    }

    async fn change_in_turn<T, F: Future<Output = Result<T, ManageError>>>(
        self: Arc<Self>,
        author: &Author,
        change: &Change,
        act: impl FnOnce(Arc<Self>, ChangeId) -> F,
    ) -> Result<T, ManageError> {
        let _turn = self.turn.lock().await;
        self.settle_overdue().await.map_err(ManageError::Log)?;
        let id = ChangeId::generate(&*self.random)?;
        self.record_intent(&id, author, change).await?;
        let (done, published) = match author.check(change) {
            Err(refused) => (Err(refused), Ok(())),
            Ok(()) => {
                let done = act(Arc::clone(&self), id.clone()).await;
                (done, self.publish().await)
            }
        };
        let (result, error) = match (&done, &published) {
            (Ok(_), Ok(())) => (settle::DONE, None),
            (Ok(_), Err(late)) => (settle::DONE, Some(late.to_string())),
            // Nothing was begun, even if what was asked for is so.
            (Err(refused @ (ManageError::NotPermitted { .. } | ManageError::State(_))), _) => {
                (settle::NOT_DONE, Some(refused.to_string()))
            }
            (Err(error), Err(_)) => (settle::UNKNOWN, Some(error.to_string())),
            (Err(error), Ok(())) => (self.truth(&id, change).await, Some(error.to_string())),
        };
        self.owe(Overdue { id, result, error });
        let recorded = self.settle_overdue().await;
        match done {
            Ok(done) => {
                published?;
                recorded.map_err(ManageError::OutcomeUnrecorded)?;
                Ok(done)
            }
            // Only its last step failed: repeating it is safe, and finishes it.
            Err(ManageError::Store(error)) if result == settle::DONE => Err(ManageError::NotInForce(error)),
            Err(error) => Err(error),
        }
    }

    async fn record_intent(
        &self,
        id: &ChangeId,
        author: &Author,
        change: &Change,
    ) -> Result<(), ManageError> {
        let generation = self.directory.load().generation();
        let intent = self.clerk.intent(id, author, change, generation);
        let intent = intent.map_err(|refused| match refused {
            FailureKind::TooLarge => ManageError::Invalid(
                "the change is larger than its record may be (64 KiB): shorten its lists".to_owned(),
            ),
            other => ManageError::Log(other),
        })?;
        if intent.await.is_ok() {
            return Ok(());
        }
        // The log may still write it when it works again, and then wants the outcome.
        let error = "the log could not confirm the intent".to_owned();
        self.owe(Overdue {
            id: id.clone(),
            result: settle::NOT_DONE,
            error: Some(error.clone()),
        });
        Err(ManageError::Log(FailureKind::LogUnavailable(error)))
    }

    /// Whether an act that failed was done all the same, as far as can be known now.
    async fn truth(&self, id: &ChangeId, change: &Change) -> &'static str {
        let made = async {
            let row = self.store.query_one(Manifest::SELECT, &[]).await.ok()?;
            let manifest = Manifest::read(row.as_ref(), &self.roots.load().mac).ok()?;
            Some(settle::was_done(id, change, &manifest, &self.directory.load()))
        };
        match made.await {
            Some(true) => settle::DONE,
            Some(false) => settle::NOT_DONE,
            None => settle::UNKNOWN,
        }
    }

    fn owe(&self, outcome: Overdue) {
        *self.overdue.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// Whether an act's outcome still has to be recorded.
    pub(crate) fn owes_an_outcome(&self) -> bool {
        self.overdue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Records the outcome that is owed, if one is. Only whoever has the turn calls this.
    pub(crate) async fn settle_overdue(&self) -> Result<(), FailureKind> {
        let pending = {
            let overdue = self.overdue.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(Overdue { id, result, error }) = &*overdue else {
                return Ok(());
            };
            let generation = self.directory.load().generation();
            self.clerk.outcome(id, result, error.as_deref(), generation)
        };
        let _receipt = durable(pending).await?;
        *self.overdue.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Begins a change of the warden's own tables.
    pub(crate) async fn edit(&self, id: &ChangeId) -> Result<Edit, ManageError> {
        let known = Known {
            in_force: self.directory.load().generation(),
            highest: self.highest_generation(),
        };
        Edit::begin(&self.store, self.roots.load_full(), id, known).await
    }
}
