//! The envelope: `0x01 ‖ sealing-key id (8) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`.

use std::fmt;

use ambient::{Random, RandomUnavailable};
use crypto::{Fields, Key256, SecretBytes, TAG_LEN, XAES_NONCE_LEN, XaesKey};

/// The only format yet: XAES-256-GCM.
const FORMAT: u8 = 1;
const ID_LEN: usize = 8;
/// Bytes that an envelope adds to what it protects.
const OVERHEAD: usize = 1 + ID_LEN + XAES_NONCE_LEN + TAG_LEN;

/// Names a sealing key: random, unique among all that a fleet will ever have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealingKeyId([u8; ID_LEN]);

impl SealingKeyId {
    /// A fresh id.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        random.bytes().map(Self)
    }

    /// From its bytes in a row.
    pub const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
        Self(bytes)
    }

    /// From 16 lower-case hexadecimal digits: one id has one text.
    pub fn from_hex(text: &str) -> Option<Self> {
        let id = Self(crypto::unhex(text)?.try_into().ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// The 8 bytes.
    pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
        &self.0
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crypto::hex(&self.0))
    }
}

/// Nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealingFailed {
    /// There are no random bytes for key or nonce.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
    /// The cipher failed (no memory).
    #[error("encryption failed")]
    Cipher,
}

/// An envelope was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is too short, or of a format that this release does not know.
    #[error("this is no envelope that this release can read")]
    Malformed,
    /// It was sealed under a key that is not at hand.
    #[error("sealed under the key {0}, which is not here")]
    UnknownKey(SealingKeyId),
    /// It was altered, or belongs to another row.
    #[error("the sealed value was altered or belongs to another row")]
    NotAuthentic,
}

/// The parts of an envelope's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    key_id: SealingKeyId,
    nonce: &'a [u8; XAES_NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Envelope<'a> {
    /// Takes the bytes apart. Any input gives an answer; nothing is allocated.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        Self::split(bytes).ok_or(EnvelopeError::Malformed)
    }

    /// Which key sealed it (as the bytes claim).
    pub const fn key_id(&self) -> SealingKeyId {
        self.key_id
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (key_id, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        (*format == FORMAT).then_some(Self {
            key_id: SealingKeyId(*key_id),
            nonce,
            ciphertext,
            tag,
        })
    }
}

/// A key that protects other secrets at rest: a root key, or a virtual HSM's key-encryption key.
pub struct SealingKey {
    id: SealingKeyId,
    key: Key256,
    cipher: XaesKey,
}

impl SealingKey {
    /// A fresh key with a fresh id.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self::new(
            SealingKeyId::generate(random)?,
            Key256::generate(random)?,
        ))
    }

    /// From its parts.
    pub fn new(id: SealingKeyId, key: Key256) -> Self {
        let cipher = key.xaes();
        Self { id, key, cipher }
    }

    /// The id that its envelopes carry.
    pub const fn id(&self) -> SealingKeyId {
        self.id
    }

    /// The key itself, to be sealed under the next one up.
    pub const fn key(&self) -> &Key256 {
        &self.key
    }

    /// Seals `secret` for the row that `context` describes; 49 bytes longer than the secret.
    pub fn seal(
        &self,
        random: &dyn Random,
        context: &Fields,
        secret: &[u8],
    ) -> Result<Vec<u8>, SealingFailed> {
        let nonce = random.bytes()?;
        let mut bytes = Vec::with_capacity(OVERHEAD.saturating_add(secret.len()));
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.id.0);
        bytes.extend_from_slice(&nonce);
        let header = bytes.len();
        bytes.extend_from_slice(secret);
        let text = bytes.get_mut(header..).ok_or(SealingFailed::Cipher)?;
        let aad = authenticated(self.id, context);
        match self.cipher.seal(&nonce, aad.as_bytes(), text) {
            Ok(tag) => {
                bytes.extend_from_slice(&tag);
                Ok(bytes)
            }
            Err(_) => {
                // The buffer may hold the secret in the clear.
                drop(SecretBytes::new(bytes));
                Err(SealingFailed::Cipher)
            }
        }
    }

    /// Opens an envelope that this key sealed for the same context.
    pub fn open(&self, context: &Fields, envelope: &[u8]) -> Result<SecretBytes, EnvelopeError> {
        let envelope = Envelope::parse(envelope)?;
        if envelope.key_id != self.id {
            return Err(EnvelopeError::UnknownKey(envelope.key_id));
        }
        let mut secret = SecretBytes::zeroed(envelope.ciphertext.len());
        let aad = authenticated(self.id, context);
        self.cipher
            .open(
                envelope.nonce,
                aad.as_bytes(),
                envelope.ciphertext,
                envelope.tag,
                secret.expose_mut(),
            )
            .map_err(|_| EnvelopeError::NotAuthentic)?;
        Ok(secret)
    }
}

/// What the tag covers beside the secret: format, sealing key, and everything about the row.
fn authenticated(id: SealingKeyId, context: &Fields) -> Fields {
    Fields::new("strongroom envelope")
        .bytes(&[FORMAT])
        .bytes(&id.0)
        .bytes(context.as_bytes())
}
