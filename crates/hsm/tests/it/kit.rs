//! A process of its own for each test, for a module is one for the whole process: the test starts itself
//! again, with two fresh tokens, `a` and `b`, and a module of its own before each.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random, SystemClock, SystemRandom, Timestamp};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use hsm::{HsmConfig, Hsms, MIGRATIONS};
use key_manager::{
    AdditionalData, AdoptedKey, EncryptOutput, EncryptWith, Front, HealthStatus, Instance, KeyDescription,
    KeyId, KeyManagerError, KeyManagerProvider, KeyUsage, Legacy, ManagerId, Name, NewKey, ObjectName,
    Opened,
};
use pkcs11_shim::Orders;
use seal::{KeyFile, Keyring, roots};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use store::Store;
use testkit::hsm::{PIN, Product, SoftwareHsm};

/// Longer than anything here takes, on a machine with much to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Defines a test on SoftHSM that runs in a process of its own.
macro_rules! scene {
    ($(#[$doc:meta])* async fn $name:ident($scene:ident) $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            $crate::kit::alone(path, testkit::hsm::Product::SoftHsm, async |$scene| $body);
        }
    };
}
pub(crate) use scene;

/// What a test needs.
pub(crate) struct Scene {
    pub(crate) hsm: SoftwareHsm,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) store: Store,
    pub(crate) seal: KeyFile,
    shims: [Orders; 2],
}

pub(crate) fn alone(path: &str, product: Product, body: impl AsyncFnOnce(Scene)) {
    testkit::hsm::alone(path, product, &["a", "b"], &[], |hsm| {
        for label in ["a", "b"] {
            // A copy of the real module each: a module is one for all its tokens.
            let real = hsm.path().join(format!("real-{label}.so"));
            std::fs::copy(product.module(), &real).unwrap();
            pkcs11_shim::install(hsm.path(), label, &real).unwrap();
        }
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async { body(Scene::new(hsm).await).await });
    });
}

impl Scene {
    async fn new(hsm: SoftwareHsm) -> Self {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let seal = KeyFile::create(&hsm.path().join("seal.key"), random.as_ref()).unwrap();
        let store = open_store(hsm.path().join("db")).await;
        let mut transaction = store.begin().await.unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        roots::create_first(&mut transaction, &seal, random.as_ref(), now)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let shims = ["a", "b"].map(|token| Orders::of(&hsm.path().join(format!("{token}.so"))).unwrap());
        Self {
            shims,
            hsm,
            random,
            store,
            seal,
        }
    }

    pub(crate) fn module(&self, token: &str) -> PathBuf {
        self.hsm.path().join(format!("{token}.so"))
    }

    pub(crate) fn shim(&self, token: &str) -> Orders {
        self.shims[usize::from(token == "b")]
    }

    /// The section of the configuration, with `more` lines.
    pub(crate) fn config(&self, tokens: &[&str], more: &str) -> HsmConfig {
        let profile = self.hsm.product().profile();
        let isolation = if more.contains("isolation") {
            ""
        } else {
            "isolation = \"in-process\""
        };
        let deadline = if more.contains("deadline") {
            ""
        } else {
            "deadline = \"20s\""
        };
        let mut text = format!(
            "name = \"main\"\nprofile = \"{profile}\"\n{isolation}\n{deadline}\nsessions = 4\n{more}\n"
        );
        for token in tokens {
            let (module, pin) = (self.module(token), self.hsm.pin_file());
            text += &format!(
                "[[tokens]]\nname = \"{token}\"\nlabel = \"{token}\"\nmodule = {module:?}\npin_file = {pin:?}\n"
            );
        }
        let config: HsmConfig = toml::from_str(&text).unwrap();
        config.check().unwrap();
        config
    }

    pub(crate) async fn keyring(&self, store: &Store) -> Arc<Keyring> {
        let mut reader = store.read().await.unwrap();
        Arc::new(roots::load(&mut reader, &self.seal).await.unwrap())
    }

    pub(crate) async fn hsms(&self, config: HsmConfig) -> Hsms {
        self.hsms_at(config, Arc::new(SystemClock)).await
    }

    pub(crate) async fn hsms_at(&self, config: HsmConfig, clock: Arc<dyn Clock>) -> Hsms {
        let keyring = self.keyring(&self.store).await;
        let random = Arc::clone(&self.random);
        let worker = Some(crate::worker::command());
        Hsms::new(self.store.clone(), keyring, random, clock, vec![config], worker)
    }

    /// Over another store of the same root.
    pub(crate) async fn hsms_on(&self, store: &Store, config: HsmConfig) -> Hsms {
        let keyring = self.keyring(store).await;
        let (random, clock) = (Arc::clone(&self.random), Arc::new(SystemClock));
        Hsms::new(store.clone(), keyring, random, clock, vec![config], None)
    }

    /// Of several sections.
    pub(crate) async fn hsms_of(&self, configs: Vec<HsmConfig>) -> Hsms {
        let keyring = self.keyring(&self.store).await;
        let worker = Some(crate::worker::command());
        let (random, clock) = (Arc::clone(&self.random), Arc::new(SystemClock));
        Hsms::new(self.store.clone(), keyring, random, clock, configs, worker)
    }

    /// A new key manager, each of whose tokens is there and connected: on a busy machine it may open
    /// before.
    pub(crate) async fn create(&self, config: HsmConfig) -> (Hsms, Opened) {
        let hsms = self.hsms(config).await;
        let opened = hsms
            .create(self.manager_id(), Name::parse("main").unwrap())
            .await
            .unwrap();
        let is_there = |token: &Instance| token.status != HealthStatus::Unavailable;
        until("every token is connected", || {
            opened.manager.instances().iter().all(is_there)
        })
        .await;
        (hsms, opened)
    }

