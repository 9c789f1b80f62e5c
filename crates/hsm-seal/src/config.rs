//! What an administrator says: the section `[seal.hsm]`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pkcs11::section::{self, IsolationSetting, SectionError, TokenSection};
use pkcs11::{ObjectSelector, Pin, Profile, Requirements, TokenConfig, WorkerCommand};
use serde::{Deserialize, Serialize};

/// Most tokens of one seal: as many parts has a protected root key.
pub(crate) const MAX_TOKENS: usize = 8;
/// Longest name of a token, in bytes; it is part of its wrapping key's label.
const MAX_NAME: usize = 32;
/// Longest label or id of an object, in bytes; its length is one byte in a part.
const MAX_OBJECT_NAME: usize = 255;
/// Bounds of `loss_after`.
const LOSS_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_hours(24)];

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
    pub isolation: IsolationSetting,
    /// Longest time from a call to its answer. Default 5 s: a start waits for it, no request does.
    #[serde(default = "deadline", deserialize_with = "section::duration")]
    pub deadline: Duration,
    /// A key object that exists already and is used instead of one that is made: by `init`, and by a
    /// change of seal. It must be AES, 32 bytes, sensitive, non-extractable, and used for nothing else.
    #[serde(default)]
    pub object: Option<ObjectConfig>,
    /// What a server that is unsealed does when the HSM is gone.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// How long no token may answer before the HSM counts as gone, 100 ms to 24 h. Default 30 s.
    #[serde(default = "loss_after", deserialize_with = "section::duration")]
    pub loss_after: Duration,
    /// The tokens, 1 to 8; each gets a wrapping key of its own, and each alone can unseal:
    /// sections `[[seal.hsm.tokens]]`.
    pub tokens: Vec<TokenSection>,
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

impl From<SectionError> for ConfigError {
    fn from(error: SectionError) -> Self {
        Self(error.to_string())
    }
}

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
        section::check_deadline(self.deadline)?;
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
            if !places.insert((self.module(token), token.selector()?)) {
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

    fn module<'a>(&'a self, token: &'a TokenSection) -> &'a Path {
        token.module.as_deref().unwrap_or(&self.module)
    }

    fn profile(&self, token: &TokenSection) -> Result<Profile, ConfigError> {
        Ok(token.profile(Some(&self.profile))?)
    }

    /// How a token is opened with this PIN.
    pub(crate) fn token_config(
        &self,
        token: &TokenSection,
        pin: Option<Pin>,
        worker: Option<&WorkerCommand>,
    ) -> Result<TokenConfig, ConfigError> {
        Ok(TokenConfig {
            module: self.module(token).to_owned(),
            token: token.selector()?,
            pin,
            profile: self.profile(token)?,
            requirements: Requirements::STRICT,
            // One call at a time, at start and in administrative acts.
            sessions: 1,
            queue: 16,
            deadline: self.deadline,
            isolation: self.isolation.with(worker)?,
        })
    }
}

const fn deadline() -> Duration {
    Duration::from_secs(5)
}

const fn loss_after() -> Duration {
    Duration::from_secs(30)
}
