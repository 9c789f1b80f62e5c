//! What an administrator says: the section `[seal.hsm]`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pkcs11::{ObjectSelector, Pin, Profile, Requirements, TokenConfig, TokenSelector, WorkerCommand};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

/// Most tokens of one seal: as many parts has a protected root key.
pub(crate) const MAX_TOKENS: usize = 8;
/// Longest name of a token, in bytes; it is part of its wrapping key's label.
const MAX_NAME: usize = 32;
/// Longest label or id of an object, in bytes; its length is one byte in a part.
const MAX_OBJECT_NAME: usize = 255;
/// Longest deadline of a call.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
/// Bounds of `loss_after`.
const LOSS_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_hours(24)];
/// Largest profile file, in bytes.
const MAX_PROFILE: u64 = 65_536;

/// The HSM that protects the root keys: `[seal.hsm]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HsmSealConfig {
    /// The vendor's PKCS#11 module, a shared library; a token may name its own.
    pub module: PathBuf,
    /// What is particular about the product: the name of a built-in profile, or a path (with a `/`) to
    /// a file with one; a token may name its own.
    pub profile: String,
    /// Where the module runs.
    #[serde(default)]
    pub isolation: Isolation,
    /// Longest time from a call to its answer. Default 5 s: a start waits for it, no request does.
    #[serde(default = "deadline", deserialize_with = "duration")]
    pub deadline: Duration,
    /// A key object that exists already and is used instead of one that is made: by `init`, and by a
    /// change of seal. It must be AES, 32 bytes, sensitive, non-extractable, and used for nothing else.
    #[serde(default)]
    pub object: Option<ObjectConfig>,
    /// What a server that is unsealed does when the HSM is gone.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// How long no token may answer before the HSM counts as gone, 100 ms to 24 h. Default 30 s.
    #[serde(default = "loss_after", deserialize_with = "duration")]
    pub loss_after: Duration,
    /// The tokens, 1 to 8; each gets a wrapping key of its own, and each alone can unseal.
    pub tokens: Vec<SealToken>,
}

/// One token: `[[seal.hsm.tokens]]`. Exactly one of label, serial and slot says which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealToken {
    /// What it is called in `status`, log and errors.
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
    /// Its module, where that is another than the seal's.
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// Its profile, where that is another than the seal's.
    #[serde(default)]
    pub profile: Option<String>,
}

/// An existing key object, by label, by id, or by both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectConfig {
    /// `CKA_LABEL`.
    #[serde(default)]
    pub label: Option<String>,
    /// `CKA_ID`, hexadecimal.
    #[serde(default)]
    pub id: Option<String>,
}

/// Where a vendor's module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a process of its own, which is replaced when it crashes or hangs.
    #[default]
    Worker,
    /// In this process: a crash of the module is a crash of Strongroom.
    InProcess,
}

/// What an unsealed server does when its HSM is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// Seals itself: the root keys leave its memory, and every request is answered as sealed until the
    /// HSM is back.
    #[default]
    Seal,
    /// Goes on with the root keys in its memory, until it is restarted.
    Keep,
}

/// What is wrong with the section, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[seal.hsm]: {0}")]
pub struct ConfigError(String);

fn wrong<T>(what: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(what.into()))
}

