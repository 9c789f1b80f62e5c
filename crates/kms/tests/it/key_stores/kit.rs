//! An endpoint beside an XKS proxy, and how the tests ask it.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Random, SeededRandom};
use kms::identity::{Identities, IdentitySource};
use kms::{Caller, Kms, KmsConfig, Origin, Parts, Request};
use kms_api::{Document, ErrorName, KmsError, Operation};
use seal::{Keyring, SealingKey};
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;
use testkit::TokioClock;
use testkit::xks_proxy::{ACCESS_KEY_ID, HOST, OrderedProxy, PREFIX, SECRET_ACCESS_KEY};
use xks_client::RouteConfig;

use crate::support::{ACCOUNT, REGION, START, root};

/// `XksProxyUriEndpoint` of the proxy.
pub(crate) fn uri_endpoint() -> String {
    format!("https://{HOST}")
}

/// `XksProxyUriPath` of the proxy.
pub(crate) fn uri_path() -> String {
    format!("{PREFIX}/kms/xks/v1")
}

pub(crate) struct Site {
    directory: TempDir,
    pub(crate) clock: Arc<TokioClock>,
    random: Arc<dyn Random>,
    pub(crate) proxy: OrderedProxy,
    pub(crate) kms: Kms,
    config: KmsConfig,
}

