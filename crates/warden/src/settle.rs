//! What a crash left open: intents without outcome, and a store older than its log.

use std::collections::HashMap;
use std::sync::Arc;

use audit::{Medium, Reader, VerifyError};
use crypto::Fields;
use key_manager::{KeyId, KeyState, ManagerId};
use seal::RowMac;
use serde::Deserialize;
use store::{Store, StoreError};

use crate::change::{Change, ChangeId};
use crate::clerk::{Clerk, durable};
use crate::{Directory, StartError};

/// The few members of an administrative record that matter here.
#[derive(Deserialize)]
struct Seen {
    #[serde(rename = "type")]
    kind: String,
    change_id: Option<ChangeId>,
    change: Option<Change>,
    #[serde(default)]
    generation: u64,
}

/// What the log says about the time before this start.
#[derive(Default)]
pub(crate) struct History {
    /// Intents without outcome, in order.
    pub(crate) open: Vec<(ChangeId, Change)>,
    /// The highest generation of the store that any record speaks of.
    pub(crate) generation: u64,
    /// The sequence of the next record.
    next: u64,
}

const MARK: &str = "SELECT settled, generation, tag FROM warden_mark WHERE id = 1";
const SET_MARK: &str = "INSERT INTO warden_mark (id, settled, generation, tag) VALUES (1, $1, $2, $3) \
    ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, generation = excluded.generation, \
    tag = excluded.tag";
const APPLIED: &str = "SELECT id FROM warden_change WHERE id = $1";
const FORGET: &str = "DELETE FROM warden_change";

/// How far the log was settled, and the store's generation then. A mark that is not ours is as
/// good as none: the whole log is read.
#[derive(Default)]
struct Mark {
    settled: u64,
    generation: u64,
}

impl Mark {
    async fn read(store: &Store, mac: &RowMac) -> Result<Self, StoreError> {
        let Some(row) = store.query_one(MARK, &[]).await? else {
            return Ok(Self::default());
        };
        let mark = Self {
            settled: row.unsigned(0)?,
            generation: row.unsigned(1)?,
        };
        let authentic = mac.verify(&mark.fields(), row.blob(2)?);
        Ok(if authentic.is_ok() { mark } else { Self::default() })
    }

    fn fields(&self) -> Fields {
        Fields::new("strongroom warden_mark v1")
            .number(self.settled)
            .number(self.generation)
    }
}

/// Reads the log from where the store says that everything was settled. The mark knows the
/// generation of its time, so that a newer mark put into an older store gives that store away.
pub(crate) async fn read(
    store: &Store,
    mac: &RowMac,
    medium: Arc<dyn Medium>,
) -> Result<History, StartError> {
    let mark = Mark::read(store, mac).await?;
    let read = tokio::task::spawn_blocking(move || scan(medium, mark.settled));
    let mut history = read.await.map_err(|_| StartError::Stopped)??;
    history.generation = history.generation.max(mark.generation);
    Ok(history)
}

fn scan(medium: Arc<dyn Medium>, from: u64) -> Result<History, VerifyError> {
    let mut reader = Reader::open(medium, from)?;
    let mut history = History {
        next: from,
        ..History::default()
    };
    while let Some(record) = reader.next_record()? {
        history.next = record.sequence().saturating_add(1);
        // Records of other kinds, and of later versions, are none of our business here.
        let Ok(seen) = serde_json::from_slice::<Seen>(&record.payload) else {
            continue;
        };
        match (seen.kind.as_str(), seen.change_id, seen.change) {
            ("intent", Some(id), Some(change)) => history.open.push((id, change)),
            ("outcome", Some(id), _) => history.open.retain(|(open, _)| *open != id),
            ("started", _, _) => {}
            _ => continue,
        }
        history.generation = history.generation.max(seen.generation);
    }
    Ok(history)
}

/// Finds out for each open intent whether it was done, and records the outcome.
pub(crate) async fn settle(
    history: &History,
    clerk: &Clerk,
    store: &Store,
    mac: &RowMac,
    directory: &Directory,
) -> Result<(), StartError> {
    for (id, change) in &history.open {
        let done = was_done(id, change, store, directory).await?;
        let result = if done { "done" } else { "not-done" };
        tracing::warn!(change = %id, result, "an administrative act was cut off; its outcome is settled now");
        let outcome = clerk.outcome(id, result, Some("settled at start"), directory.generation());
        let _receipt = durable(outcome).await.map_err(StartError::Log)?;
    }
    Ok(mark(store, mac, history.next, directory.generation()).await?)
}

/// Notes that everything before `settled` is settled, at `generation`.
pub(crate) async fn mark(
    store: &Store,
    mac: &RowMac,
    settled: u64,
    generation: u64,
) -> Result<(), StoreError> {
    let tag = mac.tag(&Mark { settled, generation }.fields());
    let mut transaction = store.begin().await?;
    transaction
        .execute(SET_MARK, &[settled.into(), generation.into(), (&tag).into()])
        .await?;
    // A change is looked for only while its intent is open; those before the mark are settled.
    transaction.execute(FORGET, &[]).await?;
    transaction.commit().await
}

async fn was_done(
    id: &ChangeId,
    change: &Change,
    store: &Store,
    directory: &Directory,
) -> Result<bool, StoreError> {
    let key = |manager: &str, key: &str| {
        let manager = directory.managers.get(&ManagerId::parse(manager).ok()?)?;
        manager.manager.describe(&KeyId::parse(key).ok()?).ok()
    };
    Ok(match change {
        Change::CreateKeyManager { key_manager, .. } => {
            ManagerId::parse(key_manager).is_ok_and(|id| directory.managers.contains_key(&id))
        }
        Change::CreateKey {
            key_manager, key: id, ..
        } => key(key_manager, id).is_some(),
        Change::SetKeyState {
            key_manager,
            key: id,
            state,
        } => key(key_manager, id).is_some_and(|key| KeyState::parse(state) == Some(key.state)),
        Change::CreateKeyStore { .. }
        | Change::Bind { .. }
        | Change::Block { .. }
        | Change::Unblock { .. }
        | Change::AddCredential { .. }
        | Change::RetireCredential { .. }
        | Change::AcknowledgeRecovery { .. } => {
            store.query_one(APPLIED, &[id.as_str().into()]).await?.is_some()
        }
    })
}

/// Key managers that were found open, by id.
pub(crate) type Managers = HashMap<ManagerId, key_manager::Opened>;
