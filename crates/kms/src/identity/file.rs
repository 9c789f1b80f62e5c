//! The declared file, as it is written: accounts and who is in them, in TOML.
//!
//! ```toml
//! [policies]
//! use-keys = '''{"Version": "2012-10-17", "Statement": [
//!     {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}'''
//!
//! [[accounts]]
//! id = "111122223333"
//!
//! [[accounts.users]]
//! name = "alice"
//! policies = ["use-keys"]
//! access_keys = [{ id = "AKIA…", secret = "…" }]
//!
//! [[accounts.roles]]
//! name = "Payroll"
//! trust_policy = '''{"Version": "2012-10-17", "Statement": [
//!     {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}]}'''
//! policies = ["use-keys"]
//! ```
//!
//! A policy is a name in `[policies]`, or JSON in place. Every account has a root user.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use sigv4::SecretAccessKey;
use toml::Spanned;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) policies: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) accounts: Vec<Account>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) id: Spanned<String>,
    /// `o-…` of the organization, for `aws:PrincipalOrgID`.
    pub(super) organization: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) service_control_policies: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) root: Root,
    #[serde(default)]
    pub(super) users: Vec<User>,
    #[serde(default)]
    pub(super) roles: Vec<Role>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    #[serde(default)]
    pub(super) access_keys: Vec<AccessKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: Spanned<String>,
    pub(super) path: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) policies: Vec<Spanned<String>>,
    pub(super) permissions_boundary: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) access_keys: Vec<AccessKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) name: Spanned<String>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) trust_policy: Spanned<String>,
    #[serde(default)]
    pub(super) policies: Vec<Spanned<String>>,
    pub(super) permissions_boundary: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Spanned<String>>,
    /// The longest session; 1 h to 12 h, by default 1 h.
    #[serde(default = "an_hour", deserialize_with = "listener::units::duration")]
    pub(super) max_session_duration: Duration,
}

const fn an_hour() -> Duration {
    Duration::from_secs(3_600)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessKey {
    pub(super) id: Spanned<String>,
    pub(super) secret: Secret,
    /// An inactive key is as unknown as one that is not declared.
    #[serde(default = "yes")]
    pub(super) active: bool,
    /// Calls signed with this key count as made by an AWS service on behalf of the principal
    /// (`kms:ViaService`, `aws:ViaAWSService`): its name as in `s3.eu-west-1.amazonaws.com`, which is
    /// `s3`.
    pub(super) via_service: Option<Spanned<String>>,
}

const fn yes() -> bool {
    true
}

/// A secret access key: 16 to 128 visible ASCII characters. No error quotes it.
pub(super) struct Secret(pub(super) SecretAccessKey);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret access key of 16 to 128 visible ASCII characters")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                let fits = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
                if !fits {
                    return Err(E::custom(
                        "a secret access key has 16 to 128 visible ASCII characters",
                    ));
                }
                Ok(Secret(SecretAccessKey::from_bytes(text.as_bytes())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