    /// The key manager as it opens after a restart.
    pub(crate) async fn reopen(&self, config: HsmConfig) -> (Hsms, Opened) {
        let hsms = self.hsms(config).await;
        let opened = hsms.open_all().await.unwrap().remove(0);
        (hsms, opened)
    }

    pub(crate) fn manager_id(&self) -> ManagerId {
        ManagerId::generate(self.random.as_ref()).unwrap()
    }

    pub(crate) fn new_key(&self, name: &str) -> NewKey {
        NewKey {
            id: KeyId::generate(self.random.as_ref()).unwrap(),
            name: Name::parse(name).unwrap(),
            front: Front::Xks,
            usage: KeyUsage::BOTH,
        }
    }

    pub(crate) fn adopted(
        &self,
        label: &str,
        legacy: Option<Legacy>,
        encrypt_with: EncryptWith,
    ) -> AdoptedKey {
        AdoptedKey {
            key: self.new_key("adopted"),
            object: ObjectName {
                label: Some(label.to_owned()),
                id: None,
            },
            legacy,
            encrypt_with,
        }
    }

    /// A session beside those of the key manager, logged in.
    pub(crate) fn beside(&self, token: &str) -> Session {
        self.try_beside(token).unwrap()
    }

    /// The same, if the token is there now.
    fn try_beside(&self, token: &str) -> Option<Session> {
        let pkcs11 = Pkcs11::new(self.module(token)).unwrap();
        // Whoever is first.
        let _ = pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        let slots = pkcs11.get_slots_with_token().ok()?;
        let is_it = |slot: &Slot| {
            pkcs11
                .get_token_info(*slot)
                .is_ok_and(|info| info.label() == token)
        };
        let slot = slots.into_iter().find(is_it)?;
        let session = pkcs11.open_rw_session(slot).ok()?;
        let _ = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
        Some(session)
    }

    /// An object with these key bytes, as somebody else might have put it there.
    pub(crate) fn import(&self, token: &str, label: &str, value: &[u8], more: &[Attribute]) {
        let mut template = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Value(value.to_vec()),
        ];
        let has = |what: &Attribute| {
            more.iter()
                .any(|more| more.attribute_type() == what.attribute_type())
        };
        let usual = [
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Id(crypto::sha256(&[label.as_bytes()])[..8].to_vec()),
        ];
        template.extend(usual.into_iter().filter(|usual| !has(usual)));
        template.extend_from_slice(more);
        self.beside(token).create_object(&template).unwrap();
    }

    /// How many objects of this label a token has; all secret keys without a label.
    pub(crate) fn objects(&self, token: &str, label: Option<&str>) -> usize {
        self.try_objects(token, label).unwrap()
    }

    /// The same, if the token is there now.
    pub(crate) fn try_objects(&self, token: &str, label: Option<&str>) -> Option<usize> {
        let mut template = vec![Attribute::Class(ObjectClass::SECRET_KEY)];
        template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
        Some(self.try_beside(token)?.find_objects(&template).ok()?.len())
    }
}

pub(crate) async fn open_store(path: PathBuf) -> Store {
    Store::open(&path, &[roots::MIGRATIONS, MIGRATIONS])
        .await
        .unwrap()
}

pub(crate) fn aad(bytes: Option<&[u8]>) -> AdditionalData<'_> {
    AdditionalData::new(bytes).unwrap()
}

pub(crate) async fn create_key(opened: &Opened, key: NewKey) -> KeyId {
    let id = key.id.clone();
    opened.lifecycle.create(key).await.unwrap();
    id
}

pub(crate) async fn encrypt(
    opened: &Opened,
    key: &KeyId,
    plaintext: &[u8],
) -> Result<EncryptOutput, KeyManagerError> {
    opened.manager.encrypt(key, plaintext, aad(Some(b"aad"))).await
}

pub(crate) async fn decrypt(
    opened: &Opened,
    key: &KeyId,
    encrypted: &EncryptOutput,
) -> Result<Vec<u8>, KeyManagerError> {
    let opened = opened
        .manager
        .decrypt(key, encrypted.as_ref(), aad(Some(b"aad")))
        .await?;
    Ok(opened.expose().to_vec())
}

/// One whole request: encryption, trial, decryption.
pub(crate) async fn serve(opened: &Opened, key: &KeyId) -> Result<(), KeyManagerError> {
    let mut seen = None;
    let mut witness = |output: &EncryptOutput| seen = Some(output.clone());
    let tried = opened
        .manager
        .encrypt_tried(key, b"plain", aad(Some(b"aad")), &mut witness)
        .await;
    let (output, trial) = tried?;
    assert_eq!(trial.expose(), b"plain");
    assert_eq!(seen.as_ref(), Some(&output));
    assert_eq!(decrypt(opened, key, &output).await?, b"plain");
    Ok(())
}

pub(crate) fn counted(description: &KeyDescription) -> u64 {
    description.versions[0].encryptions.unwrap()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
        panic!("{what} within {DEADLINE:?}");
    }
}

/// Somebody's copy of the database as it is now.
pub(crate) async fn copy_database(scene: &Scene, to: &Path) {
    let _ = std::fs::remove_file(to);
    let options = SqliteConnectOptions::new().filename(scene.hsm.path().join("db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("VACUUM INTO '{}'", to.display()));
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).unwrap();
}
