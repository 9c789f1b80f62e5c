//! Against our own XKS proxy: a warden and a virtual HSM behind the real listener. What the one side
//! says and the other takes is held together here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use crypto::SecretBytes;
use key_manager::{KeyManagerProvider, KeyState, KeyUsage};
use listener::{Listener, ListenerConfig, TlsConfig};
use proxy::Proxy;
use rcgen::{CertificateParams, KeyPair};
use seal::{KeyFile, SealFile, roots};
use store::Store;
use tempfile::TempDir;
use testkit::xks_proxy::{ACCESS_KEY_ID, HOST, PREFIX, SECRET_ACCESS_KEY};
use virtual_hsm::VirtualHsms;
use warden::{Actor, NewBinding, NewCredential, NewKeyStore, Parts, Role, Warden};
use xks_api::ErrorName;
use xks_api::kms_exception::ProxyFailure;
use xks_client::{
    Credential, Endpoint, FaultSwitch, Origin, ProxyClient, RouteConfig, Transport, TransportConfig,
};

use crate::kit::{AAD, ORIGIN, credential, decrypt_request, encrypt_request, endpoint, failed, key};

struct House {
    // Dropped last, with what is in it.
    warden: Arc<Warden>,
    transport: Transport,
    _directory: TempDir,
}

fn admin() -> Actor {
    Actor {
        name: "root".to_owned(),
        uid: 0,
        role: Role::Admin,
    }
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let warden = start(directory.path()).await;
        furnish(&warden).await;
        let random: &dyn Random = &SystemRandom;
        let settings = proxy::Settings::default();
        let proxy = Proxy::new(&settings, Arc::clone(&warden), Arc::new(SystemClock), random).unwrap();
        let transport = listen(directory.path(), proxy);
        Self {
            warden,
            transport,
            _directory: directory,
        }
    }

    fn client(&self, endpoint: &Endpoint, credential: Arc<Credential>) -> ProxyClient {
        ProxyClient::new(
            endpoint,
            credential,
            self.transport.clone(),
            FaultSwitch::default(),
        )
    }
}

async fn start(directory: &Path) -> Arc<Warden> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let seal_path = directory.join("seal.key");
    let seal = KeyFile::create(&seal_path, &*random).unwrap();
    let migrations = [roots::MIGRATIONS, virtual_hsm::MIGRATIONS, warden::MIGRATIONS];
    let store = Store::open(&directory.join("store.db"), &migrations)
        .await
        .unwrap();
    let mut transaction = store.begin().await.unwrap();
    roots::create_first(&mut transaction, &seal, &*random, clock.now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let mut reader = store.read().await.unwrap();
    let keyring = Arc::new(roots::load(&mut reader, &seal).await.unwrap());
    drop(reader);
    let hsms = VirtualHsms::new(
        store.clone(),
        Arc::clone(&keyring),
        Arc::clone(&random),
        Arc::clone(&clock),
    );
    let provider: Arc<dyn KeyManagerProvider> = Arc::new(hsms.clone());
    let medium: Arc<dyn audit::Medium> = Arc::new(audit::Directory::open(&directory.join("audit")).unwrap());
    let config = audit::LogConfig::default();
    let (log, _) = audit::Log::open(Arc::clone(&medium), Arc::clone(&clock), &*random, config).unwrap();
    Warden::start(Parts {
        store,
        keyring,
        seal: Arc::new(SealFile::of(&seal_path, seal)),
        sealed: vec![Arc::new(hsms)],
        log,
        medium,
        providers: vec![provider],
        clock,
        random,
        settings: warden::Settings::default(),
    })
    .await
    .unwrap()
}

async fn furnish(warden: &Arc<Warden>) {
    warden
        .create_key_manager(&admin(), "virtual-hsm", "hsm")
        .await
        .unwrap();
    let new = NewKeyStore {
        name: "main".to_owned(),
        path_prefix: PREFIX.to_owned(),
        region: None,
        listeners: None,
        common_names: None,
    };
    warden.create_key_store(&admin(), new).await.unwrap();
    let new = NewCredential {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret: SecretBytes::new(SECRET_ACCESS_KEY.as_bytes().to_vec()),
        expires: None,
    };
    warden.add_credential(&admin(), "main", new).await.unwrap();
    for (external, usage) in [("key-1", "encrypt,decrypt"), ("decrypts", "decrypt")] {
        let usage: KeyUsage = usage.parse().unwrap();
        warden.create_key(&admin(), "hsm", external, usage).await.unwrap();
        let new = NewBinding {
            external_key_id: external.to_owned(),
            key: external.to_owned(),
            principals: None,
            foreign_keys: None,
        };
        warden.bind(&admin(), "main", new).await.unwrap();
    }
}