impl Site {
    /// Connecting takes no time, and the next look at the proxy's health is far away.
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut KmsConfig)) -> Self {
        let clock = TokioClock::start(START);
        let proxy = OrderedProxy::new(clock.clone());
        let mut config = KmsConfig {
            regions: vec![REGION.parse().unwrap(), "us-east-1".parse().unwrap()],
            ..KmsConfig::default()
        };
        config.key_stores.connect_duration = Duration::ZERO;
        config.key_stores.health_check_interval = Duration::from_secs(1_000_000);
        // A busy machine is no failure.
        config.key_stores.proxy_deadline = Duration::from_secs(60);
        let rates = &mut config.quotas.operations;
        for operation in Operation::ALL.iter().map(|operation| operation.name()) {
            if operation.contains("CustomKeyStore") || operation == "CreateKey" {
                rates.insert(operation.to_owned(), 10_000.0.try_into().unwrap());
            }
        }
        // Every host of the tests is this proxy.
        for host in [HOST, "other.example.com"] {
            config.key_stores.proxies.routes.push(RouteConfig {
                host: host.to_owned(),
                address: None,
                ca_file: Some(proxy.authority().ca_file()),
            });
        }
        change(&mut config);
        let directory = tempfile::tempdir().unwrap();
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(42));
        let kms = open(&directory, &config, &clock, &random, &proxy).await;
        Self {
            directory,
            clock,
            random,
            proxy,
            kms,
            config,
        }
    }

    /// Starts anew over the same database, as after a crash.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| ()).await
    }

    pub(crate) async fn restart_with(mut self, change: impl FnOnce(&mut KmsConfig)) -> Self {
        change(&mut self.config);
        drop(self.kms);
        self.kms = open(
            &self.directory,
            &self.config,
            &self.clock,
            &self.random,
            &self.proxy,
        )
        .await;
        self
    }

    pub(crate) async fn call(&self, operation: &str, body: Value) -> Result<Value, KmsError> {
        self.call_as(ACCOUNT, REGION, operation, body).await
    }

    pub(crate) async fn call_as(
        &self,
        account: &str,
        region: &str,
        operation: &str,
        body: Value,
    ) -> Result<Value, KmsError> {
        let caller: Arc<Caller> = Arc::new(root(account));
        let request_id: [u8; 8] = (*self.random).bytes().unwrap();
        let answer = self
            .kms
            .perform(Request {
                operation: operation.parse().unwrap(),
                caller,
                region: region.parse().unwrap(),
                request_id: crypto::hex(&request_id),
                origin: Origin::default(),
                document: Document::parse(body.to_string().as_bytes())?,
            })
            .await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(answer.expose()).unwrap())
    }

    /// Makes a key store at the proxy; its id.
    pub(crate) async fn create(&self, name: &str) -> String {
        let path = format!("{PREFIX}/kms/xks/v1");
        self.created(with(public(name), "XksProxyUriPath", path)).await
    }

    pub(crate) async fn created(&self, body: Value) -> String {
        let answer = self.call("CreateCustomKeyStore", body).await.unwrap();
        answer["CustomKeyStoreId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn connect(&self, id: &str) {
        let answer = self.call("ConnectCustomKeyStore", one(id)).await.unwrap();
        assert_eq!(answer, json!({}));
    }

    pub(crate) async fn disconnect(&self, id: &str) {
        let answer = self.call("DisconnectCustomKeyStore", one(id)).await.unwrap();
        assert_eq!(answer, json!({}));
    }

    /// A key store that is connected.
    pub(crate) async fn connected(&self, name: &str) -> String {
        let id = self.create(name).await;
        self.connect(&id).await;
        self.until(&id, "CONNECTED").await;
        id
    }

    /// A KMS key over an external key; its id.
    pub(crate) async fn key(&self, store: &str, external: &str) -> String {
        let answer = self.create_key(store, external).await.unwrap();
        answer["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn create_key(&self, store: &str, external: &str) -> Result<Value, KmsError> {
        let body = json!({"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": external});
        self.call("CreateKey", body).await
    }

    /// What DescribeCustomKeyStores says of one.
    pub(crate) async fn entry(&self, id: &str) -> Value {
        let answer = self.call("DescribeCustomKeyStores", one(id)).await.unwrap();
        answer["CustomKeyStores"][0].clone()
    }

    pub(crate) async fn state(&self, id: &str) -> String {
        self.entry(id).await["ConnectionState"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until the key store is in this state.
    pub(crate) async fn until(&self, id: &str, state: &str) {
        for _ in 0..20_000 {
            if self.state(id).await == state {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{id} is {} and never {state}", self.state(id).await);
    }

    /// The error's name and message.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> (ErrorName, String) {
        refusal(self.call(operation, body).await)
    }
}

pub(crate) fn refusal(result: Result<Value, KmsError>) -> (ErrorName, String) {
    match result {
        Ok(answer) => panic!("it must be refused: {answer}"),
        Err(error) => (error.name(), error.message().unwrap_or_default().to_owned()),
    }
}

async fn open(
    directory: &TempDir,
    config: &KmsConfig,
    clock: &Arc<TokioClock>,
    random: &Arc<dyn Random>,
    proxy: &OrderedProxy,
) -> Kms {
    let database = directory.path().join("kms.db");
    let store = Store::open(&database, &[kms::MIGRATIONS]).await.unwrap();
    let root = SealingKey::generate(&SeededRandom::new(7)).unwrap();
    let parts = Parts {
        config: config.clone(),
        store,
        keyring: Keyring::new(root, Vec::new()),
        clusters: Arc::new(kms::clusters::NoClusters),
        trail_directory: directory.path().join("cloudtrail"),
        identities: IdentitySource::fixed(Identities::default()),
        clock: Arc::clone(clock) as Arc<dyn ambient::Clock>,
        random: Arc::clone(random),
    };
    Kms::open_over(parts, Arc::new(proxy.clone())).await.unwrap()
}

pub(crate) fn one(id: &str) -> Value {
    json!({ "CustomKeyStoreId": id })
}

pub(crate) fn credential() -> Value {
    json!({ "AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET_ACCESS_KEY })
}

/// A request for a key store with a public endpoint, complete and right.
pub(crate) fn public(name: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyUriEndpoint": uri_endpoint(),
        "XksProxyUriPath": uri_path(),
        "XksProxyAuthenticationCredential": credential(),
    })
}

/// The body with one member set to another value.
pub(crate) fn with(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
    body[member] = value.into();
    body
}

/// The body without one member.
pub(crate) fn without(mut body: Value, member: &str) -> Value {
    body.as_object_mut().unwrap().remove(member).unwrap();
    body
}
