//! An endpoint beside a cluster, and how the tests ask it.

use std::sync::Arc;
use std::time::Duration;

use kms::KmsConfig;
use kms_api::Operation;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::clusters::{FakeCluster, PASSWORD, certificate};

pub(super) const CLUSTER: &str = "cluster-2a34b5cdefg";

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) cluster: Arc<FakeCluster>,
}

impl Stage {
    /// One cluster, no key store yet; connecting takes no time.
    pub(super) async fn new() -> Self {
        let mut config = KmsConfig::default();
        config.key_stores.connect_duration = Duration::ZERO;
        for operation in Operation::ALL.iter().map(|operation| operation.name()) {
            if operation.contains("Key") && !operation.starts_with("GenerateDataKey") {
                let rate = 1_000_000.0.try_into().unwrap();
                config.quotas.operations.insert(operation.to_owned(), rate);
            }
        }
        let world = World::with(config).await;
        let cluster = world.clusters.declare(CLUSTER);
        Self { world, cluster }
    }

    /// A connected key store.
    pub(super) async fn connected() -> (Self, String) {
        let stage = Self::new().await;
        let store = stage.create("store").await;
        assert_eq!(stage.connect(&store).await, "CONNECTED");
        (stage, store)
    }

    pub(super) async fn restart(self) -> Self {
        let Self { world, cluster } = self;
        // What a process that ends leaves at the HSMs: nobody is logged in.
        kms::clusters::Cluster::disconnect(&*cluster).await;
        Self {
            world: world.restart().await,
            cluster,
        }
    }

    pub(super) async fn ok(&self, operation: &str, body: Value) -> Value {
        let answer = self.world.call(operation, body.clone()).await;
        answer.unwrap_or_else(|error| panic!("{operation} with {body}: {error}"))
    }

    pub(super) async fn create(&self, name: &str) -> String {
        let made = self.ok("CreateCustomKeyStore", request(name)).await;
        made["CustomKeyStoreId"].as_str().unwrap().to_owned()
    }

    /// Connects, and gives the state once it is settled.
    pub(super) async fn connect(&self, store: &str) -> String {
        self.ok("ConnectCustomKeyStore", one(store)).await;
        self.settled(store).await
    }

    pub(super) async fn disconnect(&self, store: &str) {
        self.ok("DisconnectCustomKeyStore", one(store)).await;
        assert_eq!(self.settled(store).await, "DISCONNECTED");
    }

    /// State, and the error code where there is one.
    pub(super) async fn settled(&self, store: &str) -> String {
        loop {
            let entry = self.describe(store).await;
            let state = entry["ConnectionState"].as_str().unwrap();
            if !state.ends_with("ING") {
                let code = entry["ConnectionErrorCode"].as_str();
                return code.map_or(state.to_owned(), |code| format!("{state}: {code}"));
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn describe(&self, store: &str) -> Value {
        let answer = self.ok("DescribeCustomKeyStores", one(store)).await;
        answer["CustomKeyStores"][0].clone()
    }

    /// A new key's ARN.
    pub(super) async fn key(&self, store: &str) -> String {
        let body = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
        self.world.create_key(body).await
    }

    pub(super) async fn encrypt(&self, key: &str, plaintext: &str) -> String {
        let body = json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionContext": { "a": "b" } });
        let answer = self.ok("Encrypt", body).await;
        answer["CiphertextBlob"].as_str().unwrap().to_owned()
    }

    pub(super) async fn decrypted(&self, blob: &str) -> Result<String, String> {
        let body = json!({ "CiphertextBlob": blob, "EncryptionContext": { "a": "b" } });
        match self.world.call("Decrypt", body).await {
            Ok(answer) => Ok(answer["Plaintext"].as_str().unwrap().to_owned()),
            Err(error) => Err(error.name().to_string()),
        }
    }

    pub(super) async fn key_state(&self, key: &str) -> String {
        let metadata = self.world.describe(key).await;
        metadata["KeyState"].as_str().unwrap().to_owned()
    }
}

/// What makes a key store over [`CLUSTER`].
pub(super) fn request(name: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": certificate("TWlu"),
        "KeyStorePassword": PASSWORD,
    })
}

pub(super) fn one(store: &str) -> Value {
    json!({ "CustomKeyStoreId": store })
}
