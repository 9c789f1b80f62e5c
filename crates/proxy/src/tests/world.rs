//! The house that the tests live in, and how they ask it.

mod messages;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, Random, SeededRandom, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crypto::SecretBytes;
use http::{HeaderMap, Method};
use key_manager::{KeyManagerProvider, KeyState, KeyUsage};
use listener::{BodyError, Deadline};
use seal::{KeyFile, SealFile, SealSource, roots};
use serde_json::Value;
use store::Store;
use tempfile::TempDir;
use virtual_hsm::VirtualHsms;
use warden::{Actor, NewBinding, NewCredential, NewKeyStore, Parts, Role, Warden};

use super::faulty::{Fault, Faulty};
use crate::server::Head;
use crate::{Proxy, Settings};
pub(super) use messages::{Encrypted, Reply, Request, encrypt_body, health_body, metadata_body};

pub(super) const REGION: &str = "eu-central-1";
pub(super) const HOST: &str = "xks.example.com";
pub(super) const PREFIX: &str = "/main";
pub(super) const PRINCIPAL: &str = "arn:aws:iam::111122223333:user/Alice";
pub(super) const KMS_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A credential that the tests sign with.
#[derive(Clone)]
pub(super) struct TestCredential {
    pub(super) id: String,
    pub(super) secret: String,
}

impl TestCredential {
    /// The `n`th of them.
    pub(super) fn numbered(n: u8) -> Self {
        let letter = char::from(b'A' + n);
        Self {
            id: format!("TESTCREDENTIALNUMBER{letter}"),
            secret: STANDARD.encode(crypto::sha256(&[b"secret of a test credential", &[n]])),
        }
    }
}

pub(super) struct World {
    pub(super) directory: TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) warden: Arc<Warden>,
    pub(super) proxy: Arc<Proxy>,
    pub(super) fault: Arc<Fault>,
    pub(super) credential: TestCredential,
}

/// A warden that does nothing by itself while a test runs.
pub(super) fn patient() -> warden::Settings {
    let never = Duration::from_secs(86_400);
    warden::Settings {
        probe_interval: never,
        last_use_interval: never,
        refusal_interval: never,
        ..warden::Settings::default()
    }
}

pub(super) fn admin() -> Actor {
    Actor {
        name: "root".to_owned(),
        uid: 0,
        role: Role::Admin,
    }
}

impl World {
    /// One key store at [`PREFIX`], and in it the external keys `both`, `encrypt`, `decrypt`, `none`
    /// by their usage, and `restricted` to the principals of account 111122223333.
    pub(super) async fn new() -> Self {
        Self::with(&Settings::default()).await
    }

    pub(super) async fn with(settings: &Settings) -> Self {
        Self::with_random(settings, Arc::new(SeededRandom::new(42))).await
    }

    pub(super) async fn with_random(settings: &Settings, random: Arc<dyn Random>) -> Self {
        Self::with_all(settings, patient(), random).await
    }

    pub(super) async fn with_all(
        settings: &Settings,
        warden_settings: warden::Settings,
        random: Arc<dyn Random>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        create_root(directory.path(), &clock, &*random).await;
        let world = Self::start(directory, settings, warden_settings, clock, random).await;
        world.furnish().await;
        world
    }

    /// Starts everything over what is in the directory.
    pub(super) async fn start(
        directory: TempDir,
        settings: &Settings,
        warden_settings: warden::Settings,
        clock: Arc<ManualClock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let store = open_store(directory.path()).await;
        let seal = SealFile::open(&directory.path().join("seal.key"), None).unwrap();
        let mut reader = store.read().await.unwrap();
        let keyring = Arc::new(roots::load(&mut reader, &*seal.current()).await.unwrap());
        drop(reader);
        let hsms = VirtualHsms::new(
            store.clone(),
            Arc::clone(&keyring),
            Arc::clone(&random),
            clock.clone(),
        );
        let fault = Arc::new(Fault::default());
        let provider: Arc<dyn KeyManagerProvider> = Arc::new(Faulty::new(hsms.clone(), Arc::clone(&fault)));
        let medium: Arc<dyn audit::Medium> =
            Arc::new(audit::Directory::open(&directory.path().join("audit")).unwrap());
        let config = audit::LogConfig {
            segment_bytes: 2 << 20,
            max_pending_bytes: 1 << 20,
            ..audit::LogConfig::default()
        };
        let (log, _) = audit::Log::open(Arc::clone(&medium), clock.clone(), &*random, config).unwrap();
        let warden = Warden::start(Parts {
            store,
            keyring,
            seal: Arc::new(seal),
            sealed: vec![Arc::new(hsms)],
            log,
            medium,
            providers: vec![provider],
            clock: clock.clone(),
            random: Arc::clone(&random),
            settings: warden_settings,
        })
        .await
        .unwrap();
        let proxy = Proxy::new(settings, Arc::clone(&warden), clock.clone(), &*random).unwrap();
        Self {
            directory,
            clock,
            random,
            warden,
            proxy: Arc::new(proxy),
            fault,
            credential: TestCredential::numbered(0),
        }
    }

