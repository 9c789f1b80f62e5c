//! Virtual HSMs over a real store in a temporary directory.

mod deletion;
mod format;
mod golden;
mod keys;
mod tampering;

use std::path::PathBuf;
use std::sync::Arc;

use ambient::{CountingRandom, ManualClock, Random, SeededRandom, Timestamp};
use key_manager::{
    AdditionalData, EncryptOutput, Front, KeyId, KeyManagerError, KeyManagerProvider, KeyUsage, ManagerId,
    Name, NewKey, Opened,
};
use seal::{KeyFile, Keyring, roots};
use store::Store;
use tempfile::TempDir;

use crate::{MIGRATIONS, VirtualHsms};

/// A store with a first root, and the virtual HSMs on it.
struct World {
    directory: TempDir,
    random: Arc<CountingRandom<SeededRandom>>,
    clock: Arc<ManualClock>,
    store: Store,
    seal: KeyFile,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random = Arc::new(CountingRandom::new(SeededRandom::new(42)));
        let seal = KeyFile::create(&directory.path().join("seal.key"), random.as_ref()).unwrap();
        let store = open_store(directory.path().join("db")).await;
        let mut transaction = store.begin().await.unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        roots::create_first(&mut transaction, &seal, random.as_ref(), now)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        Self {
            directory,
            random,
            clock: Arc::new(ManualClock::at(now)),
            store,
            seal,
        }
    }

    async fn keyring(&self) -> Arc<Keyring> {
        let mut reader = self.store.read().await.unwrap();
        Arc::new(roots::load(&mut reader, &self.seal).await.unwrap())
    }

    /// A provider that knows nothing yet, as after a restart.
    async fn provider(&self) -> VirtualHsms {
        self.provider_with(self.random.clone()).await
    }

    async fn provider_with(&self, random: Arc<dyn Random>) -> VirtualHsms {
        VirtualHsms::new(
            self.store.clone(),
            self.keyring().await,
            random,
            self.clock.clone(),
        )
    }

    /// Everything as it opens after a restart.
    async fn reopened(&self) -> (VirtualHsms, Vec<Opened>) {
        let provider = self.provider().await;
        let opened = provider.open_all().await.unwrap();
        (provider, opened)
    }

    /// One virtual HSM with one key.
    async fn hsm(&self) -> (Opened, KeyId) {
        let opened = self
            .provider()
            .await
            .create(self.manager_id(), Name::parse("main").unwrap())
            .await
            .unwrap();
        let key = self.new_key("first");
        let id = key.id.clone();
        opened.lifecycle.create(key).await.unwrap();
        (opened, id)
    }

    fn manager_id(&self) -> ManagerId {
        ManagerId::generate(self.random.as_ref()).unwrap()
    }

    fn new_key(&self, name: &str) -> NewKey {
        NewKey {
            id: KeyId::generate(self.random.as_ref()).unwrap(),
            name: Name::parse(name).unwrap(),
            front: Front::Xks,
            usage: KeyUsage::BOTH,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

async fn open_store(path: PathBuf) -> Store {
    Store::open(&path, &[roots::MIGRATIONS, MIGRATIONS])
        .await
        .unwrap()
}

/// The store takes constants only.
fn leak(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}

fn aad(bytes: Option<&[u8]>) -> AdditionalData<'_> {
    AdditionalData::new(bytes).unwrap()
}

async fn encrypt(
    opened: &Opened,
    key: &KeyId,
    plaintext: &[u8],
    data: Option<&[u8]>,
) -> Result<EncryptOutput, KeyManagerError> {
    opened.manager.encrypt(key, plaintext, aad(data)).await
}

async fn decrypt(
    opened: &Opened,
    key: &KeyId,
    encrypted: &EncryptOutput,
    data: Option<&[u8]>,
) -> Result<Vec<u8>, KeyManagerError> {
    let plaintext = opened.manager.decrypt(key, encrypted.as_ref(), aad(data)).await?;
    Ok(plaintext.expose().to_vec())
}