/// Serves on loopback; the way there.
fn listen(directory: &Path, proxy: Proxy) -> Transport {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let files = TlsConfig {
        certificate_file: directory.join("server.pem"),
        private_key_file: directory.join("server.key"),
        names: vec![HOST.to_owned()],
    };
    std::fs::write(&files.certificate_file, certificate.pem()).unwrap();
    std::fs::write(&files.private_key_file, key.serialize_pem()).unwrap();
    let mut config = ListenerConfig::new("xks", "127.0.0.1:0".parse().unwrap());
    let ca_file = files.certificate_file.clone();
    config.tls = Some(files);
    // A busy machine is no failure.
    config.deadlines.first_request = Duration::from_secs(60);
    config.deadlines.later_request = Duration::from_secs(60);
    let listener = Listener::bind(&config, Arc::new(SystemClock)).unwrap();
    let address = listener.control().local_addr().tcp().unwrap();
    tokio::spawn(listener.serve(Arc::new(proxy)));
    let config = TransportConfig {
        deadline: Duration::from_secs(60),
        routes: vec![RouteConfig {
            host: HOST.to_owned(),
            address: Some(address.to_string()),
            ca_file: Some(ca_file),
        }],
        ..TransportConfig::default()
    };
    Transport::new(&config, Arc::new(SystemClock)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_side_says_the_other_takes() {
    let house = House::new().await;
    let client = house.client(&endpoint(), credential());
    let health = client
        .health(Origin::for_health("ConnectCustomKeyStore", "id"))
        .await;
    assert!(!health.unwrap().value.fleet.all_unavailable());
    let metadata = client.key_metadata(&key(), ORIGIN.for_key_metadata()).await;
    let metadata = metadata.unwrap().value;
    assert_eq!(metadata.key_spec, "AES_256");
    assert_eq!(metadata.key_usage, ["ENCRYPT", "DECRYPT"]);

    for len in [1, 4_096 + 60] {
        let plaintext = vec![7; len];
        let encrypted = client.encrypt(&key(), encrypt_request(&plaintext)).await;
        let encrypted = encrypted.unwrap().value;
        let decrypted = client.decrypt(&key(), &decrypt_request(&encrypted)).await;
        assert_eq!(decrypted.unwrap().value.plaintext.expose(), plaintext);

        let mut changed = decrypt_request(&encrypted);
        changed.aad = Some([AAD, b"!"].concat());
        let refused = client.decrypt(&key(), &changed).await;
        assert_eq!(
            failed(refused).kind,
            ProxyFailure::Answered(ErrorName::InvalidCiphertextException)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_refusals_are_understood() {
    let house = House::new().await;
    let client = house.client(&endpoint(), credential());
    let kind = async |client: &ProxyClient, key: &str| {
        let answer = client
            .encrypt(&key.parse().unwrap(), encrypt_request(b"inner"))
            .await;
        failed(answer).kind
    };
    let answered = ProxyFailure::Answered;
    assert_eq!(
        kind(&client, "nothing").await,
        answered(ErrorName::KeyNotFoundException)
    );
    assert_eq!(
        kind(&client, "decrypts").await,
        answered(ErrorName::InvalidKeyUsageException)
    );
    house
        .warden
        .set_key_state(&admin(), "key-1", KeyState::Disabled)
        .await
        .unwrap();
    assert_eq!(
        kind(&client, "key-1").await,
        answered(ErrorName::InvalidStateException)
    );
    let elsewhere = Endpoint {
        uri_path: "/elsewhere/kms/xks/v1".to_owned(),
        ..endpoint()
    };
    let elsewhere = house.client(&elsewhere, credential());
    assert_eq!(
        kind(&elsewhere, "key-1").await,
        answered(ErrorName::InvalidUriPathException)
    );
    let stranger = Arc::new(Credential {
        access_key_id: ACCESS_KEY_ID.parse().unwrap(),
        secret: sigv4::SecretAccessKey::new("x".repeat(48)),
    });
    let stranger = house.client(&endpoint(), stranger);
    assert_eq!(
        kind(&stranger, "key-1").await,
        answered(ErrorName::AuthenticationFailedException)
    );
}
