//! What a crash left open: intents without outcome, and a store older than its log.

use std::sync::Arc;

use ambient::Timestamp;
use audit::{Medium, Reader, VerifyError};
use crypto::Fields;
use foldhash::HashMap;
use key_manager::{KeyDescription, KeyId, KeyManagerError, KeyState, ManagerId, Opened};
use seal::{RowMac, RowRefusal, RowRefused};
use serde::Deserialize;
use store::{Row, Store, StoreError, Transaction};

use crate::change::{Change, ChangeId};
use crate::clerk::{Clerk, durable};
use crate::manage::has_key_encryption_key;
use crate::manifest::{Manifest, Noted};
use crate::view::AlarmView;
use crate::{Directory, StartError};

/// The act was done.
pub(crate) const DONE: &str = "done";
/// It was not.
pub(crate) const NOT_DONE: &str = "not-done";
/// The store did not tell.
pub(crate) const UNKNOWN: &str = "unknown";

/// The few members of an administrative record that matter here.
#[derive(Deserialize)]
struct Seen {
    #[serde(rename = "type")]
    kind: String,
    change_id: Option<ChangeId>,
    change: Option<Change>,
    result: Option<String>,
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
    /// A start on an older store was not acknowledged yet.
    pub(crate) recovery_pending: bool,
    /// What is wrong with mark and log.
    pub(crate) alarms: Vec<AlarmView>,
    /// The sequence of the next record.
    next: u64,
    /// Somebody has started on this log before.
    started: bool,
}

pub(crate) const MARK: &str = "SELECT settled, generation, tag FROM warden_mark WHERE id = 1";
pub(crate) const SET_MARK: &str = "INSERT INTO warden_mark (id, settled, generation, tag) VALUES (1, $1, $2, $3) \
    ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, generation = excluded.generation, \
    tag = excluded.tag";

/// How far the log was settled, and the store's generation then. A mark that is not ours is as
/// good as none: the whole log is read.
#[derive(Default)]
pub(crate) struct Mark {
    settled: u64,
    generation: u64,
}

impl Mark {
    pub(crate) const TABLE: &'static str = "warden_mark";

    async fn read(store: &Store, mac: &RowMac) -> Result<Result<Self, RowRefusal>, StoreError> {
        let Some(row) = store.query_one(MARK, &[]).await? else {
            return Ok(Err(RowRefusal::Missing));
        };
        Ok(Self::authentic(&row, mac))
    }

    fn authentic(row: &Row, mac: &RowMac) -> Result<Self, RowRefusal> {
        let unreadable = |_: StoreError| RowRefusal::Unreadable;
        let mark = Self {
            settled: row.unsigned(0).map_err(unreadable)?,
            generation: row.unsigned(1).map_err(unreadable)?,
        };
        mac.verify(&mark.fields(), row.blob(2).map_err(unreadable)?)?;
        Ok(mark)
    }

    async fn write(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), StoreError> {
        let tag = mac.tag(&self.fields());
        let values = [self.settled.into(), self.generation.into(), (&tag).into()];
        to.execute(SET_MARK, &values).await.map(drop)
    }

    fn fields(&self) -> Fields {
        Fields::new("strongroom warden_mark v1")
            .number(self.settled)
            .number(self.generation)
    }
}

/// Reads the log, which has `records`, from where the store says that everything was settled. The
/// mark knows the generation of its time, so that a newer mark put into an older store gives that
/// store away.
pub(crate) async fn read(
    store: &Store,
    mac: &RowMac,
    medium: Arc<dyn Medium>,
    records: u64,
) -> Result<History, StartError> {
    let (mark, refused) = match Mark::read(store, mac).await? {
        Ok(mark) => (mark, None),
        Err(reason) => (Mark::default(), Some(RowRefused::new(Mark::TABLE, "1", reason))),
    };
    let is_shorter = records < mark.settled;
    let from = if is_shorter { 0 } else { mark.settled };
    let read = tokio::task::spawn_blocking(move || scan(medium, from, mark.generation));
    let mut history = read.await.map_err(|_| StartError::Stopped)??;
    // A new installation has no mark yet.
    let refused = refused.filter(|refused| refused.reason != RowRefusal::Missing || history.started);
    history.alarms.extend(refused.as_ref().map(AlarmView::of));
    history.alarms.extend(is_shorter.then(|| AlarmView {
        place: "the audit log".to_owned(),
        problem: format!(
            "it has {records} records where it had {}: its end was cut off, or it was replaced",
            mark.settled
        ),
    }));
    Ok(history)
}

