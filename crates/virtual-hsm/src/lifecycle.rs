//! Administrative acts on one virtual HSM.
//!
//! Each is one transaction: read and verify every row, write, read back and verify again, commit,
//! then show the new contents. It runs in a task of its own, so that a caller that goes away
//! cannot stop it between commit and show.

use std::sync::Arc;

use ambient::{Random, Timestamp};
use crypto::Key256;
use key_manager::{
    Algorithm, KeyDescription, KeyId, KeyLifecycle, KeyManagerError, KeyState, NewKey, Operation, VersionTag,
};
use seal::{Keyring, RowMac, RowRefused, SealingKey, SealingKeyId};
use store::{Snapshot, Transaction};

use crate::contents::{self, Contents};
use crate::hsm::{Inner, Shared, VirtualHsm};
use crate::rows::{HsmRow, KeyRow, VersionRow};
use crate::{error, tables};

/// How many keys one transaction tags anew: some milliseconds, in which no other change is written.
const PORTION: usize = 500;

/// A change of one virtual HSM.
pub(crate) enum Act {
    Create(NewKey),
    SetState(KeyId, KeyState),
    Rotate(KeyId),
    ScheduleDeletion(KeyId, Timestamp),
    CancelDeletion(KeyId),
    Destroy(KeyId),
    RotateKek(SealingKeyId),
    /// After the root was rotated: seals and tags anew a portion of what depends on an older one.
    Reseal,
}

impl KeyLifecycle for VirtualHsm {
    fn create(&self, key: NewKey) -> Operation<'_, Arc<KeyDescription>> {
        let id = key.id.clone();
        Box::pin(async move { self.run(Act::Create(key)).await?.described(&id) })
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

    fn set_state(&self, key: KeyId, state: KeyState) -> Operation<'_, Arc<KeyDescription>> {
        Box::pin(async move { self.run(Act::SetState(key.clone(), state)).await?.described(&key) })
    }

    fn rotate(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        Box::pin(async move { self.run(Act::Rotate(key.clone())).await?.described(&key) })
    }

    fn schedule_deletion(&self, key: KeyId, at: Timestamp) -> Operation<'_, Arc<KeyDescription>> {
        let act = Act::ScheduleDeletion(key.clone(), at);
        Box::pin(async move { self.run(act).await?.described(&key) })
    }

    fn cancel_deletion(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        let act = Act::CancelDeletion(key.clone());
        Box::pin(async move { self.run(act).await?.described(&key) })
    }

    fn destroy_key(&self, key: KeyId) -> Operation<'_, ()> {
        Box::pin(async move { self.run(Act::Destroy(key)).await.map(drop) })
    }

    fn key_encryption_key(&self) -> Option<[u8; 8]> {
        Some(*self.0.contents.load().hsm.kek_id.as_bytes())
    }

    fn rotate_key_encryption_key(&self, id: [u8; 8]) -> Operation<'_, ()> {
        let act = Act::RotateKek(SealingKeyId::from_bytes(id));
        Box::pin(async move { self.run(act).await.map(drop) })
    }
}

impl VirtualHsm {
    /// Seals and tags a portion anew that depends on an older root; whether there was any.
    pub(crate) async fn reseal(&self) -> Result<bool, KeyManagerError> {
        self.finish(Act::Reseal).await.map(|(_, changed)| changed)
    }

    async fn run(&self, act: Act) -> Result<Arc<Contents>, KeyManagerError> {
        self.finish(act).await.map(|(contents, _)| contents)
    }

    /// Runs one act to its end, whether or not the caller stays; says whether anything changed.
    async fn finish(&self, act: Act) -> Result<(Arc<Contents>, bool), KeyManagerError> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move { inner.run(act).await });
        task.await
            .map_err(|_| KeyManagerError::Unavailable("the change was interrupted".to_owned()))?
    }
}

impl Contents {
    fn described(&self, id: &KeyId) -> Result<Arc<KeyDescription>, KeyManagerError> {
        Ok(Arc::clone(&self.key(id)?.description))
    }
}

