//! A whole endpoint in this process: on a temporary database, with a clock that moves only when
//! told and randomness from a seed; and callers that call it.

pub(crate) mod clusters;

use std::path::Path;
use std::sync::Arc;

use ambient::{ManualClock, Random, SeededRandom, Timestamp};
use kms::identity::{Identities, IdentitySource};
use kms::{Caller, Kms, KmsConfig, Origin, Parts, Request};
use kms_api::{Document, KmsError, Operation};
use seal::{Keyring, SealingKey};
use serde_json::Value;
use store::Store;
use tempfile::TempDir;
use xks_client::{Network, SystemNetwork};

use clusters::FakeClusters;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER_ACCOUNT: &str = "444455556666";
pub(crate) const REGION: &str = "eu-central-1";
/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// An endpoint and its surroundings.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) kms: Kms,
    /// Who calls, unless told otherwise: the root user of [`ACCOUNT`].
    pub(crate) caller: Arc<Caller>,
    config: KmsConfig,
    /// Where XKS proxies are.
    network: Arc<dyn Network>,
    /// CloudHSM clusters: none, until a test declares some.
    pub(crate) clusters: Arc<FakeClusters>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(KmsConfig::default()).await
    }

    pub(crate) async fn with(config: KmsConfig) -> Self {
        Self::over(config, Arc::new(SystemNetwork)).await
    }

    /// With XKS proxies on this network.
    pub(crate) async fn over(config: KmsConfig, network: Arc<dyn Network>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::at(directory, config, network, START).await
    }

    /// Over what is in a directory.
    pub(crate) async fn at(
        directory: TempDir,
        config: KmsConfig,
        network: Arc<dyn Network>,
        now: Timestamp,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(now));
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(42));
        let clusters = Arc::new(FakeClusters::default());
        let kms = open(directory.path(), &config, &clock, &random, &network, &clusters).await;
        Self {
            directory,
            clock,
            random,
            kms,
            caller: Arc::new(root(ACCOUNT)),
            config,
            network,
            clusters,
        }
    }

    /// Starts anew over the same database and clock, as after a crash.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            directory,
            clock,
            random,
            kms,
            caller,
            config,
            network,
            clusters,
        } = self;
        drop(kms);
        let kms = open(directory.path(), &config, &clock, &random, &network, &clusters).await;
        Self {
            directory,
            clock,
            random,
            kms,
            caller,
            config,
            network,
            clusters,
        }
    }

    /// Calls an operation and takes its answer, or its error's name.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Result<Value, KmsError> {
        self.call_as(&self.caller, REGION, operation, body).await
    }

    /// Calls as somebody, in some Region.
    pub(crate) async fn call_as(
        &self,
        caller: &Arc<Caller>,
        region: &str,
        operation: &str,
        body: Value,
    ) -> Result<Value, KmsError> {
        let operation: Operation = operation.parse().expect("an operation of the API");
        let request_id: [u8; 8] = self.random.bytes().unwrap();
        let answer = self
            .kms
            .perform(Request {
                operation,
                caller: Arc::clone(caller),
                region: region.parse().expect("a Region"),
                request_id: crypto::hex(&request_id),
                origin: Origin::default(),
                document: Document::parse(body.to_string().as_bytes())?,
            })
            .await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(answer.expose()).expect("answers are JSON"))
    }

    /// Makes a key and gives its ARN.
    pub(crate) async fn create_key(&self, body: Value) -> String {
        let made = self.call("CreateKey", body).await.unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// `KeyMetadata` of a key.
    pub(crate) async fn describe(&self, key: &str) -> Value {
        let described = self.call("DescribeKey", serde_json::json!({"KeyId": key})).await;
        described.unwrap()["KeyMetadata"].clone()
    }

    /// The error that a call ends with: its name and, behind a colon, its message.
    pub(crate) async fn refused(&self, operation: &str, body: Value) -> String {
        self.call(operation, body).await.unwrap_err().to_string()
    }

    /// The name of the error that a call ends with.
    pub(crate) async fn refused_name(&self, operation: &str, body: Value) -> String {
        let error = self.call(operation, body).await.unwrap_err();
        error.name().to_string()
    }

    /// CloudTrail's records, the oldest first, as far as they were written.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut files: Vec<_> = std::fs::read_dir(self.directory.path().join("cloudtrail"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.retain(|file| {
            let name = file.to_string_lossy();
            name.contains(".json")
        });
        files.sort();
        let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
        let lines = |text: String| {
            let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
            lines.collect::<Vec<_>>()
        };
        texts.flat_map(lines).collect()
    }

    /// The database's file.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.directory.path().join("kms.db")
    }
}

/// Both accounts, with nobody in them but their root users.
fn accounts() -> String {
    [ACCOUNT, OTHER_ACCOUNT]
        .map(|account| format!("[[accounts]]\nid = \"{account}\"\n"))
        .concat()
}

/// The root user of an account.
pub(crate) fn root(account: &str) -> Caller {
    let account = account.parse().expect("an account");
    Caller::root(account, "AKIAROOTROOTROOTROOT").expect("every account has a root user")
}

/// The endpoint over what is in a directory. The root key is always the same.
pub(crate) async fn open(
    directory: &Path,
    config: &KmsConfig,
    clock: &Arc<ManualClock>,
    random: &Arc<dyn Random>,
    network: &Arc<dyn Network>,
    clusters: &Arc<FakeClusters>,
) -> Kms {
    let store = Store::open(&directory.join("kms.db"), &[kms::MIGRATIONS])
        .await
        .unwrap();
    let root = SealingKey::generate(&SeededRandom::new(7)).unwrap();
    let parts = Parts {
        config: config.clone(),
        store,
        keyring: Keyring::new(root, Vec::new()),
        identities: IdentitySource::fixed(Identities::parse(&accounts()).expect("identities")),
        clusters: Arc::clone(clusters) as _,
        trail_directory: directory.join("cloudtrail"),
        clock: Arc::clone(clock) as Arc<dyn ambient::Clock>,
        random: Arc::clone(random),
    };
    Kms::open_over(parts, Arc::clone(network)).await.unwrap()
}
