//! An endpoint with people in two accounts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, Random, SeededRandom};
use kms::control::message::{Explain, Explanation};
use kms::identity::{Identities, IdentitySource};
use kms::{Caller, Kms, KmsConfig, Origin, Parts, Request};
use kms_api::{Document, Operation};
use seal::{Keyring, SealingKey};
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;

use crate::support::{REGION, START};

/// Who there is. `admin` and `alice` and `bob` and the role `ops` are of the account 111122223333,
/// `eve` and `nobody` of 444455556666.
const IDENTITIES: &str = r#"
[policies]
everything = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}'
encrypt = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}]}'
own-team = '''{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
    "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}]}'''
no-decrypt = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}]}'
only-encrypt = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Enc*", "Resource": "*"}]}'
by-alias = '''{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
    "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}}]}'''
aliases = '''{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*Alias*",
    "Resource": ["arn:aws:kms:*:111122223333:alias/app-*", "arn:aws:kms:*:111122223333:key/*"]}]}'''

[[accounts]]
id = "111122223333"
users = [
    { name = "admin", policies = ["everything"] },
    { name = "alice", tags = { team = "blue" } },
    { name = "bob", policies = ["encrypt"] },
    { name = "carol", policies = ["own-team"], tags = { team = "blue" } },
    { name = "dave", policies = ["everything"], permissions_boundary = "only-encrypt" },
    { name = "frank", policies = ["everything", "no-decrypt"] },
    { name = "grace", policies = ["aliases"] },
    { name = "heidi", policies = ["by-alias"] },
]

[[accounts.roles]]
name = "ops"
path = "/team/"
trust_policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}'

[[accounts]]
id = "444455556666"
users = [{ name = "eve", policies = ["everything"] }, { name = "nobody" }]
"#;

/// The endpoint.
pub(super) struct Site {
    kms: Kms,
    clock: Arc<ManualClock>,
    directory: TempDir,
}

impl Site {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let kms = open(directory.path(), &clock).await;
        Self {
            kms,
            clock,
            directory,
        }
    }

    /// The same database after a crash.
    pub(super) async fn restart(self) -> Self {
        let Self {
            kms,
            clock,
            directory,
        } = self;
        drop(kms);
        let kms = open(directory.path(), &clock).await;
        Self {
            kms,
            clock,
            directory,
        }
    }

    /// Calls as somebody: the answer, or the error as `Name: message`.
    pub(super) async fn call(&self, who: &str, operation: &str, body: Value) -> Result<Value, String> {
        self.call_with(self.caller(who), Origin::default(), operation, body)
            .await
    }

    /// Calls as somebody, from somewhere.
    pub(super) async fn call_with(
        &self,
        caller: Arc<Caller>,
        origin: Origin,
        operation: &str,
        body: Value,
    ) -> Result<Value, String> {
        // Within every quota.
        self.clock.advance(Duration::from_secs(1));
        let operation: Operation = operation.parse().unwrap();
        let request = Request {
            operation,
            caller,
            region: REGION.parse().unwrap(),
            request_id: "request".to_owned(),
            origin,
            document: Document::parse(body.to_string().as_bytes()).unwrap(),
        };
        match self.kms.perform(request).await {
            Ok(answer) if answer.is_empty() => Ok(Value::Null),
            Ok(answer) => Ok(serde_json::from_slice(answer.expose()).unwrap()),
            Err(error) => Err(format!(
                "{}: {}",
                error.name(),
                error.message().unwrap_or_default()
            )),
        }
    }

    /// The name of the error that a call ends with, or `ok`.
    pub(super) async fn outcome(&self, who: &str, operation: &str, body: Value) -> String {
        match self.call(who, operation, body).await {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.split_once(':').unwrap().0.to_owned(),
        }
    }

    pub(super) fn caller(&self, who: &str) -> Arc<Caller> {
        self.kms.identities().caller(&arn(who)).unwrap()
    }

    /// A key with this policy, made by its account's root user.
    pub(super) async fn key(&self, statements: Value) -> String {
        self.key_of("root", statements).await
    }

    /// A key of somebody's account with this policy.
    pub(super) async fn key_of(&self, who: &str, statements: Value) -> String {
        let body = json!({
            "Policy": policy(&statements),
            "BypassPolicyLockoutSafetyCheck": true,
        });
        let made = self.call(who, "CreateKey", body).await.unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// A key with the default policy.
    pub(super) async fn default_key(&self) -> String {
        let made = self.call("root", "CreateKey", json!({})).await.unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// All CloudTrail records.
    pub(super) async fn trail(&self) -> Vec<Value> {
        self.kms.trail().flush().await;
        let files = std::fs::read_dir(self.directory.path().join("cloudtrail")).unwrap();
        let text = |file: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(file.unwrap().path());
        let lines: String = files.map(|file| text(file).unwrap()).collect();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(super) fn explain(&self, asked: &Explain) -> Result<Explanation, String> {
        self.kms.explain(asked).map_err(|error| error.to_string())
    }
}

async fn open(directory: &Path, clock: &Arc<ManualClock>) -> Kms {
    let root = SealingKey::generate(&SeededRandom::new(7)).unwrap();
    let store = Store::open(&directory.join("kms.db"), &[kms::MIGRATIONS])
        .await
        .unwrap();
    Kms::open(Parts {
        config: KmsConfig::default(),
        store,
        keyring: Keyring::new(root, Vec::new()),
        identities: IdentitySource::fixed(Identities::parse(IDENTITIES).unwrap()),
        clusters: Arc::new(kms::clusters::NoClusters),
        trail_directory: directory.join("cloudtrail"),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        random: Arc::new(SeededRandom::new(42)) as Arc<dyn Random>,
    })
    .await
    .unwrap()
}

/// The ARN of somebody.
pub(super) fn arn(who: &str) -> String {
    match who {
        "root" => "arn:aws:iam::111122223333:root".to_owned(),
        "foreign-root" => "arn:aws:iam::444455556666:root".to_owned(),
        "ops" => "arn:aws:iam::111122223333:role/team/ops".to_owned(),
        "session" => "arn:aws:sts::111122223333:assumed-role/ops/explain".to_owned(),
        "eve" | "nobody" => format!("arn:aws:iam::444455556666:user/{who}"),
        user => format!("arn:aws:iam::111122223333:user/{user}"),
    }
}

/// A statement that allows somebody something on the key.
pub(super) fn allow(who: &[&str], actions: &[&str]) -> Value {
    let principals: Vec<_> = who.iter().map(|who| arn(who)).collect();
    json!({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": actions, "Resource": "*"})
}

/// A policy document.
pub(super) fn policy(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// The body of an Encrypt.
pub(super) fn encrypt(key: &str) -> Value {
    json!({"KeyId": key, "Plaintext": "aGVsbG8="})
}

/// The same with an encryption context.
pub(super) fn encrypt_with(key: &str, context: &Value) -> Value {
    json!({"KeyId": key, "Plaintext": "aGVsbG8=", "EncryptionContext": context})
}
