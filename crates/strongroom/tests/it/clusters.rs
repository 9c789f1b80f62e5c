//! AWS CloudHSM key stores of the KMS endpoint over SoftHSM, each test in a process of its own; modules
//! run in worker processes, as they do unless told otherwise.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, SystemClock, SystemRandom, Timestamp};
use crypto::SecretBytes;
use kms::{Caller, Origin, Request};
use kms_api::{Document, KmsError};
use pkcs11::{
    Isolation, NewObject, ObjectSelector, OpenError, Pin, Profile, Requirements, Token, TokenConfig,
    TokenError, TokenSelector, Usage, WorkerCommand,
};
use serde_json::{Value, json};
use strongroom::kms::config::Config;
use strongroom::kms::server::{Overrides, Server};
use testkit::hsm::{PIN, Product, SoftwareHsm, alone};

use crate::support::{BINARY, stdout};

const CLUSTER: &str = "cluster-2a34b5cdefg";
const ACCOUNT: &str = "111122223333";
const ANCHOR: &str = "-----BEGIN CERTIFICATE-----\nTWlu\n-----END CERTIFICATE-----\n";
const HELLO: &str = "SGVsbG8=";
const ONE: &[(&str, &str)] = &[("a", "label = \"one\"")];

/// Defines a test in a process of its own, beside tokens of these labels.
macro_rules! scene {
    ($(#[$doc:meta])* async fn $name:ident($hsm:ident: $labels:expr) $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            alone(path, Product::SoftHsm, &$labels, &[], |$hsm| {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                runtime.unwrap().block_on(async { $body });
            });
        }
    };
}

/// An endpoint with one cluster.
struct Site {
    config: Config,
    clock: Arc<ManualClock>,
    server: Server,
}

impl Site {
    /// `hsms`: names, and which token each is. `more` is of the cluster's section.
    async fn new(hsm: &SoftwareHsm, hsms: &[(&str, &str)], more: &str) -> Self {
        let path = |name: &str| -> PathBuf { hsm.path().join(name) };
        fs::write(path("customerCA.crt"), ANCHOR).unwrap();
        let sections: String = hsms
            .iter()
            .map(|(name, which)| format!("[[clusters.hsms]]\nname = \"{name}\"\n{which}\n"))
            .collect();
        let text = format!(
            "data_dir = {:?}\n[kms.key_stores]\nconnect_duration = \"0s\"\n[kms.quotas.operations]\n{}\n[[clusters]]\n\
             id = \"{CLUSTER}\"\ntrust_anchor_file = {:?}\nmodule = {:?}\nprofile = \"softhsm\"\n{more}\n{sections}",
            path("data"),
            ["CreateKey", "ConnectCustomKeyStore", "DescribeCustomKeyStores"]
                .map(|name| format!("{name} = 1000000"))
                .join("\n"),
            path("customerCA.crt"),
            Product::SoftHsm.module(),
        );
        fs::write(path("kms.toml"), text).unwrap();
        stdout(&["kms", "init", "--config", path("kms.toml").to_str().unwrap()]);
        let config = Config::read(&path("kms.toml")).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let server = start(&config, &clock).await;
        Self {
            config,
            clock,
            server,
        }
    }

    /// One token, as on a laptop.
    async fn alone(hsm: &SoftwareHsm) -> Self {
        Self::new(hsm, ONE, "minimum_active_hsms = 1").await
    }

    async fn restart(self) -> Self {
        let Self {
            config,
            clock,
            server,
        } = self;
        server.shutdown().await;
        let server = start(&config, &clock).await;
        Self {
            config,
            clock,
            server,
        }
    }

    async fn call(&self, operation: &str, body: Value) -> Result<Value, KmsError> {
        let caller = Caller::root(ACCOUNT.parse().unwrap(), "AKIAROOTROOTROOTROOT").unwrap();
        let request = Request {
            operation: operation.parse().unwrap(),
            caller: Arc::new(caller),
            region: "us-east-1".parse().unwrap(),
            request_id: "11111111-2222-4333-8444-555555555555".to_owned(),
            origin: Origin::default(),
            document: Document::parse(body.to_string().as_bytes())?,
        };
        let answer = self.server.kms().perform(request).await?;
        Ok(serde_json::from_slice(answer.expose()).unwrap_or(Value::Null))
    }

    async fn ok(&self, operation: &str, body: Value) -> Value {
        let answer = self.call(operation, body.clone()).await;
        answer.unwrap_or_else(|error| panic!("{operation} with {body}: {error}"))
    }

