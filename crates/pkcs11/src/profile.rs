//! What differs between vendors, as data.

use std::collections::HashMap;

use cryptoki::error::RvError;
use serde::Deserialize;

use crate::return_codes::{self, Meaning};

/// The profiles that are built in.
const BUILT_IN: &[(&str, &str)] = &[
    ("softhsm", include_str!("profiles/softhsm.toml")),
    ("kryoptic", include_str!("profiles/kryoptic.toml")),
    ("luna", include_str!("profiles/luna.toml")),
    ("luna-fips", include_str!("profiles/luna-fips.toml")),
    ("nshield", include_str!("profiles/nshield.toml")),
    ("cloudhsm", include_str!("profiles/cloudhsm.toml")),
    ("utimaco", include_str!("profiles/utimaco.toml")),
];

/// The longest plaintext that any profile may allow, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// The longest text of a profile, in bytes.
pub(crate) const MAX_TEXT: usize = 65536;

/// Who makes the IV of AES-GCM, and of how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IvSource {
    /// We do, from the operating system's randomness: 12 or 16 bytes.
    Caller(usize),
    /// The token does and appends it to the output, behind the tag; it is given no IV.
    TokenAppends(usize),
    /// The token does, into the buffer of zeros that it is given.
    TokenFillsZeroed(usize),
}

impl IvSource {
    /// Length of the IV in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Caller(len) | Self::TokenAppends(len) | Self::TokenFillsZeroed(len) => len,
        }
    }
}

/// Which `CK_GCM_PARAMS` the module reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GcmParameters {
    /// Five fields, as the text of version 2.40 shows it, without `ulIvBits`.
    WithoutIvBits,
    /// Six fields, as the header files of 2.40 and the text of 3.0 have it.
    WithIvBits,
}

/// How keys are wrapped for another token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrapping {
    /// `CKM_AES_KEY_WRAP` (RFC 3394).
    AesKeyWrap,
    /// `CKM_AES_KEY_WRAP_PAD`.
    AesKeyWrapPad,
}

/// What differs between vendors. Comes from TOML: built in ([`Profile::named`]) or somebody's own
/// ([`Profile::parse`]).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    product: String,
    tried: String,
    read: Vec<String>,
    iv: IvSource,
    gcm_parameters: GcmParameters,
    max_message: usize,
    #[serde(default)]
    wrapping: Option<Wrapping>,
    #[serde(default)]
    restart_on_loss: bool,
    #[serde(default)]
    unwrapped_length_untold: bool,
    #[serde(default)]
    environment: Vec<String>,
    #[serde(default)]
    return_codes: HashMap<String, Meaning>,
    /// The text that it was read from.
    #[serde(skip)]
    source: String,
}

/// Why a profile is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No TOML, or an unknown or missing key; says where.
    #[error("{0}")]
    Syntax(String),
    /// A value outside its range.
    #[error("{0}")]
    Value(&'static str),
    /// A return code that is neither a name of the specification nor `0x` and hexadecimal digits.
    #[error("{0:?} is no return code")]
    ReturnCode(String),
}

impl Profile {
    /// Names of the built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The built-in profile of this name. `luna-fips` is `luna` where the HSM makes the IV.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut profile: Self =
            toml::from_str(text).map_err(|error| ProfileError::Syntax(error.to_string()))?;
        if text.len() > MAX_TEXT {
            return Err(ProfileError::Value("a profile has at most 65536 bytes"));
        }
        text.clone_into(&mut profile.source);
        if !matches!(profile.iv.bytes(), 12 | 16) {
            return Err(ProfileError::Value("an IV has 12 or 16 bytes"));
        }
        if !(1..=MAX_MESSAGE).contains(&profile.max_message) {
            return Err(ProfileError::Value("max-message is 1 to 1048576 bytes"));
        }
        profile.return_codes = profile
            .return_codes
            .into_iter()
            .map(|(code, meaning)| Ok((canonical(&code)?, meaning)))
            .collect::<Result<_, ProfileError>>()?;
        Ok(profile)
    }

    /// What the profile is about.
    pub fn product(&self) -> &str {
        &self.product
    }

    /// What was tried on a real module; says so if nothing was.
    pub fn tried(&self) -> &str {
        &self.tried
    }

    /// The public documents from which the rest was read.
    pub fn read(&self) -> &[String] {
        &self.read
    }

    /// Who makes the IV.
    pub const fn iv(&self) -> IvSource {
        self.iv
    }

    /// Which parameter structure the module reads.
    pub const fn gcm_parameters(&self) -> GcmParameters {
        self.gcm_parameters
    }

    /// The longest plaintext, in bytes.
    pub const fn max_message(&self) -> usize {
        self.max_message
    }

    /// How keys are wrapped, where the token can.
    pub const fn wrapping(&self) -> Option<Wrapping> {
        self.wrapping
    }

    /// Whether the module has to be finalised and initialised before it sees a token that was gone.
    pub const fn restart_on_loss(&self) -> bool {
        self.restart_on_loss
    }

    /// Whether the token says 0 for the length of a key that it unwrapped. Such a key is then taken at
    /// its word; a length that is told is always checked.
    pub const fn unwrapped_length_untold(&self) -> bool {
        self.unwrapped_length_untold
    }

    /// Names of the environment variables that the module reads.
    pub fn environment(&self) -> &[String] {
        &self.environment
    }

    /// The text that [`Self::parse`] read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What `code` means on this product.
    pub fn meaning(&self, code: RvError) -> Meaning {
        if self.return_codes.is_empty() {
            return return_codes::standard(code);
        }
        self.return_codes
            .get(&return_codes::name(code))
            .copied()
            .unwrap_or_else(|| return_codes::standard(code))
    }
}

/// A return code as [`return_codes::name`] writes it.
fn canonical(code: &str) -> Result<String, ProfileError> {
    let unknown = || ProfileError::ReturnCode(code.to_owned());
    let named = return_codes::STANDARD.iter().any(|(_, name, _)| *name == code);
    if named || return_codes::NEWER.iter().any(|(_, name, _)| *name == code) {
        return Ok(code.to_owned());
    }
    let digits = code.strip_prefix("0x").ok_or_else(unknown)?;
    let number = u32::from_str_radix(digits, 16).map_err(|_| unknown())?;
    Ok(format!("{number:#010x}"))
}
