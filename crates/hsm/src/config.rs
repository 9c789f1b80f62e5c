//! What an administrator says about an HSM: one `[[hsm]]` section of the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use key_manager::Name;
use pkcs11::{Pin, Profile, Requirements, TokenConfig, TokenSelector, WorkerCommand};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// Most tokens of one key manager.
const MAX_TOKENS: usize = 16;
/// Most calls that may wait for a session of one token.
const MAX_QUEUE: usize = 65_536;
/// Most sessions of one token.
const MAX_SESSIONS: usize = 256;
/// Longest deadline of one call.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
/// Largest profile file, in bytes.
const MAX_PROFILE: u64 = 65_536;

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
    pub isolation: Isolation,
    /// Most sessions of each token, 1 to 256.
    #[serde(default = "sessions")]
    pub sessions: usize,
    /// Most calls that wait for a session of a token.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Longest time from a call to its answer. Two of them should fit into the 200 ms of a request.
    #[serde(default = "deadline", deserialize_with = "duration")]
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
    /// The tokens, 1 to 16, all of which hold the same keys.
    pub tokens: Vec<HsmToken>,
}

/// One token: a section `[[hsm.tokens]]`. Exactly one of label, serial and slot says which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HsmToken {
    /// What it is called in health, log and errors.
    pub name: String,
    /// Its label.
    #[serde(default)]
    pub label: Option<String>,
    /// Its serial number; the surest.
    #[serde(default)]
    pub serial: Option<String>,
    /// Its slot's number.
    #[serde(default)]
    pub slot: Option<u64>,
    /// A file with the PIN of its user, readable by its owner alone; none where the token wants no login.
    #[serde(default)]
    pub pin_file: Option<PathBuf>,
    /// Its module, where that is another than the HSM's.
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// Its profile, where that is another than the HSM's.
    #[serde(default)]
    pub profile: Option<String>,
}

/// Where a vendor's module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a process of its own, which is replaced when it crashes or hangs.
    #[default]
    Worker,
    /// In this process: faster, and a crash of the module is a crash of Strongroom.
    InProcess,
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
    /// Holds the section to every rule that can be judged without its tokens. Reads profile files.
    ///
    /// # Errors
    /// Names the section, the rule, and the fix.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.manager_name()?;
        self.check_limits()?;
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
            self.selector(token)?;
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

    fn check_limits(&self) -> Result<(), ConfigError> {
        if !(1..=MAX_SESSIONS).contains(&self.sessions) {
            return self.wrong(format!("sessions = {} is not 1 to {MAX_SESSIONS}", self.sessions));
        }
        if self.queue > MAX_QUEUE {
            return self.wrong(format!("queue = {} is more than {MAX_QUEUE}", self.queue));
        }
        if self.deadline.is_zero() || self.deadline > MAX_DEADLINE {
            return self.wrong("deadline is not between 1ms and 60s");
        }
        Ok(())
    }

    /// The key manager's name.
    ///
    /// # Errors
    /// If it is none.
    pub fn manager_name(&self) -> Result<Name, ConfigError> {
        Name::parse(&self.name).or_else(|error| self.wrong(format!("name: {error}")))
    }

    /// Which token of its module.
    ///
    /// # Errors
    /// Unless exactly one of label, serial and slot is given.
    pub fn selector(&self, token: &HsmToken) -> Result<TokenSelector, ConfigError> {
        match (&token.label, &token.serial, token.slot) {
            (Some(label), None, None) => Ok(TokenSelector::Label(label.clone())),
            (None, Some(serial), None) => Ok(TokenSelector::Serial(serial.clone())),
            (None, None, Some(slot)) => Ok(TokenSelector::Slot(slot)),
            _ => self.wrong(format!(
                "token {:?}: give exactly one of label, serial and slot",
                token.name
            )),
        }
    }

    /// The module of a token.
    ///
    /// # Errors
    /// If neither the token nor the HSM names one.
    pub fn module<'a>(&'a self, token: &'a HsmToken) -> Result<&'a Path, ConfigError> {
        match token.module.as_deref().or(self.module.as_deref()) {
            Some(module) => Ok(module),
            None => self.wrong(format!(
                "token {:?} has no module; give module = \"/path/to/the/vendor's.so\"",
                token.name
            )),
        }
    }

    /// The profile of a token.
    ///
    /// # Errors
    /// If none is named, or the one that is named cannot be read.
    pub fn profile(&self, token: &HsmToken) -> Result<Profile, ConfigError> {
        let Some(name) = token.profile.as_deref().or(self.profile.as_deref()) else {
            return self.wrong(format!(
                "token {:?} has no profile; give profile = one of {}, or the path of a profile",
                token.name,
                known()
            ));
        };
        if !name.contains('/') {
            return match Profile::named(name) {
                Some(profile) => Ok(profile),
                None => self.wrong(format!(
                    "there is no profile {name:?}; there are {}, and paths with a /",
                    known()
                )),
            };
        }
        let text = read(Path::new(name))
            .or_else(|error| self.wrong(format!("cannot read the profile {name}: {error}")))?;
        Profile::parse(&text).or_else(|error| self.wrong(format!("the profile {name}: {error}")))
    }

    /// How a token is opened, its PIN read from its file; `worker` starts the process of its module.
    ///
    /// # Errors
    /// As [`Self::check`] for this token; and what is wrong with the PIN file.
    pub fn token_config(
        &self,
        token: &HsmToken,
        worker: Option<&WorkerCommand>,
    ) -> Result<TokenConfig, ConfigError> {
        let isolation = match (self.isolation, worker) {
            (Isolation::InProcess, _) => pkcs11::Isolation::InProcess,
            (Isolation::Worker, Some(worker)) => pkcs11::Isolation::Worker(worker.clone()),
            (Isolation::Worker, None) => {
                return self.wrong("this program starts no workers; use isolation = \"in-process\"");
            }
        };
        let pin = match &token.pin_file {
            Some(path) => Some(Pin::from_file(path).or_else(|error| {
                self.wrong(format!("token {:?}: {}: {error}", token.name, path.display()))
            })?),
            None => None,
        };
        Ok(TokenConfig {
            module: self.module(token)?.to_owned(),
            token: self.selector(token)?,
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

    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, ConfigError> {
        Err(ConfigError {
            hsm: self.name.chars().take(64).collect(),
            what: what.into(),
        })
    }
}

fn known() -> String {
    Profile::names().collect::<Vec<_>>().join(", ")
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(MAX_PROFILE + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MAX_PROFILE {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
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

/// `"120ms"` or `"2s"`: a whole number and its unit.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let parsed = text.split_at_checked(digits).and_then(|(number, unit)| {
        let number: u64 = number.parse().ok()?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            _ => None,
        }
    });
    parsed.ok_or_else(|| D::Error::custom("a duration with its unit, such as \"120ms\" or \"2s\""))
}
