//! What is known of a key besides its bytes.

use std::fmt;
use std::str::FromStr;

use ambient::Timestamp;

use crate::framing::Framing;
use crate::{CiphertextMetadata, IdError, KeyId, Name};

/// The front that a key belongs to: a key serves one protocol only, so that no ciphertext of one
/// can be fed to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Front {
    /// The XKS Proxy API of AWS KMS.
    Xks,
}

impl Front {
    /// As stored and sealed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xks => "xks",
        }
    }
}

/// What a key may be used for (NIST SP 800-57 part 1, section 5.2, cryptographic key usage).
/// Neither is allowed: such a key exists but does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyUsage {
    /// May encrypt.
    pub encrypt: bool,
    /// May decrypt.
    pub decrypt: bool,
}

impl KeyUsage {
    /// The usual: encrypt and decrypt.
    pub const BOTH: Self = Self {
        encrypt: true,
        decrypt: true,
    };

    /// As stored and sealed: `encrypt,decrypt`, `encrypt`, `decrypt` or `none`.
    pub const fn as_str(self) -> &'static str {
        match (self.encrypt, self.decrypt) {
            (true, true) => "encrypt,decrypt",
            (true, false) => "encrypt",
            (false, true) => "decrypt",
            (false, false) => "none",
        }
    }
}

impl FromStr for KeyUsage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "encrypt,decrypt" | "decrypt,encrypt" => Ok(Self::BOTH),
            "encrypt" => Ok(Self {
                encrypt: true,
                decrypt: false,
            }),
            "decrypt" => Ok(Self {
                encrypt: false,
                decrypt: true,
            }),
            "none" => Ok(Self {
                encrypt: false,
                decrypt: false,
            }),
            _ => Err("key usage is one of: encrypt,decrypt  encrypt  decrypt  none".to_owned()),
        }
    }
}

/// Whether a key may be used at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyState {
    /// In use.
    Enabled,
    /// Kept, but not used until it is enabled again.
    Disabled,
    /// Not used, and destroyed when its waiting period ends, unless somebody cancels that.
    PendingDeletion,
}

impl KeyState {
    /// As stored: `enabled`, `disabled` or `pending-deletion`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::PendingDeletion => "pending-deletion",
        }
    }

    /// Reads what [`KeyState::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "enabled" => Some(Self::Enabled),
            "disabled" => Some(Self::Disabled),
            "pending-deletion" => Some(Self::PendingDeletion),
            _ => None,
        }
    }
}

/// How one key version encrypts; fixed when the version is made, and sealed with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// XAES-256-GCM with a random 24-byte nonce, framing `spec`: ciphertext format 1.
    Xaes256Gcm,
    /// AES-256-GCM (NIST SP 800-38D), with an IV of 12 or 16 bytes as the HSM or the product makes it:
    /// ciphertext format 2, and legacy versions.
    Aes256Gcm,
}

impl Algorithm {
    /// As stored and sealed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xaes256Gcm => "XAES-256-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
        }
    }

    /// Reads what [`Algorithm::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Xaes256Gcm, Self::Aes256Gcm]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
    }
}

/// Tells the versions of one key apart in ciphertext metadata: 4 random bytes, unique within the
/// key, so that a restored backup or a second node never gives one tag to two secrets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VersionTag(pub [u8; 4]);

impl fmt::Display for VersionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crypto::hex(&self.0))
    }
}

/// One version of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyVersion {
    /// Its tag.
    pub tag: VersionTag,
    /// How it encrypts.
    pub algorithm: Algorithm,
    /// How additional data and metadata become the AAD of its cipher.
    pub framing: Framing,
    /// What its bytes are recognised by; `None` for bytes that never left an HSM.
    pub fingerprint: Option<crypto::Fingerprint>,
    /// What people find its object by in an HSM; `None` where there is none.
    pub object: Option<String>,
    /// Of a version that another product encrypted with: the metadata that product wrote. Such a
    /// version only decrypts; a key has at most one.
    pub legacy: Option<CiphertextMetadata>,
    /// Encryptions counted against [`KeyVersion::MAX_ENCRYPTIONS`], never too few; `None` where the
    /// format needs no count.
    pub encryptions: Option<u64>,
    /// When it was made.
    pub created: Timestamp,
}

impl KeyVersion {
    /// Most encryptions with AES-GCM and random IVs of 96 bits under one key (NIST SP 800-38D,
    /// section 8.3).
    pub const MAX_ENCRYPTIONS: u64 = 1 << 32;
}

/// All that may be told of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyDescription {
    /// Its id.
    pub id: KeyId,
    /// What people call it.
    pub name: Name,
    /// The protocol it serves.
    pub front: Front,
    /// What it may be used for.
    pub usage: KeyUsage,
    /// Whether it may be used.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// When it will be destroyed, while [`KeyState::PendingDeletion`].
    pub deletion: Option<Timestamp>,
    /// Its versions, the one that encrypts first.
    pub versions: Vec<KeyVersion>,
}

impl TryFrom<&str> for Name {
    type Error = IdError;

    fn try_from(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}