fn scan(medium: Arc<dyn Medium>, from: u64, generation: u64) -> Result<History, VerifyError> {
    let mut reader = Reader::open(medium, from)?;
    let mut history = History {
        next: from,
        generation,
        ..History::default()
    };
    while let Some(record) = reader.next_record()? {
        history.next = record.sequence().saturating_add(1);
        // Records of other kinds, and of later versions, are none of our business here.
        if let Ok(seen) = serde_json::from_slice(&record.payload) {
            history.take(seen);
        }
    }
    Ok(history)
}

impl History {
    fn take(&mut self, seen: Seen) {
        let mut acknowledged = false;
        match (seen.kind.as_str(), seen.change_id, seen.change) {
            ("intent", Some(id), Some(change)) => self.open.push((id, change)),
            ("outcome", Some(id), _) => {
                let of = self.open.iter().position(|(open, _)| *open == id);
                let settled = of.map(|position| self.open.remove(position));
                let is_acknowledgement = matches!(settled, Some((_, Change::AcknowledgeRecovery { .. })));
                acknowledged = is_acknowledgement && seen.result.as_deref() == Some(DONE);
            }
            ("started", _, _) => self.started = true,
            _ => return,
        }
        // Generations only grow, unless somebody has put an older store in the newer one's place.
        // That stays so, whatever is changed meanwhile, until it is acknowledged.
        if acknowledged {
            self.recovery_pending = false;
        } else if seen.generation < self.generation {
            self.recovery_pending = true;
        }
        self.generation = self.generation.max(seen.generation);
    }

    /// The sequence behind the last record that was read.
    pub(crate) const fn end(&self) -> u64 {
        self.next
    }

    /// Whether the store is older than this log, and nobody has acknowledged that.
    pub(crate) fn store_is_behind(&self, manifest: &Manifest, directory: &Directory) -> bool {
        let acknowledged = self.open.iter().any(|(id, change)| {
            matches!(change, Change::AcknowledgeRecovery { .. }) && was_done(id, change, manifest, directory)
        });
        directory.generation() < self.generation || (self.recovery_pending && !acknowledged)
    }

    /// Changes of keys that were cut off after the key manager had made them and before they were noted,
    /// and what is to be noted.
    pub(crate) fn half_done(
        &self,
        manifest: &Manifest,
        directory: &Directory,
    ) -> Vec<(ChangeId, KeyId, Noted)> {
        let half = |(id, change): &(ChangeId, Change)| {
            let (key, noted) = to_be_noted(change, manifest, directory)?;
            Some((id.clone(), key, noted))
        };
        self.open.iter().filter_map(half).collect()
    }
}

/// Keys for which something was being made when the process ended, and was not done.
pub(crate) fn cut_off<'a>(
    history: &'a History,
    manifest: &'a Manifest,
    directory: &'a Directory,
) -> impl Iterator<Item = (&'a Opened, KeyId)> {
    history.open.iter().filter_map(move |(id, change)| {
        let (Change::CreateKey { key_manager, key, .. }
        | Change::AdoptKey { key_manager, key, .. }
        | Change::RotateKey { key_manager, key, .. }) = change
        else {
            return None;
        };
        if was_done(id, change, manifest, directory) {
            return None;
        }
        let opened = directory.managers.get(&ManagerId::parse(key_manager).ok()?)?;
        Some((opened, KeyId::parse(key).ok()?))
    })
}

fn to_be_noted(change: &Change, manifest: &Manifest, directory: &Directory) -> Option<(KeyId, Noted)> {
    match change {
        Change::SetKeyState { key_manager, key, .. } => {
            let key = describe(directory, key_manager, key)?;
            let half = key.state == KeyState::Disabled && manifest.noted(&key.id).is_none();
            half.then(|| (key.id.clone(), Noted::Disabled))
        }
        Change::ScheduleKeyDeletion {
            key_manager,
            key,
            deletion,
        } => {
            let key = describe(directory, key_manager, key)?;
            let noted = Noted::PendingDeletion(Timestamp::from_micros(*deletion));
            let scheduled = key.deletion.map(Noted::PendingDeletion) == Some(noted);
            let half = scheduled && manifest.noted(&key.id) != Some(noted);
            half.then(|| (key.id.clone(), noted))
        }
        Change::CancelKeyDeletion { key_manager, key } => {
            let key = describe(directory, key_manager, key)?;
            let pending = matches!(manifest.noted(&key.id), Some(Noted::PendingDeletion(_)));
            let half = key.deletion.is_none() && pending;
            half.then(|| (key.id.clone(), Noted::Disabled))
        }
        Change::DestroyKey { key_manager, key } => {
            let id = KeyId::parse(key).ok()?;
            let half = is_gone(directory, key_manager, key) && manifest.noted(&id) != Some(Noted::Destroyed);
            half.then_some((id, Noted::Destroyed))
        }
        _ => None,
    }
}

