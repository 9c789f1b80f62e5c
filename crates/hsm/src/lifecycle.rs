//! Administrative acts on one key manager.
//!
//! What is made is noted before it is made: a key whose `making` column names a version has objects on
//! tokens, perhaps, and no row of that version yet. A crash leaves that note, and the objects are found
//! and destroyed by it, once the log confirms that the act was cut off: an older state of the store that
//! somebody put back has such notes too, of objects that have encrypted since. Each act runs in a task of its own, so that a caller that goes away cannot stop
//! it half way.

use std::sync::Arc;

use ambient::{Random, Timestamp};
use key_manager::{
    AdoptedKey, Algorithm, Framing, KeyDescription, KeyId, KeyLifecycle, KeyManagerError, KeyState, NewKey,
    Operation, VersionTag,
};
use seal::RowRefused;

use crate::change::{Cause, Edit};
use crate::contents::{Contents, Key};
use crate::error;
use crate::manager::{Hsm, Inner};
use crate::objects;
use crate::rows::{KeyRow, Stage, VersionRow};
use crate::upkeep::not_pending;

/// What every version has encrypted when it starts: its proof.
const PROOF: u64 = 1;

impl KeyLifecycle for Hsm {
    fn create(&self, key: NewKey) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.id.clone();
        self.act(id, async move |inner| inner.create(key).await)
    }

    fn list(&self) -> Vec<Arc<KeyDescription>> {
        let contents = self.0.contents.load();
        let mut all: Vec<_> = contents
            .keys
            .values()
            .map(|key| Arc::clone(&key.description))
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    fn refused(&self) -> Vec<(String, String)> {
        let contents = self.0.contents.load();
        let text = |(id, refused): (&String, &RowRefused)| (id.clone(), refused.to_string());
        contents.refused.iter().map(text).collect()
    }

    fn adopt(&self, key: AdoptedKey) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.key.id.clone();
        self.act(id, async move |inner| inner.adopt(key).await)
    }

    fn set_state(&self, key: KeyId, state: KeyState) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.clone();
        self.act(id, async move |inner| inner.set_state(&key, state).await)
    }

    fn rotate(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.clone();
        self.act(id, async move |inner| inner.rotate(&key).await)
    }

    fn schedule_deletion(&self, key: KeyId, at: Timestamp) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.clone();
        let deleted = Stage::Is(KeyState::PendingDeletion);
        self.act(id, async move |inner| {
            inner.set_stage(&key, |_| Ok(Some((deleted, Some(at))))).await
        })
    }

    fn cancel_deletion(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.clone();
        let kept = |key: &Key| {
            let pending = key.row.stage == Stage::Is(KeyState::PendingDeletion);
            Ok(pending.then_some((Stage::Is(KeyState::Disabled), None)))
        };
        self.act(id, async move |inner| inner.set_stage(&key, kept).await)
    }

    fn restored(&self) -> Operation<'_, ()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { finish(tokio::spawn(async move { inner.skip().await })).await })
    }

    fn cut_off(&self, key: KeyId) -> Operation<'_, ()> {
        self.0.confirm_cut_off(&key);
        Box::pin(async { Ok(()) })
    }

    fn destroy_key(&self, key: KeyId) -> Operation<'_, ()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { finish(tokio::spawn(async move { inner.destroy_key(&key).await })).await })
    }
}

impl Hsm {
    /// Runs one act to its end, whether or not the caller stays.
    fn act<F>(
        &self,
        id: KeyId,
        act: impl FnOnce(Arc<Inner>) -> F + Send + 'static,
    ) -> Operation<'_, Arc<KeyDescription>>
    where
        F: Future<Output = Result<(), KeyManagerError>> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            finish(tokio::spawn(act(Arc::clone(&inner)))).await?;
            Ok(Arc::clone(&inner.contents.load().key(&id)?.description))
        })
    }
}

/// The result of a task that nobody could stop half way.
pub(crate) async fn finish<T>(
    task: tokio::task::JoinHandle<Result<T, KeyManagerError>>,
) -> Result<T, KeyManagerError> {
    let interrupted = |_| KeyManagerError::Unavailable("the change was interrupted".to_owned());
    task.await.map_err(interrupted)?
}

impl Inner {
    async fn create(&self, new: NewKey) -> Result<(), KeyManagerError> {
        let _one_act_at_a_time = self.acting.lock().await;
        self.make_room(&new.id).await?;
        self.may_make()?;
        self.fleet.all_serving()?;
        let mut row = self.new_row(new);
        let tag = fresh_tag(&row, self.shared.random.as_ref())?;
        row.making = Some(tag);
        row.remaining = self.fleet.names();
        let noted = row.clone();
        self.change(Cause::Order, |_| Ok(vec![Edit::Insert(noted, Vec::new())]))
            .await?;
        let version = self.make_version(&row.id, tag).await?;
        row.versions.push((tag, PROOF));
        self.finish_making(row, vec![version]).await
    }

    async fn rotate(&self, id: &KeyId) -> Result<(), KeyManagerError> {
        let _one_act_at_a_time = self.acting.lock().await;
        let key = self.contents.load().key(id)?.clone();
        not_pending(&key)?;
        self.may_make()?;
        self.fleet.all_serving()?;
        if key.row.making.is_some() {
            self.clean(id).await?;
        }
        let tag = fresh_tag(&key.row, self.shared.random.as_ref())?;
        let names = self.fleet.names();
        let (contents, _) = self
            .change(Cause::Order, |contents| {
                let mut row = contents.key(id)?.row.clone();
                row.making = Some(tag);
                row.remaining = names;
                Ok(vec![Edit::Update(row, Vec::new())])
            })
            .await?;
        let version = self.make_version(id, tag).await?;
        drop(contents);
        self.change(Cause::Order, |contents| {
            // As it is now: reservations went on meanwhile.
            let mut row = contents.key(id)?.row.clone();
            row.versions.insert(0, (tag, PROOF));
            (row.making, row.remaining) = (None, Vec::new());
            Ok(vec![Edit::Update(row, vec![version])])
        })
        .await
        .map(drop)
    }

