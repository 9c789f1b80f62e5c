//! What an administrator says about an HSM: one `[[hsm]]` section of the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use key_manager::Name;
use pkcs11::section::{self, IsolationSetting, SectionError, TokenSection};
use pkcs11::{Profile, Requirements, TokenConfig, WorkerCommand};
use serde::Deserialize;

/// Most tokens of one key manager.
const MAX_TOKENS: usize = 16;

/// One key manager over the tokens of HSMs: a section `[[hsm]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HsmConfig {
    /// The key manager's name, by which it is made and found.
    pub name: String,
    /// The vendor's PKCS#11 module, a shared library; a token may name its own.
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// What is particular about the product: the name of a built-in profile, or a path (with a `/`) to a
    /// file with one; a token may name its own.
    #[serde(default)]
    pub profile: Option<String>,
    /// Where the module runs.
    #[serde(default)]
    pub isolation: IsolationSetting,
    /// Most sessions of each token, 1 to 256.
    #[serde(default = "sessions")]
    pub sessions: usize,
    /// Most calls that wait for a session of a token.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Longest time from a call to its answer. Two of them should fit into the 200 ms of a request.
    #[serde(default = "deadline", deserialize_with = "section::duration")]
    pub deadline: Duration,
    /// How a key comes to be on every token.
    #[serde(default)]
    pub replication: Replication,
    /// The label of the wrapping key that every token has, for [`Replication::WrappingKey`].
    #[serde(default)]
    pub wrapping_key: Option<String>,
    /// Whether key objects may be used that a token would give away. Weakens security.
    #[serde(default)]
    pub danger_allow_extractable: bool,
    /// Whether AES keys of 16 and 24 bytes may be adopted.
    #[serde(default)]
    pub allow_short_keys: bool,
    /// The tokens, 1 to 16, all of which hold the same keys: sections `[[hsm.tokens]]`.
    pub tokens: Vec<TokenSection>,
}

/// How a key comes to be on every token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// Not at all: with more than one token keys can be adopted only.
    #[default]
    None,
    /// The vendor does it: what is made on one token appears on the others.
    Vendor,
    /// Strongroom does, wrapped under a key that every token has.
    WrappingKey,
}

/// What is wrong with a section, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[[hsm]] {hsm:?}: {what}")]
pub struct ConfigError {
    hsm: String,
    what: String,
}

impl HsmConfig {
    /// A section that says no more than this; everything else is as where it is left out.
    pub fn of_one(name: String, module: PathBuf, profile: String, token: TokenSection) -> Self {
        Self {
            name,
            module: Some(module),
            profile: Some(profile),
            isolation: IsolationSetting::default(),
            sessions: sessions(),
            queue: queue(),
            deadline: deadline(),
            replication: Replication::default(),
            wrapping_key: None,
            danger_allow_extractable: false,
            allow_short_keys: false,
            tokens: vec![token],
        }
    }

    /// Holds the section to every rule that can be judged without its tokens. Reads profile files.
    ///
    /// # Errors
    /// Names the section, the rule, and the fix.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.manager_name()?;
        self.said(section::check_limits(self.sessions, self.queue, self.deadline))?;
        if !(1..=MAX_TOKENS).contains(&self.tokens.len()) {
            return self.wrong(format!(
                "has {} tokens; give it 1 to {MAX_TOKENS} sections [[hsm.tokens]]",
                self.tokens.len()
            ));
        }
        let mut names = BTreeSet::new();
        for token in &self.tokens {
            if Name::parse(&token.name).is_err() {
                return self.wrong(format!(
                    "the token name {:?} is none: use 1 to 64 characters of a-z A-Z 0-9 . _ -",
                    token.name
                ));
            }
            if !names.insert(&token.name) {
                return self.wrong(format!(
                    "two tokens are named {:?}; give one another name",
                    token.name
                ));
            }
            self.said(token.selector())?;
            self.module(token)?;
            let profile = self.profile(token)?;
            if self.replication == Replication::WrappingKey && profile.wrapping().is_none() {
                return self.wrong(format!("token {:?}: its profile knows no way to wrap keys; use replication = \"vendor\" or \"none\"", token.name));
            }
        }
        match (self.replication, &self.wrapping_key) {
            (Replication::WrappingKey, None) => {
                self.wrong("replication = \"wrapping-key\" needs wrapping_key = \"its label on every token\"")
            }
            (Replication::WrappingKey, Some(label)) if label.is_empty() => {
                self.wrong("wrapping_key is empty; give the label of the wrapping key")
            }
            (Replication::None | Replication::Vendor, Some(_)) => self.wrong(
                "wrapping_key has a meaning with replication = \"wrapping-key\" alone; remove one of them",
            ),
            _ => Ok(()),
        }
    }

    /// The key manager's name.
    fn manager_name(&self) -> Result<Name, ConfigError> {
        Name::parse(&self.name).or_else(|error| self.wrong(format!("name: {error}")))
    }

    /// The module of a token.
    ///
    /// # Errors
    /// If neither the token nor the HSM names one.
    pub fn module<'a>(&'a self, token: &'a TokenSection) -> Result<&'a Path, ConfigError> {
        self.said(token.module(self.module.as_deref()))
    }

    /// The profile of a token.
    ///
    /// # Errors
    /// If none is named, or the one that is named cannot be read.
    pub fn profile(&self, token: &TokenSection) -> Result<Profile, ConfigError> {
        self.said(token.profile(self.profile.as_deref()))
    }

    /// How a token is opened, its PIN read from its file; `worker` starts the process of its module.
    ///
    /// # Errors
    /// As [`Self::check`] for this token; and what is wrong with the PIN file.
    pub fn token_config(
        &self,
        token: &TokenSection,
        worker: Option<&WorkerCommand>,
    ) -> Result<TokenConfig, ConfigError> {
        let isolation = self.said(self.isolation.with(worker))?;
        let pin = self.said(token.pin())?;
        Ok(TokenConfig {
            module: self.module(token)?.to_owned(),
            token: self.said(token.selector())?,
            pin,
            profile: self.profile(token)?,
            requirements: Requirements {
                danger_allow_extractable: self.danger_allow_extractable,
                allow_short_keys: self.allow_short_keys,
            },
            sessions: self.sessions,
            queue: self.queue,
            deadline: self.deadline,
            isolation,
        })
    }

    fn said<T>(&self, result: Result<T, SectionError>) -> Result<T, ConfigError> {
        result.or_else(|error| self.wrong(error.to_string()))
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, ConfigError> {
        Err(ConfigError {
            hsm: self.name.chars().take(64).collect(),
            what: what.into(),
        })
    }
}

const fn sessions() -> usize {
    8
}

const fn queue() -> usize {
    256
}

const fn deadline() -> Duration {
    Duration::from_millis(120)
}