impl Inner {
    async fn run(&self, act: Act) -> Result<(Arc<Contents>, bool), KeyManagerError> {
        let _one_at_a_time = self.changing.lock().await;
        let keyring = self.shared.keyring.load_full();
        let mut transaction = self.shared.store.begin().await.map_err(error::store)?;
        let contents = self.read(&mut transaction, &keyring).await?;
        let mut draft = Draft {
            inner: self,
            keyring: &keyring,
            mac: keyring.row_mac(tables::KEY),
            hsm: contents.hsm.clone(),
            contents,
            transaction,
        };
        let changed = draft.apply(act).await?;
        if changed {
            let mut transaction = draft.finish().await?;
            let contents = self.read(&mut transaction, &keyring).await?;
            transaction.commit().await.map_err(error::store)?;
            self.install(contents);
        } else {
            self.install(draft.contents);
        }
        Ok((self.contents.load_full(), changed))
    }

    /// Reads and verifies everything.
    async fn read(&self, reader: &mut Snapshot, keyring: &Keyring) -> Result<Contents, KeyManagerError> {
        let id = [self.description.id.as_str().into()];
        let row = reader
            .query_one(tables::SELECT_HSM, &id)
            .await
            .map_err(error::store)?;
        let gone = || KeyManagerError::Unavailable("this virtual HSM was destroyed".to_owned());
        let hsm = contents::verify_hsm(&row.ok_or_else(gone)?, keyring)
            .map_err(|refused| error::refused(&refused))?;
        Contents::load(reader, keyring, hsm).await
    }
}

/// A change being written.
struct Draft<'a> {
    inner: &'a Inner,
    keyring: &'a Keyring,
    mac: RowMac,
    contents: Contents,
    /// The virtual HSM's row as it will be.
    hsm: HsmRow,
    transaction: Transaction,
}

