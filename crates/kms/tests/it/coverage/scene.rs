//! An endpoint with keys in every state that a key here can have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kms::KmsConfig;
use kms::quotas::Rate;
use kms_api::{ErrorName, KmsError, Operation};
use serde_json::{Value, json};
use testkit::kms_values;
use testkit::xks_proxy::{ACCESS_KEY_ID, HOST, OrderedProxy, PREFIX, SECRET_ACCESS_KEY};

use crate::support::clusters::{PASSWORD, certificate};
use crate::support::{ACCOUNT, REGION, START, World};

/// A key id that no key has.
pub(super) const MISSING: &str = "00000000-0000-4000-8000-000000000000";
/// An ARN that is none.
pub(super) const NO_ARN: &str = "arn:aws:kms:eu-central-1:111122223333:nonsense";
/// A custom key store that does not exist.
pub(super) const NO_STORE: &str = "cks-00000000000000000";
/// Who gets grants.
pub(super) const GRANTEE: &str = "arn:aws:iam::111122223333:root";
/// The path of the XKS proxy.
pub(super) const URI_PATH: &str = "/tenant/kms/xks/v1";

/// The endpoint and its proxy.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) proxy: OrderedProxy,
}

/// A key and what belongs to it.
pub(super) struct Subject {
    pub(super) id: String,
    pub(super) arn: String,
    /// `Hello` under the key.
    pub(super) blob: String,
    /// An alias of the key.
    pub(super) alias: String,
    /// A grant of the key.
    pub(super) grant: String,
    /// Another alias, of another key.
    pub(super) other_alias: String,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With changes to the configuration.
    pub(super) async fn with(change: impl FnOnce(&mut KmsConfig)) -> Self {
        let proxy = OrderedProxy::new(Arc::new(ambient::ManualClock::at(START)));
        let mut config = KmsConfig::default();
        config.key_stores.connect_duration = Duration::ZERO;
        config.quotas.operations = unlimited();
        config.key_stores.proxies.ca_file = Some(proxy.authority().ca_file());
        change(&mut config);
        let world = World::over(config, Arc::new(proxy.clone())).await;
        Self { world, proxy }
    }

    /// Calls an operation that must succeed.
    pub(super) async fn call(&self, operation: Operation, body: Value) -> Value {
        let answer = self.try_call(operation, body.clone()).await;
        answer.unwrap_or_else(|error| panic!("{operation} with {body}: {error}"))
    }

    pub(super) async fn try_call(&self, operation: Operation, body: Value) -> Result<Value, KmsError> {
        self.world.call(operation.name(), body).await
    }

    /// Calls an operation that must be refused so.
    pub(super) async fn refused(&self, operation: Operation, name: ErrorName, body: Value) -> KmsError {
        match self.try_call(operation, body.clone()).await {
            Ok(answer) => panic!("{operation} with {body} answers {answer}, not {name}"),
            Err(error) => {
                assert_eq!(error.name(), name, "{operation} with {body}: {error}");
                error
            }
        }
    }

    /// An enabled key of KMS's own, with `Hello`, an alias and a grant; and another alias.
    pub(super) async fn subject(&self) -> Subject {
        let key = self.call(Operation::CreateKey, json!({})).await;
        self.furnished(&key["KeyMetadata"]).await
    }

    /// The same for a key in this external key store, which must be connected.
    pub(super) async fn subject_in(&self, store: &str) -> Subject {
        let key = self.create_xks_key(store).await;
        self.furnished(&key["KeyMetadata"]).await
    }

    /// The same for a key in this AWS CloudHSM key store, which must be connected.
    pub(super) async fn subject_in_cluster(&self, store: &str) -> Subject {
        let body = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
        let key = self.call(Operation::CreateKey, body).await;
        self.furnished(&key["KeyMetadata"]).await
    }

    /// An AWS CloudHSM key store, not connected.
    pub(super) async fn cluster_store(&self) -> String {
        const CLUSTER: &str = "cluster-2a34b5cdefg";
        self.world.clusters.declare(CLUSTER);
        let body = json!({
            "CustomKeyStoreName": "cluster",
            "CloudHsmClusterId": CLUSTER,
            "TrustAnchorCertificate": certificate("TWlu"),
            "KeyStorePassword": PASSWORD,
        });
        let made = self.call(Operation::CreateCustomKeyStore, body).await;
        text(&made["CustomKeyStoreId"])
    }

    async fn create_xks_key(&self, store: &str) -> Value {
        let number = self.proxy.seen().len();
        self.call(
            Operation::CreateKey,
            json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": format!("key-{number}") }),
        )
        .await
    }

    async fn furnished(&self, metadata: &Value) -> Subject {
        let id = text(&metadata["KeyId"]);
        let sealed = self
            .call(
                Operation::Encrypt,
                json!({ "KeyId": id, "Plaintext": "SGVsbG8=" }),
            )
            .await;
        let alias = format!("alias/of-{id}");
        let body = json!({ "AliasName": alias, "TargetKeyId": id });
        self.call(Operation::CreateAlias, body).await;
        let grant = json!({ "KeyId": id, "GranteePrincipal": GRANTEE, "Operations": ["Encrypt"] });
        let grant = self.call(Operation::CreateGrant, grant).await;
        let other = self.call(Operation::CreateKey, json!({})).await;
        let other_alias = format!("alias/beside-{id}");
        let body = json!({ "AliasName": other_alias, "TargetKeyId": other["KeyMetadata"]["KeyId"] });
        self.call(Operation::CreateAlias, body).await;
        Subject {
            arn: text(&metadata["Arn"]),
            blob: text(&sealed["CiphertextBlob"]),
            grant: text(&grant["GrantId"]),
            id,
            alias,
            other_alias,
        }
    }

