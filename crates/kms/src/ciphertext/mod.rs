//! The ciphertext blob: what Encrypt answers and Decrypt takes, and the layer of it that is ours.
//!
//! A blob says under which key and material it was made. Under an `AWS_KMS` key it is XAES-256-GCM
//! of the plaintext. Under a key in an external key store it is encrypted twice: the plaintext under
//! our own material first, then what came out, nonce and tag included, by the XKS proxy; it is undone
//! in the opposite order. Under a key in an AWS CloudHSM key store it is AES-256-GCM of the plaintext,
//! computed in the cluster. Every layer authenticates the header and the encryption context, each under
//! a name of its own ([`Layer`]), so that no layer, header or context can be exchanged.
//!
//! The format is written down in docs/architecture.md.

mod blob;
mod context;
mod inner;

pub(crate) use blob::{
    Body, Header, Malformed, Origin, Outer, Parsed, under_aws_kms, under_external_key, under_hsm_key,
};
pub(crate) use context::{ContextDigest, Layer, aad};
pub(crate) use inner::{SealError, open, seal, seal_blob};

/// The longest plaintext, in bytes (AWS KMS API reference, Encrypt; data keys are shorter).
pub(crate) const MAX_PLAINTEXT: usize = 4096;
/// The longest blob, in bytes (`CiphertextType`).
pub(crate) const MAX_BLOB: usize = 6144;
