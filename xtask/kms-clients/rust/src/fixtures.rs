//! What `fixtures.py` prepared.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The endpoint, keys that work and keys that do not.
#[derive(Deserialize)]
pub(crate) struct Fixtures {
    pub(crate) kms: Kms,
    pub(crate) keys: Vec<Key>,
    pub(crate) refused: Vec<Refused>,
}

#[derive(Deserialize)]
pub(crate) struct Kms {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// A key that works.
#[derive(Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) alias: String,
    pub(crate) origin: String,
    /// The exception that a decryption with another context meets.
    pub(crate) wrong_context: String,
}

/// A key whose every use meets one exception.
#[derive(Deserialize)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) error: String,
    /// A part of the message that goes with it.
    pub(crate) says: String,
    /// The same for a Decrypt that names no key.
    pub(crate) says_to_decrypt: String,
    ciphertext: String,
}

impl Refused {
    /// What the key encrypted while it still could.
    pub(crate) fn ciphertext(&self) -> Vec<u8> {
        STANDARD.decode(&self.ciphertext).unwrap_or_default()
    }
}

impl Fixtures {
    /// Reads the file.
    pub(crate) fn read(path: &str) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
        serde_json::from_slice(&text).with_context(|| format!("{path} has an unknown form"))
    }
}