    /// A subject whose key is disabled.
    pub(super) async fn disabled(&self) -> Subject {
        let subject = self.subject().await;
        self.call(Operation::DisableKey, json!({ "KeyId": subject.id }))
            .await;
        subject
    }

    /// A subject whose key is pending deletion.
    pub(super) async fn pending_deletion(&self) -> Subject {
        let subject = self.subject().await;
        self.call(Operation::ScheduleKeyDeletion, json!({ "KeyId": subject.id }))
            .await;
        subject
    }

    /// What makes an external key store of this name, whose proxy works.
    pub(super) fn store_request(name: &str) -> Value {
        json!({
            "CustomKeyStoreName": name,
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyUriEndpoint": format!("https://{HOST}"),
            "XksProxyUriPath": format!("{PREFIX}/kms/xks/v1"),
            "XksProxyAuthenticationCredential":
                { "AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET_ACCESS_KEY },
        })
    }

    /// An external key store, not connected.
    pub(super) async fn store(&self) -> String {
        let made = self
            .call(Operation::CreateCustomKeyStore, Self::store_request("store"))
            .await;
        text(&made["CustomKeyStoreId"])
    }

    /// An external key store, connected.
    pub(super) async fn connected_store(&self) -> String {
        let store = self.store().await;
        self.call(
            Operation::ConnectCustomKeyStore,
            json!({ "CustomKeyStoreId": store }),
        )
        .await;
        assert_eq!(self.settled(&store).await, "CONNECTED");
        store
    }

    /// Disconnects a store and waits for it.
    pub(super) async fn disconnect(&self, store: &str) {
        self.call(
            Operation::DisconnectCustomKeyStore,
            json!({ "CustomKeyStoreId": store }),
        )
        .await;
        assert_eq!(self.settled(store).await, "DISCONNECTED");
    }

    /// The connection state of a store once it is not on its way to another.
    pub(super) async fn settled(&self, store: &str) -> String {
        loop {
            let body = json!({ "CustomKeyStoreId": store });
            let answer = self.call(Operation::DescribeCustomKeyStores, body).await;
            let state = text(&answer["CustomKeyStores"][0]["ConnectionState"]);
            if !matches!(state.as_str(), "CONNECTING" | "DISCONNECTING") {
                return state;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn state_of(&self, key: &str) -> String {
        let answer = self.call(Operation::DescribeKey, json!({ "KeyId": key })).await;
        text(&answer["KeyMetadata"]["KeyState"])
    }
}

/// Rates that no test here reaches: its clock stands still.
fn unlimited() -> BTreeMap<String, Rate> {
    let rate = Rate::try_from(1_000_000.0).expect("a rate");
    // Cryptographic operations share one, which is high enough.
    let shared = [
        Operation::Decrypt,
        Operation::Encrypt,
        Operation::GenerateDataKey,
        Operation::GenerateDataKeyWithoutPlaintext,
        Operation::GenerateMac,
        Operation::GenerateRandom,
        Operation::ReEncrypt,
        Operation::VerifyMac,
    ];
    let own = Operation::ALL
        .iter()
        .filter(|operation| !shared.contains(operation));
    own.map(|operation| (operation.name().to_owned(), rate)).collect()
}

impl Subject {
    /// A request of an operation on this key that succeeds while the key is enabled, as far as the
    /// operation is supported.
    pub(super) fn request(&self, operation: Operation) -> Value {
        let id = &self.id;
        match operation {
            Operation::Decrypt => json!({ "KeyId": id, "CiphertextBlob": self.blob }),
            Operation::ReEncrypt => json!({ "DestinationKeyId": id, "CiphertextBlob": self.blob }),
            Operation::GenerateDataKey | Operation::GenerateDataKeyWithoutPlaintext => {
                json!({ "KeyId": id, "KeySpec": "AES_256" })
            }
            Operation::CreateAlias => json!({ "AliasName": format!("alias/new-{id}"), "TargetKeyId": id }),
            Operation::UpdateAlias => json!({ "AliasName": self.other_alias, "TargetKeyId": id }),
            Operation::DeleteAlias => json!({ "AliasName": self.alias }),
            Operation::CreateGrant => {
                json!({ "KeyId": id, "GranteePrincipal": GRANTEE, "Operations": ["Decrypt"] })
            }
            Operation::RetireGrant | Operation::RevokeGrant => {
                json!({ "KeyId": self.arn, "GrantId": self.grant })
            }
            Operation::PutKeyPolicy => json!({ "KeyId": id, "Policy": policy() }),
            Operation::ScheduleKeyDeletion => json!({ "KeyId": id, "PendingWindowInDays": 7 }),
            Operation::ListAliases => json!({ "KeyId": id }),
            _ => {
                let mut body = kms_values::least_request(operation);
                body.insert("KeyId".to_owned(), json!(id));
                Value::Object(body)
            }
        }
    }
}

/// A key policy that leaves everything to the account.
pub(super) fn policy() -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}

/// The members of an object with others in addition, or in their place.
pub(crate) fn with(mut body: Value, more: Value) -> Value {
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"))
        .to_owned()
}

/// An ARN of a key of the account in the Region of every test.
pub(super) fn arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}
