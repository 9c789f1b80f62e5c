//! An endpoint on a loopback listener, and a client that can sign as it should or not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, SeededRandom, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use kms::identity::IdentitySource;
use kms::{Front, Kms, KmsConfig, Parts};
use listener::{Address, Control, Listener, ListenerConfig};
use seal::{Keyring, SealingKey};
use serde_json::Value;
use sigv4::{PathForm, SecretAccessKey, Signer, Target};
use store::Store;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::START;

pub(crate) const REGION: &str = "us-east-1";

/// A long-lived or temporary credential.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

pub(crate) fn credential(id: &str, secret: &str) -> Credential {
    Credential {
        id: id.to_owned(),
        secret: secret.to_owned(),
        token: None,
    }
}

/// The user `alice`, who may do everything.
pub(crate) fn alice() -> Credential {
    credential("AKIAALICEALICEALICE1", &"alice".repeat(8))
}

/// `alice` through S3.
pub(crate) fn alice_through_s3() -> Credential {
    credential("AKIAALICEALICEALICES", &"alice".repeat(8))
}

/// The user `bob`, who may do nothing.
pub(crate) fn bob() -> Credential {
    credential("AKIABOBBOBBOBBOBBOB1", &"bobby".repeat(8))
}

/// `carol` of another account.
pub(crate) fn carol() -> Credential {
    credential("AKIACAROLCAROLCAROL1", &"carol".repeat(8))
}

/// The root user of alice's account.
pub(crate) fn root() -> Credential {
    credential("AKIAROOTROOTROOTROOT", &"rooty".repeat(8))
}

pub(crate) const IDENTITIES: &str = r#"
[policies]
everything = '''{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": ["kms:*", "sts:*", "cloudtrail:*"], "Resource": "*"}}'''
list-only = '''{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}}'''

[[accounts]]
id = "111122223333"

[accounts.root]
access_keys = [{ id = "AKIAROOTROOTROOTROOT", secret = "rootyrootyrootyrootyrootyrootyrootyrooty" }]

[[accounts.users]]
name = "alice"
policies = ["everything"]
tags = { team = "blue" }
access_keys = [
    { id = "AKIAALICEALICEALICE1", secret = "alicealicealicealicealicealicealicealice" },
    { id = "AKIAALICEALICEALICES", secret = "alicealicealicealicealicealicealicealice", via_service = "s3" },
    { id = "AKIAALICEALICEALICE0", secret = "alicealicealicealicealicealicealicealice", active = false },
]

[[accounts.users]]
name = "bob"
access_keys = [{ id = "AKIABOBBOBBOBBOBBOB1", secret = "bobbybobbybobbybobbybobbybobbybobbybobby" }]

[[accounts.roles]]
name = "Payroll"
path = "/teams/"
policies = ["everything"]
tags = { team = "red", room = "7" }
max_session_duration = "2h"
trust_policy = '''{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
     "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}}'''

[[accounts.roles]]
name = "ForCarol"
policies = ["everything"]
trust_policy = '''{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:user/carol"}, "Action": "sts:AssumeRole",
     "Condition": {"StringEquals": {"sts:ExternalId": "agreed"}}}}'''

[[accounts]]
id = "444455556666"

[[accounts.users]]
name = "carol"
policies = ["everything"]
access_keys = [{ id = "AKIACAROLCAROLCAROL1", secret = "carolcarolcarolcarolcarolcarolcarolcarol" }]
"#;

/// An endpoint that is served.
pub(crate) struct Served {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) kms: Kms,
    pub(crate) address: SocketAddr,
    pub(super) _control: Control,
}

impl Served {
    pub(crate) async fn new() -> Self {
        Self::with(KmsConfig::default()).await
    }

    pub(crate) async fn with(config: KmsConfig) -> Self {
        Self::of(config, IDENTITIES).await
    }