    /// Objects on every token and the row that says so; leaves the clearing up to others if it fails.
    pub(crate) async fn make_version(
        &self,
        key: &KeyId,
        tag: VersionTag,
    ) -> Result<VersionRow, KeyManagerError> {
        let made = self.make(key, tag).await;
        if made.is_err() {
            self.untidy.notify_one();
        }
        let object = objects::object(key, tag);
        Ok(VersionRow {
            tag,
            algorithm: Algorithm::Aes256Gcm,
            framing: Framing::Spec,
            label: Some(object.label),
            object_id: Some(object.id),
            legacy: None,
            proof: made?,
            created: self.shared.clock.now(),
        })
    }

    /// The key is born.
    pub(crate) async fn finish_making(
        &self,
        mut row: KeyRow,
        versions: Vec<VersionRow>,
    ) -> Result<(), KeyManagerError> {
        (row.making, row.remaining) = (None, Vec::new());
        self.change(Cause::Order, |_| Ok(vec![Edit::Update(row, versions)]))
            .await
            .map(drop)
    }

    /// The id must be free; what an earlier attempt left over under it is destroyed first.
    pub(crate) async fn make_room(&self, id: &KeyId) -> Result<(), KeyManagerError> {
        let contents = self.contents.load_full();
        if let Some(refused) = contents.refused.get(id.as_str()) {
            return Err(error::refused(refused));
        }
        if contents.keys.contains_key(id) {
            return Err(KeyManagerError::KeyExists);
        }
        match contents.others.get(id) {
            Some(key) if key.row.stage == Stage::Destroyed => Err(KeyManagerError::KeyExists),
            Some(_) => self.clean(id).await,
            None => Ok(()),
        }
    }

    /// An enabled key without versions.
    pub(crate) fn new_row(&self, new: NewKey) -> KeyRow {
        KeyRow {
            id: new.id,
            hsm: self.description.id.clone(),
            name: new.name,
            front: new.front,
            usage: new.usage,
            created: self.shared.clock.now(),
            stage: Stage::Is(KeyState::Enabled),
            deletion: None,
            versions: Vec::new(),
            making: None,
            remaining: Vec::new(),
            generation: 0,
            outdated: false,
        }
    }

    async fn set_state(&self, id: &KeyId, state: KeyState) -> Result<(), KeyManagerError> {
        let stage = |key: &Key| {
            not_pending(key)?;
            if state == KeyState::PendingDeletion {
                let why = "a deletion is scheduled with its time";
                return Err(KeyManagerError::NotSuitable(why.to_owned()));
            }
            Ok(Some((Stage::Is(state), None)))
        };
        self.set_stage(id, stage).await
    }

    /// Puts a key into the stage that `decide` gives, if it is in another.
    async fn set_stage(
        &self,
        id: &KeyId,
        decide: impl FnOnce(&Key) -> Result<Option<(Stage, Option<Timestamp>)>, KeyManagerError> + Send,
    ) -> Result<(), KeyManagerError> {
        let plan = |contents: &Contents| {
            let key = contents.key(id)?;
            let mut row = key.row.clone();
            let Some((stage, deletion)) = decide(key)? else {
                return Ok(Vec::new());
            };
            if (row.stage, row.deletion) == (stage, deletion) {
                return Ok(Vec::new());
            }
            (row.stage, row.deletion) = (stage, deletion);
            Ok(vec![Edit::Update(row, Vec::new())])
        };
        self.change(Cause::Order, plan).await.map(drop)
    }

    /// From the first transaction on the key is gone; its objects go from every token that is there, and
    /// from the others when they come back.
    async fn destroy_key(&self, id: &KeyId) -> Result<(), KeyManagerError> {
        let _one_act_at_a_time = self.acting.lock().await;
        let now = self.shared.clock.now();
        let names = self.fleet.names();
        let plan = |contents: &Contents| {
            let key = match contents.key(id) {
                Err(KeyManagerError::UnknownKey) => return Ok(Vec::new()),
                key => key?,
            };
            let due = key.row.deletion.is_some_and(|at| at <= now);
            if key.row.stage != Stage::Is(KeyState::PendingDeletion) || !due {
                let why = "the key is not pending deletion, or its waiting period is not over";
                return Err(KeyManagerError::NotSuitable(why.to_owned()));
            }
            if names.is_empty() {
                return Err(KeyManagerError::Unavailable(self.fleet.troubles(None)));
            }
            let mut row = key.row.clone();
            (row.stage, row.deletion, row.remaining) = (Stage::Destroyed, None, names);
            Ok(vec![Edit::Update(row, Vec::new())])
        };
        self.change(Cause::Order, plan).await?;
        if let Err(error) = self.clean(id).await {
            tracing::warn!(
                key = id.as_str(),
                "the key is destroyed but for objects that are still to be: {error}"
            );
        }
        Ok(())
    }
}

/// A random tag that no version of this key has, nor one that was begun. A key with a thousand versions
/// needs a second draw once in four million; sixteen equal draws mean that the source repeats itself.
pub(crate) fn fresh_tag(row: &KeyRow, random: &dyn Random) -> Result<VersionTag, KeyManagerError> {
    for _ in 0..16 {
        let tag = VersionTag(random.bytes()?);
        if row.making != Some(tag) && row.versions.iter().all(|(known, _)| *known != tag) {
            return Ok(tag);
        }
    }
    Err(ambient::RandomUnavailable.into())
}