impl Draft<'_> {
    /// Returns whether anything changed.
    async fn apply(&mut self, act: Act) -> Result<bool, KeyManagerError> {
        if self.is_so(&act)? {
            return Ok(false);
        }
        // The store's counter is not authenticated: whoever turns it back must not make us give a
        // generation twice, for rows of one generation could be exchanged for each other.
        let counted = self.transaction.bump_generation().await.map_err(error::store)?;
        self.hsm.generation = counted.max(self.hsm.generation.saturating_add(1));
        match act {
            Act::Create(key) => self.create(key).await?,
            Act::SetState(id, state) => self.put(&id, state, None).await?,
            Act::Rotate(id) => self.rotate(&id).await?,
            Act::ScheduleDeletion(id, at) => self.put(&id, KeyState::PendingDeletion, Some(at)).await?,
            Act::CancelDeletion(id) => self.put(&id, KeyState::Disabled, None).await?,
            Act::Destroy(id) => self.destroy(&id).await?,
            Act::RotateKek(id) => self.rotate_kek(id).await?,
            Act::Reseal => self.reseal().await?,
        }
        Ok(true)
    }

    /// Whether nothing is to be done; an error if it must not be done.
    fn is_so(&self, act: &Act) -> Result<bool, KeyManagerError> {
        let row = |id| self.contents.key(id).map(|key| &key.row);
        match act {
            Act::SetState(id, state) => {
                let row = not_pending(row(id)?)?;
                if *state == KeyState::PendingDeletion {
                    return Err(not_suitable("a key becomes pending deletion with a date alone"));
                }
                Ok(row.state == *state)
            }
            Act::Rotate(id) => not_pending(row(id)?).map(|_| false),
            Act::ScheduleDeletion(id, at) => Ok(row(id)?.deletion == Some(*at)),
            Act::CancelDeletion(id) => Ok(row(id)?.deletion.is_none()),
            Act::Destroy(id) => match row(id) {
                Err(KeyManagerError::UnknownKey) => Ok(true),
                row => self.may_be_destroyed(row?).map(|()| false),
            },
            Act::RotateKek(id) => Ok(self.hsm.kek_id == *id),
            Act::Reseal => Ok(!self.is_outdated()),
            Act::Create(_) => Ok(false),
        }
    }

    fn may_be_destroyed(&self, row: &KeyRow) -> Result<(), KeyManagerError> {
        match row.deletion {
            None => Err(not_suitable("the key is not pending deletion")),
            Some(at) if self.inner.shared.clock.now() < at => {
                Err(not_suitable(&format!("the key's waiting period ends at {at}")))
            }
            Some(_) => Ok(()),
        }
    }

    /// Writes the virtual HSM's row, with the manifest of everything that was written.
    async fn finish(mut self) -> Result<Transaction, KeyManagerError> {
        let mac = self.keyring.row_mac(tables::HSM);
        self.hsm.update(&mut self.transaction, &mac).await?;
        Ok(self.transaction)
    }

    async fn create(&mut self, key: NewKey) -> Result<(), KeyManagerError> {
        let kek = contents::open_kek(self.keyring, &self.hsm)?;
        let maker = Maker {
            shared: &self.inner.shared,
            mac: &self.mac,
            kek: &kek,
        };
        maker.make(&mut self.transaction, &mut self.hsm, key, false).await
    }

    async fn rotate(&mut self, id: &KeyId) -> Result<(), KeyManagerError> {
        let mut row = self.contents.key(id)?.row.clone();
        let kek = contents::open_kek(self.keyring, &self.hsm)?;
        let version = new_version(&mut row, &kek, &self.inner.shared)?;
        version.insert(&mut self.transaction).await?;
        self.write(row).await
    }

    async fn put(
        &mut self,
        id: &KeyId,
        state: KeyState,
        deletion: Option<Timestamp>,
    ) -> Result<(), KeyManagerError> {
        let mut row = self.contents.key(id)?.row.clone();
        (row.state, row.deletion) = (state, deletion);
        self.write(row).await
    }

    /// Removes a key's rows, which the store writes over, and its place in the manifest.
    async fn destroy(&mut self, id: &KeyId) -> Result<(), KeyManagerError> {
        for statement in tables::DELETE_KEY {
            let id = [id.as_str().into()];
            let deleted = self.transaction.execute(statement, &id).await;
            deleted.map_err(error::store)?;
        }
        self.hsm.manifest.0.remove(id);
        Ok(())
    }

    /// Updates a key's row and its place in the manifest.
    async fn write(&mut self, mut row: KeyRow) -> Result<(), KeyManagerError> {
        row.generation = self.hsm.generation;
        row.update(&mut self.transaction, &self.mac).await?;
        self.hsm.manifest.0.insert(row.id, row.generation);
        Ok(())
    }

    async fn rotate_kek(&mut self, id: SealingKeyId) -> Result<(), KeyManagerError> {
        if let Some(refused) = self.contents.refused.values().next() {
            return Err(error::refused(refused));
        }
        let random = self.inner.shared.random.as_ref();
        let old = contents::open_kek(self.keyring, &self.hsm)?;
        let new = SealingKey::new(id, Key256::generate(random)?);
        let versions = contents::read_versions(&mut self.transaction, &self.hsm).await?;
        for mut version in versions.into_values().flatten() {
            let owner = self.contents.owner(&version)?;
            let bytes = contents::open_version(owner, &version, &old)
                .map_err(|reason| error::refused(&RowRefused::new(tables::VERSION, &version.key, reason)))?;
            let context = owner.version_context(&version);
            version.sealed = new
                .seal(random, &context, bytes.expose())
                .map_err(error::sealing)?;
            version.reseal(&mut self.transaction).await?;
        }
        self.seal_kek(&new)
    }

    fn is_outdated(&self) -> bool {
        self.hsm.outdated || self.outdated().next().is_some()
    }

    fn outdated(&self) -> impl Iterator<Item = &KeyRow> {
        let keys = self.contents.keys.values().chain(&self.contents.canary);
        keys.map(|key| &key.row).filter(|row| row.outdated)
    }

    async fn reseal(&mut self) -> Result<(), KeyManagerError> {
        if self.keyring.is_outdated(&self.hsm.kek) {
            let kek = contents::open_kek(self.keyring, &self.hsm)?;
            self.seal_kek(&kek)?;
        }
        let rows: Vec<KeyRow> = self.outdated().take(PORTION).cloned().collect();
        for row in rows {
            self.write(row).await?;
        }
        Ok(())
    }

    fn seal_kek(&mut self, kek: &SealingKey) -> Result<(), KeyManagerError> {
        self.hsm.kek_id = kek.id();
        let random = self.inner.shared.random.as_ref();
        let sealed = self.keyring.seal(random, &self.hsm.context(), kek.key().expose());
        self.hsm.kek = sealed.map_err(error::sealing)?;
        Ok(())
    }
}

