//! The bytes of a blob, version 1.
//!
//! ```text
//! header   0x01 ‖ origin (1) ‖ key material id (32) ‖ length of the ARN (2) ‖ key ARN
//! check    the first 4 bytes of SHA-256(domain ‖ header)
//! body     origin 1, AWS_KMS: nonce (24) ‖ ciphertext ‖ tag (16)
//!          origin 2, EXTERNAL_KEY_STORE: length of the metadata (1) ‖ metadata ‖ length of the IV (1) ‖
//!          IV ‖ tag (16) ‖ ciphertext, all as the proxy answered
//!          origin 3, AWS_CLOUDHSM: length of the IV (1, 12 or 16) ‖ IV ‖ tag (16) ‖ ciphertext, as long as
//!          the plaintext; the key material id is the id of the key object
//! ```
//!
//! Numbers are big-endian. The check protects nothing; it tells a damaged header, which would name
//! some other key or none, from a blob whose key is gone.

use crypto::{TAG_LEN, XAES_NONCE_LEN};
use kms_api::KeyArn;
use xks_api::{CiphertextMetadata, Iv, TAG_BYTES};

use super::{MAX_BLOB, MAX_PLAINTEXT};
use crate::clusters::Encrypted;
use crate::state::MaterialId;

const VERSION: u8 = 1;
/// What stands before the key ARN.
const FIXED_LEN: usize = 36;
const CHECK_LEN: usize = 4;
/// Behind a proxy: what our own layer adds to the plaintext.
const INNER_OVERHEAD: usize = XAES_NONCE_LEN + TAG_LEN;

/// Not a blob of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Where the key's material is from, as a blob says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `AWS_KMS`.
    AwsKms = 1,
    /// `EXTERNAL_KEY_STORE`.
    ExternalKeyStore = 2,
    /// `AWS_CLOUDHSM`.
    AwsCloudHsm = 3,
}

/// Which key and material made a blob: authenticated by every layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    origin: Origin,
    key: KeyArn,
    material: MaterialId,
    /// Its encoding, which is what is authenticated.
    bytes: Vec<u8>,
}

impl Header {
    /// The header of what is encrypted under this key and material; `None` for an ARN of more than
    /// 65,535 bytes, which no key has.
    pub(crate) fn new(origin: Origin, key: KeyArn, material: MaterialId) -> Option<Self> {
        let arn = key.to_string();
        let len = u16::try_from(arn.len()).ok()?;
        let mut bytes = Vec::with_capacity(FIXED_LEN + arn.len());
        bytes.extend_from_slice(&[VERSION, origin as u8]);
        bytes.extend_from_slice(&material.0);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(arn.as_bytes());
        Some(Self {
            origin,
            key,
            material,
            bytes,
        })
    }

    /// Where the key's material is from.
    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    /// The key.
    pub(crate) const fn key(&self) -> &KeyArn {
        &self.key
    }

    /// The generation of the key's own material, or the key object.
    pub(crate) const fn material(&self) -> MaterialId {
        self.material
    }

    /// The encoding.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn check(&self) -> [u8; CHECK_LEN] {
        let [a, b, c, d, ..] = crypto::sha256(&[b"strongroom kms ciphertext header v1", &self.bytes]);
        [a, b, c, d]
    }

    /// Takes a header and its check off the front.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&[_, origin], rest) = bytes.split_first_chunk()?;
        let origin = match origin {
            1 => Origin::AwsKms,
            2 => Origin::ExternalKeyStore,
            3 => Origin::AwsCloudHsm,
            _ => return None,
        };
        let (material, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (arn, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        let (check, rest) = rest.split_first_chunk()?;
        let key: KeyArn = std::str::from_utf8(arn).ok()?.parse().ok()?;
        let header = Self::new(origin, key, MaterialId(*material))?;
        // Written again it is the same: the version is ours, and the ARN has one form.
        let is_ours = bytes.starts_with(&header.bytes) && header.check() == *check;
        is_ours.then_some((header, rest))
    }
}

/// What a proxy answered on Encrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outer {
    pub(crate) metadata: CiphertextMetadata,
    pub(crate) iv: Iv,
    pub(crate) tag: [u8; TAG_BYTES],
    pub(crate) ciphertext: Vec<u8>,
}

/// What stands behind the header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    /// Under an `AWS_KMS` key: our own layer.
    Inner(&'a [u8]),
    /// Under a key in an external key store: the proxy's.
    Outer(Outer),
    /// Under a key in an AWS CloudHSM key store: the HSM's.
    Hsm(Encrypted),
}

