//! What goes on in the background: reservations, and objects that are to be destroyed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use key_manager::{KeyId, KeyManagerError, KeyState, VersionTag};
use tokio::sync::Notify;

use crate::change::{Cause, Edit};
use crate::contents::{Contents, Key};
use crate::counter::{BLOCK, next_block};
use crate::manager::Inner;
use crate::objects;
use crate::rows::{KeyRow, Stage};
use crate::version::Version;

/// How many keys one transaction tags anew: some milliseconds, in which no other change is written.
const PORTION: usize = 500;
/// Between two attempts to destroy what is left over.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// Versions that want more encryptions.
#[derive(Default)]
pub(crate) struct Reservations {
    wanted: Mutex<BTreeMap<(KeyId, VersionTag), Arc<Version>>>,
    asked: Arc<Notify>,
}

impl Reservations {
    pub(crate) fn ask(&self, version: &Arc<Version>) {
        let name = (version.key.clone(), version.row.tag);
        self.lock().insert(name, Arc::clone(version));
        self.asked.notify_one();
    }

    fn take(&self) -> BTreeMap<(KeyId, VersionTag), Arc<Version>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(KeyId, VersionTag), Arc<Version>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reserves for all that ask, one transaction at a time.
pub(crate) async fn reserve(inner: Weak<Inner>) {
    let Some(asked) = inner.upgrade().map(|inner| Arc::clone(&inner.reservations.asked)) else {
        return;
    };
    loop {
        asked.notified().await;
        let Some(inner) = inner.upgrade() else { return };
        let wanted = inner.reservations.take();
        let names: Vec<_> = wanted.keys().cloned().collect();
        let reserved = inner.change(Cause::Upkeep, |contents| {
            let mut edits = Vec::new();
            for (id, tag) in &names {
                // A key that was refused or destroyed meanwhile gets nothing.
                if let Ok(key) = contents.key(id) {
                    let mut row = key.row.clone();
                    raise(&mut row, *tag);
                    edits.push(Edit::Update(row, Vec::new()));
                }
            }
            Ok(edits)
        });
        let failed = reserved.await.err();
        if let Some(error) = &failed {
            tracing::error!("no encryptions could be reserved: {error}");
        }
        let contents = inner.contents.load();
        for version in wanted.values() {
            // Those that got some are not asking any more. One that is not the version in use, for its key
            // was refused meanwhile, gets nothing: what was reserved is the other's.
            let in_use = |key: &Key| key.versions.iter().any(|known| Arc::ptr_eq(known, version));
            if failed.is_some() || !contents.key(&version.key).is_ok_and(in_use) {
                version.counter.fail();
            }
        }
    }
}

fn raise(row: &mut KeyRow, tag: VersionTag) {
    for (_, reserved) in row.versions.iter_mut().filter(|(known, _)| *known == tag) {
        *reserved = next_block(*reserved);
    }
}

/// Destroys what is left over, whenever there may be something.
pub(crate) async fn tidy(inner: Weak<Inner>) {
    let Some(untidy) = inner.upgrade().map(|inner| Arc::clone(&inner.untidy)) else {
        return;
    };
    while let Some(inner) = inner.upgrade() {
        inner.tidy_up().await;
        drop(inner);
        let _ = tokio::time::timeout(TIDY_EVERY, untidy.notified()).await;
    }
}

impl Inner {
    /// One attempt at everything that is left over.
    async fn tidy_up(&self) {
        let untidy = |key: &&Key| {
            let making = key.row.making;
            making.is_some_and(|tag| !self.is_inherited(&key.row.id, tag))
                || key.row.stage == Stage::Destroyed
        };
        if !self.contents.load().all().any(|key| untidy(&key)) {
            return;
        }
        let _one_act_at_a_time = self.acting.lock().await;
        let left: Vec<KeyId> = self
            .contents
            .load()
            .all()
            .filter(untidy)
            .map(|key| key.row.id.clone())
            .collect();
        for id in left {
            if let Err(error) = self.clean(&id).await {
                tracing::warn!(
                    key = id.as_str(),
                    "key objects are still to be destroyed: {error}"
                );
            }
        }
    }