impl Contents {
    fn owner(&self, version: &VersionRow) -> Result<&KeyRow, KeyManagerError> {
        let mut keys = self.keys.values().chain(&self.canary);
        keys.find(|key| key.row.id.as_str() == version.key)
            .map(|key| &key.row)
            .ok_or(KeyManagerError::UnknownKey)
    }
}

/// What it takes to make a key.
pub(crate) struct Maker<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) mac: &'a RowMac,
    pub(crate) kek: &'a SealingKey,
}

impl Maker<'_> {
    /// Writes a key with its first version, and its place in the manifest of `hsm`, whose row the
    /// caller writes.
    pub(crate) async fn make(
        &self,
        to: &mut Transaction,
        hsm: &mut HsmRow,
        key: NewKey,
        canary: bool,
    ) -> Result<(), KeyManagerError> {
        if hsm.manifest.0.contains_key(&key.id) {
            return Err(KeyManagerError::KeyExists);
        }
        let mut row = KeyRow {
            id: key.id,
            hsm: hsm.id.clone(),
            name: key.name,
            front: key.front,
            usage: key.usage,
            canary,
            created: self.shared.clock.now(),
            state: KeyState::Enabled,
            deletion: None,
            versions: Vec::new(),
            generation: hsm.generation,
            outdated: false,
        };
        let version = new_version(&mut row, self.kek, self.shared)?;
        row.insert(to, self.mac).await?;
        version.insert(to).await?;
        hsm.manifest.0.insert(row.id, row.generation);
        Ok(())
    }
}

fn not_pending(row: &KeyRow) -> Result<&KeyRow, KeyManagerError> {
    match row.deletion {
        None => Ok(row),
        Some(_) => Err(not_suitable("the key is pending deletion: cancel that first")),
    }
}

fn not_suitable(why: &str) -> KeyManagerError {
    KeyManagerError::NotSuitable(why.to_owned())
}

/// Makes fresh key bytes, sealed under the key-encryption key, and puts the new version's tag
/// before the others.
fn new_version(row: &mut KeyRow, kek: &SealingKey, shared: &Shared) -> Result<VersionRow, KeyManagerError> {
    let random = shared.random.as_ref();
    let tag = fresh_tag(row, random)?;
    let key = Key256::generate(random)?;
    let mut version = VersionRow {
        key: row.id.to_string(),
        tag,
        algorithm: Algorithm::Xaes256Gcm,
        fingerprint: *key.fingerprint().as_bytes(),
        created: shared.clock.now(),
        sealed: Vec::new(),
    };
    let context = row.version_context(&version);
    version.sealed = kek.seal(random, &context, key.expose()).map_err(error::sealing)?;
    row.versions.insert(0, tag);
    Ok(version)
}

/// A random tag that no version of this key has. A key with a thousand versions needs a second
/// draw once in four million; sixteen equal draws mean that the source repeats itself.
fn fresh_tag(row: &KeyRow, random: &dyn Random) -> Result<VersionTag, KeyManagerError> {
    for _ in 0..16 {
        let tag = VersionTag(random.bytes()?);
        if !row.versions.contains(&tag) {
            return Ok(tag);
        }
    }
    Err(ambient::RandomUnavailable.into())
}