/// A blob taken apart; nothing of it is verified yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed<'a> {
    pub(crate) header: Header,
    pub(crate) body: Body<'a>,
}

impl<'a> Parsed<'a> {
    /// Takes a blob apart. Any input gives an answer; a blob has exactly one form.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_BLOB {
            return Err(Malformed);
        }
        let (header, rest) = Header::read(bytes).ok_or(Malformed)?;
        let body = match header.origin {
            Origin::AwsKms => inner(rest),
            Origin::ExternalKeyStore => outer(rest),
            Origin::AwsCloudHsm => hsm(rest),
        };
        body.map(|body| Self { header, body }).ok_or(Malformed)
    }
}

fn inner(bytes: &[u8]) -> Option<Body<'_>> {
    is_inner(bytes.len()).then_some(Body::Inner(bytes))
}

/// Whether our own layer can be so long: 1 to 4096 bytes of plaintext.
fn is_inner(len: usize) -> bool {
    (INNER_OVERHEAD + 1..=INNER_OVERHEAD + MAX_PLAINTEXT).contains(&len)
}

fn outer(bytes: &[u8]) -> Option<Body<'_>> {
    let (metadata, rest) = counted(bytes)?;
    let (iv, rest) = counted(rest)?;
    let (tag, ciphertext) = rest.split_first_chunk()?;
    // AES-GCM: as long as what the proxy was given.
    is_inner(ciphertext.len()).then_some(Body::Outer(Outer {
        metadata: metadata.try_into().ok()?,
        iv: iv.try_into().ok()?,
        tag: *tag,
        ciphertext: ciphertext.to_vec(),
    }))
}

fn hsm(bytes: &[u8]) -> Option<Body<'_>> {
    let (iv, rest) = counted(bytes)?;
    let (tag, ciphertext) = rest.split_first_chunk()?;
    let encrypted = Encrypted {
        iv: iv.to_vec(),
        tag: *tag,
        ciphertext: ciphertext.to_vec(),
    };
    is_hsm(&encrypted).then_some(Body::Hsm(encrypted))
}

/// Whether an HSM can have answered so: AES-GCM of 1 to 4096 bytes.
fn is_hsm(encrypted: &Encrypted) -> bool {
    matches!(encrypted.iv.len(), 12 | 16) && (1..=MAX_PLAINTEXT).contains(&encrypted.ciphertext.len())
}

/// Bytes behind their length in one byte.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked((*len).into())
}

/// Starts a blob that will be so much longer than its header.
pub(super) fn begin(header: &Header, more: usize) -> Vec<u8> {
    let mut blob = Vec::with_capacity(header.bytes.len() + CHECK_LEN + more);
    blob.extend_from_slice(&header.bytes);
    blob.extend_from_slice(&header.check());
    blob
}

/// The blob over our own layer.
pub(crate) fn under_aws_kms(header: &Header, inner: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut blob = begin(header, inner.len());
    blob.extend_from_slice(inner);
    fits(blob)
}

/// The blob over what a proxy answered.
pub(crate) fn under_external_key(header: &Header, outer: &Outer) -> Result<Vec<u8>, Malformed> {
    let (metadata, iv) = (outer.metadata.as_bytes(), outer.iv.as_bytes());
    let more = 2 + metadata.len() + iv.len() + TAG_BYTES + outer.ciphertext.len();
    let mut blob = begin(header, more);
    for part in [metadata, iv] {
        blob.push(u8::try_from(part.len()).map_err(|_| Malformed)?);
        blob.extend_from_slice(part);
    }
    blob.extend_from_slice(&outer.tag);
    blob.extend_from_slice(&outer.ciphertext);
    fits(blob)
}

/// The blob over what an HSM answered.
pub(crate) fn under_hsm_key(header: &Header, encrypted: &Encrypted) -> Result<Vec<u8>, Malformed> {
    let Encrypted { iv, tag, ciphertext } = encrypted;
    if !is_hsm(encrypted) {
        return Err(Malformed);
    }
    let mut blob = begin(header, 1 + iv.len() + TAG_BYTES + ciphertext.len());
    blob.push(u8::try_from(iv.len()).map_err(|_| Malformed)?);
    blob.extend_from_slice(iv);
    blob.extend_from_slice(tag);
    blob.extend_from_slice(ciphertext);
    fits(blob)
}

fn fits(blob: Vec<u8>) -> Result<Vec<u8>, Malformed> {
    if blob.len() <= MAX_BLOB {
        Ok(blob)
    } else {
        Err(Malformed)
    }
}