impl HsmSealConfig {
    /// Holds the section to every rule that can be judged without its tokens. Reads profile files.
    ///
    /// # Errors
    /// Names the rule and the fix.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=MAX_TOKENS).contains(&self.tokens.len()) {
            return wrong(format!("give it 1 to {MAX_TOKENS} sections [[seal.hsm.tokens]]"));
        }
        if self.deadline.is_zero() || self.deadline > MAX_DEADLINE {
            return wrong("deadline is between 1ms and 60s");
        }
        let [least, most] = LOSS_AFTER;
        if self.loss_after < least || self.loss_after > most {
            return wrong("loss_after is between 100ms and 86400s");
        }
        self.object()?;
        let (mut names, mut places) = (HashSet::new(), HashSet::new());
        for token in &self.tokens {
            let name = &token.name;
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_plain) {
                return wrong(format!(
                    "the token name {name:?} is none: use 1 to {MAX_NAME} characters of a-z A-Z 0-9 . _ -"
                ));
            }
            if !names.insert(name) {
                return wrong(format!("two tokens are named {name:?}: give one another name"));
            }
            // One token under two names would be given a wrong PIN twice.
            if !places.insert((self.module(token), self.selector(token)?)) {
                return wrong(format!("the token {name:?} is named twice: remove one of them"));
            }
            self.profile(token)?;
            let paths = [Some(self.module(token)), token.pin_file.as_deref()];
            if let Some(path) = paths.into_iter().flatten().find(|path| !path.is_absolute()) {
                return wrong(format!("{} is not an absolute path", path.display()));
            }
        }
        Ok(())
    }

    /// Files that a start needs.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let of_token = |token| [Some(self.module(token)), token.pin_file.as_deref()];
        self.tokens.iter().flat_map(of_token).flatten()
    }

    /// The object to be used instead of a new one.
    pub(crate) fn object(&self) -> Result<Option<ObjectSelector>, ConfigError> {
        let Some(object) = &self.object else {
            return Ok(None);
        };
        let id = object.id.as_deref().map(crypto::unhex);
        let Ok(id) = id.map(|id| id.ok_or(())).transpose() else {
            return wrong("object.id is not hexadecimal");
        };
        let fits = |len: Option<usize>| len.is_none_or(|len| (1..=MAX_OBJECT_NAME).contains(&len));
        let lengths = [object.label.as_ref().map(String::len), id.as_ref().map(Vec::len)];
        let selector = ObjectSelector::new(object.label.clone(), id);
        match selector.filter(|_| lengths.into_iter().all(fits)) {
            None => wrong(format!(
                "object needs a label or an id, each of 1 to {MAX_OBJECT_NAME} bytes"
            )),
            selector => Ok(selector),
        }
    }

    fn module<'a>(&'a self, token: &'a SealToken) -> &'a Path {
        token.module.as_deref().unwrap_or(&self.module)
    }

    #[expect(clippy::unused_self, reason = "reads as its siblings do")]
    fn selector(&self, token: &SealToken) -> Result<TokenSelector, ConfigError> {
        match (&token.label, &token.serial, token.slot) {
            (Some(label), None, None) => Ok(TokenSelector::Label(label.clone())),
            (None, Some(serial), None) => Ok(TokenSelector::Serial(serial.clone())),
            (None, None, Some(slot)) => Ok(TokenSelector::Slot(slot)),
            _ => wrong(format!(
                "token {:?}: give exactly one of label, serial and slot",
                token.name
            )),
        }
    }

    fn profile(&self, token: &SealToken) -> Result<Profile, ConfigError> {
        let name = token.profile.as_deref().unwrap_or(&self.profile);
        if !name.contains('/') {
            return Profile::named(name).ok_or_else(|| {
                let known: Vec<_> = Profile::names().collect();
                ConfigError(format!(
                    "there is no profile {name:?}; there are {}, and paths with a /",
                    known.join(", ")
                ))
            });
        }
        let text = read(Path::new(name))
            .map_err(|error| ConfigError(format!("cannot read the profile {name}: {error}")))?;
        Profile::parse(&text).map_err(|error| ConfigError(format!("the profile {name}: {error}")))
    }

    /// How a token is opened with this PIN.
    pub(crate) fn token_config(
        &self,
        token: &SealToken,
        pin: Option<Pin>,
        worker: Option<&WorkerCommand>,
    ) -> Result<TokenConfig, ConfigError> {
        let isolation = match (self.isolation, worker) {
            (Isolation::InProcess, _) => pkcs11::Isolation::InProcess,
            (Isolation::Worker, Some(worker)) => pkcs11::Isolation::Worker(worker.clone()),
            (Isolation::Worker, None) => {
                return wrong("this program has no worker: use isolation = \"in-process\"");
            }
        };
        Ok(TokenConfig {
            module: self.module(token).to_owned(),
            token: self.selector(token)?,
            pin,
            profile: self.profile(token)?,
            requirements: Requirements::STRICT,
            // One call at a time, at start and in administrative acts.
            sessions: 1,
            queue: 16,
            deadline: self.deadline,
            isolation,
        })
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(MAX_PROFILE + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MAX_PROFILE {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
}

const fn deadline() -> Duration {
    Duration::from_secs(5)
}

const fn loss_after() -> Duration {
    Duration::from_secs(30)
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