    async fn refused(&self, operation: &str, body: Value) -> String {
        match self.call(operation, body.clone()).await {
            Ok(answer) => panic!("{operation} with {body} answers {answer}"),
            Err(error) => error.name().to_string(),
        }
    }

    async fn create(&self) -> String {
        let made = self.ok("CreateCustomKeyStore", request()).await;
        made["CustomKeyStoreId"].as_str().unwrap().to_owned()
    }

    /// State, and the error code where there is one.
    async fn settled(&self, store: &str) -> String {
        loop {
            let answer = self.ok("DescribeCustomKeyStores", one(store)).await;
            let entry = &answer["CustomKeyStores"][0];
            let state = entry["ConnectionState"].as_str().unwrap();
            if !state.ends_with("ING") {
                let code = entry["ConnectionErrorCode"].as_str();
                return code.map_or(state.to_owned(), |code| format!("{state}: {code}"));
            }
            tokio::task::yield_now().await;
        }
    }

    async fn connect(&self, store: &str) -> String {
        self.ok("ConnectCustomKeyStore", one(store)).await;
        self.settled(store).await
    }

    async fn disconnect(&self, store: &str) {
        self.ok("DisconnectCustomKeyStore", one(store)).await;
        assert_eq!(self.settled(store).await, "DISCONNECTED");
    }

    async fn key(&self, store: &str) -> String {
        let made = self.ok("CreateKey", in_store(store)).await;
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    async fn encrypt(&self, key: &str) -> Value {
        let body = json!({ "KeyId": key, "Plaintext": HELLO, "EncryptionContext": { "a": "b" } });
        self.ok("Encrypt", body).await["CiphertextBlob"].clone()
    }

    /// The plaintext, or the error's name.
    async fn decrypted(&self, blob: &Value) -> String {
        let body = json!({ "CiphertextBlob": blob, "EncryptionContext": { "a": "b" } });
        match self.call("Decrypt", body).await {
            Ok(answer) => answer["Plaintext"].as_str().unwrap().to_owned(),
            Err(error) => error.name().to_string(),
        }
    }
}

async fn start(config: &Config, clock: &Arc<ManualClock>) -> Server {
    let overrides = Overrides {
        clock: Arc::clone(clock) as _,
        worker: worker(),
        ..Overrides::default()
    };
    Server::start(config.clone(), overrides).await.unwrap()
}

fn request() -> Value {
    json!({
        "CustomKeyStoreName": "hsm",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": ANCHOR,
        "KeyStorePassword": PIN,
    })
}

fn one(store: &str) -> Value {
    json!({ "CustomKeyStoreId": store })
}

fn in_store(store: &str) -> Value {
    json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store })
}