/// Finds out for each open intent whether it was done, and records the outcome.
pub(crate) async fn settle(
    history: &History,
    clerk: &Clerk,
    manifest: &Manifest,
    directory: &Directory,
) -> Result<(), StartError> {
    for (id, change) in &history.open {
        let done = was_done(id, change, manifest, directory);
        let result = if done { DONE } else { NOT_DONE };
        tracing::warn!(change = %id, result, "an administrative act was cut off; its outcome is settled now");
        let outcome = clerk.outcome(id, result, Some("settled at start"), directory.generation());
        let _receipt = durable(outcome).await.map_err(StartError::Log)?;
    }
    Ok(())
}

/// Notes that everything before `settled` is settled, at `generation`. Never while a recovery is
/// pending: the log from the old mark on is what says so.
pub(crate) async fn mark(
    store: &Store,
    mac: &RowMac,
    settled: u64,
    generation: u64,
) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    Mark { settled, generation }.write(&mut transaction, mac).await?;
    transaction.commit().await
}

/// Tags the mark anew if it depends on an older root; whether it did. One that is not ours stays so.
pub(crate) async fn retag_mark(transaction: &mut Transaction, mac: &RowMac) -> Result<bool, StoreError> {
    let Some(row) = transaction.query_one(MARK, &[]).await? else {
        return Ok(false);
    };
    let outdated = row.blob(2).is_ok_and(|tag| mac.is_outdated(tag));
    match Mark::authentic(&row, mac) {
        Ok(mark) if outdated => mark.write(transaction, mac).await.map(|()| true),
        _ => Ok(false),
    }
}

/// Whether a change was made: what key managers keep, they are asked; the rest the manifest knows.
pub(crate) fn was_done(id: &ChangeId, change: &Change, manifest: &Manifest, directory: &Directory) -> bool {
    match change {
        Change::CreateKeyManager { key_manager, .. } => {
            ManagerId::parse(key_manager).is_ok_and(|id| directory.managers.contains_key(&id))
        }
        Change::CreateKey { key_manager, key, .. } | Change::AdoptKey { key_manager, key, .. } => {
            describe(directory, key_manager, key).is_some()
        }
        Change::RotateKey {
            key_manager,
            key,
            from_version,
        } => describe(directory, key_manager, key)
            .is_some_and(|key| encrypting_version(&key).is_some_and(|tag| tag != *from_version)),
        Change::ScheduleKeyDeletion {
            key_manager,
            key,
            deletion,
        } => describe(directory, key_manager, key)
            .is_some_and(|key| key.deletion == Some(Timestamp::from_micros(*deletion))),
        Change::CancelKeyDeletion { key_manager, key } => describe(directory, key_manager, key)
            .is_some_and(|key| directory.state_of(&key) != KeyState::PendingDeletion),
        Change::DestroyKey { key_manager, key } => is_gone(directory, key_manager, key),
        Change::SetKeyState {
            key_manager,
            key,
            state,
        } => describe(directory, key_manager, key)
            .is_some_and(|key| KeyState::parse(state) == Some(directory.state_of(&key))),
        Change::RotateKeyEncryptionKey {
            key_manager,
            key_encryption_key,
        } => has_key_encryption_key(directory, key_manager, key_encryption_key),
        Change::CreateKeyStore { .. }
        | Change::RotateRoot { .. }
        | Change::RetireRoot { .. }
        | Change::ChangeSeal { .. }
        | Change::Bind { .. }
        | Change::Block { .. }
        | Change::Unblock { .. }
        | Change::AddCredential { .. }
        | Change::RetireCredential { .. }
        | Change::AcknowledgeRecovery { .. } => manifest.has_change(id),
    }
}

fn describe(directory: &Directory, manager: &str, key: &str) -> Option<Arc<KeyDescription>> {
    let manager = directory.managers.get(&ManagerId::parse(manager).ok()?)?;
    manager.manager.describe(&KeyId::parse(key).ok()?).ok()
}

/// Whether a key manager that is open knows no such key. One that is refused is not gone.
fn is_gone(directory: &Directory, manager: &str, key: &str) -> bool {
    let manager = ManagerId::parse(manager)
        .ok()
        .and_then(|id| directory.managers.get(&id));
    let described = manager
        .zip(KeyId::parse(key).ok())
        .map(|(opened, key)| opened.manager.describe(&key));
    matches!(described, Some(Err(KeyManagerError::UnknownKey)))
}

/// The tag of the version that encrypts.
pub(crate) fn encrypting_version(key: &KeyDescription) -> Option<String> {
    key.versions.first().map(|version| version.tag.to_string())
}

/// Key managers that were found open, by id.
pub(crate) type Managers = HashMap<ManagerId, Opened>;