    /// With a file of identities of its own.
    pub(crate) async fn of(config: KmsConfig, identities: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let file = directory.path().join("identities.toml");
        write_private(&file, identities);
        let store = Store::open(&directory.path().join("kms.db"), &[kms::MIGRATIONS])
            .await
            .unwrap();
        let kms = Kms::open(Parts {
            config,
            store,
            keyring: Keyring::new(SealingKey::generate(&SeededRandom::new(7)).unwrap(), Vec::new()),
            identities: IdentitySource::open(&file).unwrap(),
            clusters: Arc::new(kms::clusters::NoClusters),
            trail_directory: directory.path().join("cloudtrail"),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(SeededRandom::new(42)),
        })
        .await
        .unwrap();
        let front = Arc::new(Front::new(kms.clone(), &SeededRandom::new(9)).unwrap());
        let config = ListenerConfig::new("kms", Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))));
        let listener = Listener::bind(&config, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let control = listener.control();
        let address = control.local_addr().tcp().unwrap();
        tokio::spawn(listener.serve(front));
        Self {
            directory,
            clock,
            kms,
            address,
            _control: control,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A signed call of an operation of KMS.
    pub(crate) fn call(&self, who: &Credential, operation: &str, body: &Value) -> Sent {
        let mut sent = Sent::new(&body.to_string());
        sent.header("content-type", "application/x-amz-json-1.1");
        sent.header("x-amz-target", &format!("TrentService.{operation}"));
        sent.sign(who, "kms", REGION, self.now());
        sent
    }

    /// A signed call of CloudTrail.
    pub(crate) fn lookup(&self, who: &Credential, body: &Value) -> Sent {
        let mut sent = Sent::new(&body.to_string());
        sent.header("content-type", "application/x-amz-json-1.1");
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        sent.header("x-amz-target", target);
        sent.sign(who, "cloudtrail", REGION, self.now());
        sent
    }

    /// A signed call of STS.
    pub(crate) fn sts(&self, who: &Credential, form: &str) -> Sent {
        let mut sent = Sent::new(&format!("Version=2011-06-15&{form}"));
        sent.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        sent.sign(who, "sts", REGION, self.now());
        sent
    }

    /// Sends a request as it stands; the answer.
    pub(crate) async fn send(&self, sent: &Sent) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(&sent.wire()).await.unwrap();
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut bytes)).await;
        read.expect("an answer").unwrap();
        Answer::parse(&bytes)
    }

    /// A session of a role.
    pub(crate) async fn assume(&self, who: &Credential, form: &str) -> Credential {
        let form = format!("Action=AssumeRole&{form}");
        let answer = self.send(&self.sts(who, &form)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Credential {
            id: answer.element("AccessKeyId"),
            secret: answer.element("SecretAccessKey"),
            token: Some(answer.element("SessionToken")),
        }
    }

    /// Every record so far, in the order in which they were written.
    pub(crate) async fn records(&self) -> Vec<Value> {
        self.kms.trail().flush().await;
        let directory = self.directory.path().join("cloudtrail");
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let text: String = files
            .iter()
            .map(|file| std::fs::read_to_string(file).unwrap())
            .collect();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) fn write_private(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A request, to be spoilt as a test likes.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn new(body: &str) -> Self {
        let mut sent = Self {
            method: "POST",
            target: "/".to_owned(),
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        };
        sent.header("host", "kms.example.com");
        sent
    }

    pub(crate) fn header(&mut self, name: &'static str, value: &str) {
        self.headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }

    pub(crate) fn sign(&mut self, who: &Credential, service: &str, region: &str, now: Timestamp) {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        Signer {
            access_key_id: &who.id,
            secret: &SecretAccessKey::new(who.secret.clone()),
            session_token: who.token.as_deref(),
            region,
            service,
            path: PathForm::Normalised,
        }
        .sign(
            &Target {
                method: self.method,
                path,
                query,
                authority: None,
            },
            &mut self.headers,
            &self.body,
            now,
        )
        .unwrap();
    }

    /// Replaces a part of the `Authorization` header.
    pub(crate) fn authorization(&mut self, from: &str, to: &str) {
        let old = self.headers["authorization"].to_str().unwrap().to_owned();
        assert!(old.contains(from), "{old}");
        self.header("authorization", &old.replace(from, to));
    }

    fn wire(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The error's name.
    pub(crate) fn error(&self) -> String {
        self.json()["__type"].as_str().unwrap().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }

    /// The text of an XML element without elements in it.
    pub(crate) fn element(&self, name: &str) -> String {
        let text = self.text();
        let start = text
            .find(&format!("<{name}>"))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        let rest = &text[start + name.len() + 2..];
        rest[..rest.find("</").unwrap()].to_owned()
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.headers["x-amzn-requestid"]
    }
}