/// Whether a token takes this PIN.
async fn takes(label: &str, pin: &str) -> bool {
    match open(label, pin).await {
        Ok(token) => {
            token.close().await;
            true
        }
        Err(OpenError::Token(TokenError::PinRefused)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Somebody beside the endpoint, who has the PIN.
async fn open(label: &str, pin: &str) -> Result<Token, OpenError> {
    let config = TokenConfig {
        module: Product::SoftHsm.module(),
        token: TokenSelector::Label(label.to_owned()),
        pin: Pin::new(SecretBytes::new(pin.as_bytes().to_vec())),
        profile: Profile::named("softhsm").unwrap(),
        requirements: Requirements::STRICT,
        sessions: 1,
        queue: 1,
        deadline: Duration::from_secs(20),
        isolation: Isolation::Worker(worker()),
    };
    Token::open(config, Arc::new(SystemClock), Arc::new(SystemRandom)).await
}

fn worker() -> WorkerCommand {
    WorkerCommand {
        program: BINARY.into(),
        arguments: vec!["pkcs11-worker".into()],
        environment: Vec::new(),
    }
}

scene! {
    /// From the key store's creation to its deletion.
    async fn a_key_store_over_softhsm_lives(hsm: ["one"]) {
        let site = Site::alone(&hsm).await;
        let store = site.create().await;
        assert_eq!(site.connect(&store).await, "CONNECTED");
        let key = site.key(&store).await;
        let metadata = site.ok("DescribeKey", json!({ "KeyId": key })).await["KeyMetadata"].clone();
        assert_eq!(metadata["CloudHsmClusterId"], CLUSTER);
        assert_eq!(metadata["Origin"], "AWS_CLOUDHSM");
        let blob = site.encrypt(&key).await;
        assert_eq!(site.decrypted(&blob).await, HELLO);
        let wrong = site.refused("Decrypt", json!({ "CiphertextBlob": blob })).await;
        assert_eq!(wrong, "InvalidCiphertextException");
        let body = json!({ "KeyId": key, "NumberOfBytes": 1024 });
        site.ok("GenerateDataKey", body).await;
        let mut body = one(&store);
        body["NumberOfBytes"] = json!(1024);
        let random = site.ok("GenerateRandom", body.clone()).await;
        assert_ne!(random, site.ok("GenerateRandom", body).await);

        // Connected over restarts; the password is not the administrator's any more.
        let site = site.restart().await;
        assert_eq!(site.settled(&store).await, "CONNECTED");
        assert_eq!(site.decrypted(&blob).await, HELLO);
        site.disconnect(&store).await;
        assert!(!takes("one", PIN).await);
        assert_eq!(site.decrypted(&blob).await, "KMSInvalidStateException");
        assert_eq!(site.connect(&store).await, "CONNECTED");
        assert_eq!(site.decrypted(&blob).await, HELLO);

        // At the end of the waiting period the key object goes.
        let body = json!({ "KeyId": key, "PendingWindowInDays": 7 });
        site.ok("ScheduleKeyDeletion", body).await;
        site.clock.advance(Duration::from_secs(7 * 86_400));
        site.server.kms().upkeep().await.unwrap();
        site.server.kms().trail().flush().await;
        let records = fs::read_dir(hsm.path().join("data/cloudtrail")).unwrap();
        let text: String = records.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        let deleted = text.lines().find(|line| line.contains("\"DeleteKey\"")).unwrap();
        assert!(deleted.contains("SUCCESS") && deleted.contains(CLUSTER), "{deleted}");
        assert!(!text.contains(PIN));
        site.disconnect(&store).await;
        site.ok("DeleteCustomKeyStore", one(&store)).await;
        site.server.shutdown().await;
    }
}

scene! {
    /// What is in the token: the label is the key's ARN, and nobody gets the key out.
    async fn a_key_object_is_what_kms_promises(hsm: ["one"]) {
        let more = "minimum_active_hsms = 1\ndanger_keep_password = true";
        let site = Site::new(&hsm, ONE, more).await;
        let store = site.create().await;
        assert_eq!(site.connect(&store).await, "CONNECTED");
        let key = site.key(&store).await;
        let objects = hsm.pkcs11_tool("one", &["--list-objects", "--type", "secrkey"]);
        assert!(objects.contains(&key) && objects.contains("AES length 32"), "{objects}");
        for protection in ["sensitive", "never extractable", "local"] {
            assert!(objects.contains(protection), "{objects}");
        }
        assert!(takes("one", PIN).await);
        site.server.shutdown().await;
    }
}

scene! {
    /// A wrong password is presented once and fails the connection; the token has no user, or was never
    /// initialised.
    async fn logins_that_fail_say_why(hsm: ["one"]) {
        let site = Site::alone(&hsm).await;
        let store = site.create().await;
        let mut update = one(&store);
        update["KeyStorePassword"] = json!("not the PIN");
        site.ok("UpdateCustomKeyStore", update.clone()).await;
        assert_eq!(site.connect(&store).await, "FAILED: INVALID_CREDENTIALS");
        assert!(takes("one", PIN).await);
        site.disconnect(&store).await;
        update["KeyStorePassword"] = json!(PIN);
        site.ok("UpdateCustomKeyStore", update).await;
        hsm.take_away("one");
        assert_eq!(
            site.refused("ConnectCustomKeyStore", one(&store)).await,
            "CloudHsmClusterInvalidConfigurationException"
        );
        hsm.bring_back("one");
        assert_eq!(site.connect(&store).await, "CONNECTED");
        site.server.shutdown().await;
    }
}

scene! {
    async fn a_token_that_was_never_initialised_is_no_active_cluster(hsm: []) {
        let site = Site::new(&hsm, &[("a", "slot = 0")], "minimum_active_hsms = 1").await;
        let refused = site.refused("CreateCustomKeyStore", request()).await;
        assert_eq!(refused, "CloudHsmClusterNotActiveException");
        site.server.shutdown().await;
    }
}

scene! {
    /// The key store stays connected, and its keys work again when the token does: nobody reconnects.
    async fn a_token_goes_and_comes_back(hsm: ["one"]) {
        // In this process, so that the module's time is the test's.
        let more = "minimum_active_hsms = 1\nisolation = \"in-process\"";
        let site = Site::new(&hsm, ONE, more).await;
        let store = site.create().await;
        site.connect(&store).await;
        let key = site.key(&store).await;
        let blob = site.encrypt(&key).await;
        for _ in 0..2 {
            hsm.take_away("one");
            site.clock.advance(Duration::from_secs(60));
            assert_eq!(site.decrypted(&blob).await, "KMSInvalidStateException");
            assert_eq!(site.settled(&store).await, "CONNECTED");
            let described = site.ok("DescribeKey", json!({ "KeyId": key })).await;
            assert_eq!(described["KeyMetadata"]["KeyState"], "Enabled");
            hsm.bring_back("one");
            site.clock.advance(Duration::from_secs(60));
            assert_eq!(site.decrypted(&blob).await, HELLO);
        }
        site.server.shutdown().await;
    }
}

scene! {
    /// Two workers over one token directory are two HSMs whose vendor keeps keys and users in step.
    async fn hsms_that_are_kept_in_step_share_the_load(hsm: ["one"]) {
        let both = [("a", "label = \"one\""), ("b", "label = \"one\"")];
        let site = Site::new(&hsm, &both, "synchronizes_users = true").await;
        let store = site.create().await;
        assert_eq!(site.connect(&store).await, "CONNECTED");
        let key = site.key(&store).await;
        for _ in 0..4 {
            let blob = site.encrypt(&key).await;
            assert_eq!(site.decrypted(&blob).await, HELLO);
        }
        site.disconnect(&store).await;
        assert_eq!(site.connect(&store).await, "CONNECTED");
        site.server.shutdown().await;
    }
}

scene! {
    /// Two tokens that nobody keeps in step are no cluster: no key is made, and none is left behind.
    async fn hsms_that_nobody_keeps_in_step_get_no_keys(hsm: ["one", "two"]) {
        let both = [("a", "label = \"one\""), ("b", "label = \"two\"")];
        let site = Site::new(&hsm, &both, "danger_keep_password = true").await;
        let store = site.create().await;
        assert_eq!(site.connect(&store).await, "CONNECTED");
        let refused = site.refused("CreateKey", in_store(&store)).await;
        assert_eq!(refused, "CloudHsmClusterInvalidConfigurationException");
        for label in ["one", "two"] {
            let objects = hsm.pkcs11_tool(label, &["--list-objects"]);
            assert!(!objects.contains("arn:aws:kms"), "{objects}");
        }
        site.server.shutdown().await;
    }
}

scene! {
    /// As AWS CloudHSM's module wants it: the user's name is part of the PIN.
    async fn a_user_who_has_a_name_logs_in_with_it(hsm: ["one"]) {
        let named = format!("kmsuser:{PIN}");
        hsm.pkcs11_tool("one", &["--change-pin", "--new-pin", &named]);
        let more = "minimum_active_hsms = 1\npin_user = \"kmsuser\"";
        let site = Site::new(&hsm, ONE, more).await;
        let store = site.create().await;
        for _ in 0..2 {
            assert_eq!(site.connect(&store).await, "CONNECTED");
            site.disconnect(&store).await;
        }
        assert!(!takes("one", &named).await);
        site.server.shutdown().await;
    }
}

scene! {
    /// Whoever has the PIN beside us makes another object of the same label and id: nothing is encrypted
    /// under it, neither by who knew the first one nor after a restart.
    async fn an_exchanged_object_is_not_used(hsm: ["one"]) {
        let more = "minimum_active_hsms = 1\ndanger_keep_password = true";
        let site = Site::new(&hsm, ONE, more).await;
        let store = site.create().await;
        assert_eq!(site.connect(&store).await, "CONNECTED");
        let key = site.key(&store).await;
        let blob = site.encrypt(&key).await;

        let intruder = open("one", PIN).await.unwrap();
        let selector = ObjectSelector::new(Some(key.clone()), None).unwrap();
        let object = intruder.find(&selector).await.unwrap();
        let id = object.id().to_vec();
        intruder.destroy(&object).await.unwrap();
        let (label, usage) = (key.clone(), Usage::Messages);
        let other = NewObject { label, id, wrappable: false, usage };
        intruder.generate(other).await.unwrap();
        intruder.close().await;

        let invalid = "KMSInvalidStateException";
        let body = json!({ "KeyId": key, "Plaintext": HELLO });
        for _ in 0..3 {
            assert_eq!(site.refused("Encrypt", body.clone()).await, invalid);
            assert_eq!(site.decrypted(&blob).await, invalid);
        }
        let site = site.restart().await;
        assert_eq!(site.settled(&store).await, "CONNECTED");
        assert_eq!(site.refused("Encrypt", body).await, invalid);
        assert_eq!(site.decrypted(&blob).await, invalid);
        let another = site.key(&store).await;
        assert_eq!(site.decrypted(&site.encrypt(&another).await).await, HELLO);
        site.server.shutdown().await;
    }
}