    /// Destroys what is left over of one key on every token that is there, and notes it. To be called
    /// with `acting` held. `Ok` if nothing is left over.
    pub(crate) async fn clean(&self, id: &KeyId) -> Result<(), KeyManagerError> {
        let contents = self.contents.load_full();
        let Some(key) = contents.all().find(|key| key.row.id == *id) else {
            return Ok(());
        };
        let (mut remaining, mut failed) = (Vec::new(), None);
        for name in &key.row.remaining {
            if let Err(error) = self.clean_token(name, key).await {
                remaining.push(name.clone());
                failed = Some(error);
            }
        }
        let plan = |contents: &Contents| {
            // As it is now: reservations went on meanwhile.
            let Some(key) = contents.all().find(|key| key.row.id == *id) else {
                return Ok(Vec::new());
            };
            let mut row = key.row.clone();
            row.remaining = remaining;
            Ok(match (row.remaining.is_empty(), row.lives()) {
                (true, false) => vec![Edit::Delete(id.clone())],
                (true, true) => {
                    row.making = None;
                    vec![Edit::Update(row, Vec::new())]
                }
                (false, _) if row.remaining == key.row.remaining => Vec::new(),
                (false, _) => vec![Edit::Update(row, Vec::new())],
            })
        };
        self.change(Cause::Upkeep, plan).await?;
        failed.map_or(Ok(()), Err)
    }

    async fn clean_token(&self, name: &str, key: &Key) -> Result<(), KeyManagerError> {
        let member = self.fleet.named(name).ok_or_else(|| {
            KeyManagerError::Unavailable(format!("token {name}: it is not configured any more"))
        })?;
        if let Some(tag) = key.row.making {
            if self.is_inherited(&key.row.id, tag) {
                // It may be what encrypted last, in a state of the store that is gone.
                tracing::warn!(
                    token = name,
                    "the object {} may be left over from an act that was cut off: it stays",
                    objects::object(&key.row.id, tag).label
                );
            } else {
                self.unmake(member, &key.row.id, tag).await?;
            }
        }
        if key.row.stage == Stage::Destroyed {
            for version in &key.versions {
                self.destroy_version(member, version).await?;
            }
        }
        Ok(())
    }

    /// Tags a portion anew that depends on an older root; whether there was any.
    pub(crate) async fn reseal(&self) -> Result<bool, KeyManagerError> {
        let plan = |contents: &Contents| {
            let outdated = contents.all().filter(|key| key.outdated);
            let mut edits: Vec<Edit> = outdated.take(PORTION).cloned().map(Edit::Retag).collect();
            // The key manager's own row is written with any of them; alone it takes one that changes
            // nothing.
            if edits.is_empty() && contents.hsm.outdated {
                edits.push(Edit::Nothing);
            }
            Ok(edits)
        };
        self.change(Cause::Order, plan).await.map(|(_, changed)| changed)
    }

    /// After the store was restored from a backup: encryptions made since then are not in it. Skips what
    /// is left of every block, and one block more.
    pub(crate) async fn skip(&self) -> Result<(), KeyManagerError> {
        let plan = |contents: &Contents| {
            let skipped = |key: &Key| {
                let mut row = key.row.clone();
                for (_, reserved) in &mut row.versions {
                    *reserved = next_block(*reserved);
                }
                Edit::Update(row, Vec::new())
            };
            Ok(contents.keys.values().map(skipped).collect())
        };
        for version in self.contents.load().keys.values().flat_map(|key| &key.versions) {
            version.counter.skip(version.counter.limit());
        }
        self.change(Cause::Restored, plan).await?;
        tracing::warn!(
            key_manager = self.description.id.as_str(),
            "the store was restored: {BLOCK} encryptions of every key count as made"
        );
        Ok(())
    }
}

/// Whether a key is one that somebody may change.
pub(crate) fn not_pending(key: &Key) -> Result<(), KeyManagerError> {
    if key.row.stage == Stage::Is(KeyState::PendingDeletion) {
        let why = "the key is pending deletion; cancel the deletion first";
        return Err(KeyManagerError::NotSuitable(why.to_owned()));
    }
    Ok(())
}
