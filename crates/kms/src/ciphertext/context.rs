//! What authenticates a blob beside its content.

use crypto::{Fields, Sha256};
use kms_api::EncryptionContext;

use super::Header;

/// The encryption context, canonical: SHA-256 over its pairs, sorted by key, each text behind its
/// length. However large the context, the additional data at a proxy stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContextDigest([u8; 32]);

impl ContextDigest {
    /// Of a context; none and an empty one are the same, as at AWS.
    pub(crate) fn of(context: &EncryptionContext) -> Self {
        const DOMAIN: &str = "strongroom kms encryption context v1";
        let mut hash = Sha256::new();
        let mut text = |text: &str| {
            // At most 8192 bytes, as `EncryptionContext` promises.
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            hash.update(&len.to_be_bytes());
            hash.update(text.as_bytes());
        };
        text(DOMAIN);
        for (key, value) in context {
            text(key);
            text(value);
        }
        Self(hash.finish())
    }
}

/// Whose layer of the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Ours, under the key's own material.
    Inner,
    /// The proxy's, under the external key.
    Outer,
    /// The cluster's, under the key object: the only one.
    Hsm,
}

/// The additional authenticated data of one layer: domain, layer, header, context.
pub(crate) fn aad(layer: Layer, header: &Header, context: ContextDigest) -> Fields {
    let layer = match layer {
        Layer::Inner => "inner",
        Layer::Outer => "outer",
        Layer::Hsm => "hsm",
    };
    Fields::new("strongroom kms ciphertext v1")
        .text(layer)
        .bytes(header.as_bytes())
        .bytes(&context.0)
}