    async fn furnish(&self) {
        self.warden
            .create_key_manager(&admin(), "virtual-hsm", "hsm")
            .await
            .unwrap();
        self.key_store("main", PREFIX).await;
        self.add_credential("main", &self.credential).await;
        for usage in ["encrypt,decrypt", "encrypt", "decrypt", "none"] {
            let name = if usage == "encrypt,decrypt" { "both" } else { usage };
            let usage: KeyUsage = usage.parse().unwrap();
            self.warden
                .create_key(&admin(), "hsm", name, usage)
                .await
                .unwrap();
            self.bind("main", name, name, None).await;
        }
        let principals = vec!["arn:aws:iam::111122223333:*".to_owned()];
        self.bind("main", "restricted", "both", Some(principals)).await;
    }

    pub(super) async fn key_store(&self, name: &str, path_prefix: &str) {
        let new = NewKeyStore {
            name: name.to_owned(),
            path_prefix: path_prefix.to_owned(),
            region: Some(REGION.to_owned()),
            listeners: None,
            common_names: None,
        };
        self.warden.create_key_store(&admin(), new).await.unwrap();
    }

    pub(super) async fn add_credential(&self, key_store: &str, credential: &TestCredential) {
        self.add_expiring(key_store, credential, None).await;
    }

    pub(super) async fn add_expiring(
        &self,
        key_store: &str,
        credential: &TestCredential,
        expires: Option<Timestamp>,
    ) {
        let new = NewCredential {
            access_key_id: credential.id.clone(),
            secret: SecretBytes::new(credential.secret.clone().into_bytes()),
            expires,
        };
        self.warden
            .add_credential(&admin(), key_store, new)
            .await
            .unwrap();
    }

    pub(super) async fn bind(
        &self,
        key_store: &str,
        external_key_id: &str,
        key: &str,
        principals: Option<Vec<String>>,
    ) {
        let new = NewBinding {
            external_key_id: external_key_id.to_owned(),
            key: key.to_owned(),
            principals,
            foreign_keys: None,
        };
        self.warden.bind(&admin(), key_store, new).await.unwrap();
    }

    pub(super) async fn set_key_state(&self, key: &str, state: KeyState) {
        self.warden.set_key_state(&admin(), key, state).await.unwrap();
    }

    /// A signed request to this path of the key store at [`PREFIX`].
    pub(super) fn request(&self, path: &str, body: &Value) -> Request {
        let mut request = Request {
            method: Method::POST,
            path: format!("{PREFIX}/kms/xks/v1{path}"),
            query: String::new(),
            headers: HeaderMap::new(),
            body: serde_json::to_vec(body).unwrap(),
            authority: None,
            listener: "xks".to_owned(),
            common_name: None,
            time: Duration::from_secs(60),
        };
        self.sign(&mut request);
        request
    }

    /// Signs with the house's credential, now.
    pub(super) fn sign(&self, request: &mut Request) {
        request.sign(&self.credential, REGION, self.clock.now());
    }

    pub(super) async fn ask(&self, path: &str, body: &Value) -> Reply {
        self.send(&self.request(path, body)).await
    }

    pub(super) async fn send(&self, request: &Request) -> Reply {
        self.send_body(request, Ok(Bytes::copy_from_slice(&request.body)))
            .await
    }

    pub(super) async fn send_body(&self, request: &Request, body: Result<Bytes, BodyError>) -> Reply {
        let arrived = self.clock.moment();
        let head = Head {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            headers: &request.headers,
            authority: request.authority.as_deref(),
            listener: &request.listener,
            peer_text: Some("192.0.2.7"),
            common_name: request.common_name.as_deref(),
            deadline: Deadline {
                at: arrived.saturating_add(request.time),
                first: false,
                arrived,
            },
        };
        Reply::of(self.proxy.answer(head, body).await)
    }

    /// Encrypts with the key `both` and asks for success.
    pub(super) async fn encrypt(&self, plaintext: &[u8], aad: Option<&[u8]>) -> Encrypted {
        let reply = self
            .ask("/keys/both/encrypt", &encrypt_body(plaintext, aad))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        Encrypted::of(&reply, aad)
    }

    pub(super) async fn decrypt(&self, encrypted: &Encrypted) -> Reply {
        self.ask("/keys/both/decrypt", &encrypted.body()).await
    }
}

pub(super) async fn create_root(directory: &Path, clock: &ManualClock, random: &dyn Random) {
    let seal = KeyFile::create(&directory.join("seal.key"), random).unwrap();
    let store = open_store(directory).await;
    let mut transaction = store.begin().await.unwrap();
    roots::create_first(&mut transaction, &seal, random, clock.now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    store.close().await;
}

pub(super) async fn open_store(directory: &Path) -> Store {
    let migrations = [roots::MIGRATIONS, virtual_hsm::MIGRATIONS, warden::MIGRATIONS];
    Store::open(&directory.join("store.db"), &migrations)
        .await
        .unwrap()
}

/// Each operation on the key `both`, with a body that it takes.
pub(super) async fn every_operation(world: &World) -> [(&'static str, Value); 4] {
    let encrypted = world.encrypt(b"a data key", Some(b"aad")).await;
    [
        ("/keys/both/metadata", metadata_body()),
        ("/keys/both/encrypt", encrypt_body(b"a data key", None)),
        ("/keys/both/decrypt", encrypted.body()),
        ("/health", health_body()),
    ]
}
