//! Our own layer: XAES-256-GCM under the key's material, `nonce (24) ‖ ciphertext ‖ tag (16)`. With
//! random nonces of 24 bytes one material serves 2^80 messages, without a counter to keep.

use ambient::{Random, RandomUnavailable};
use crypto::{SecretBytes, TAG_LEN, XAES_NONCE_LEN, XaesKey};

use super::{ContextDigest, Header, Layer, Malformed, aad, blob};

/// Nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    /// There is no nonce.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
    /// The cipher failed (no memory).
    #[error(transparent)]
    Cipher(#[from] crypto::SealError),
}

/// Encrypts into a fresh buffer, behind `prefix`.
fn seal_behind(
    prefix: Vec<u8>,
    cipher: &XaesKey,
    random: &dyn Random,
    header: &Header,
    context: ContextDigest,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let nonce = random.bytes()?;
    let mut buffer = prefix;
    buffer.extend_from_slice(&nonce);
    let start = buffer.len();
    buffer.extend_from_slice(plaintext);
    let text = buffer.get_mut(start..).unwrap_or_default();
    match cipher.seal(&nonce, aad(Layer::Inner, header, context).as_bytes(), text) {
        Ok(tag) => {
            buffer.extend_from_slice(&tag);
            Ok(buffer)
        }
        Err(error) => {
            // The buffer may hold the plaintext.
            drop(SecretBytes::new(buffer));
            Err(error.into())
        }
    }
}

/// Encrypts under a key's own material: the layer alone, for the proxy.
pub(crate) fn seal(
    cipher: &XaesKey,
    random: &dyn Random,
    header: &Header,
    context: ContextDigest,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let room = Vec::with_capacity(XAES_NONCE_LEN + plaintext.len() + TAG_LEN);
    seal_behind(room, cipher, random, header, context, plaintext)
}

/// Encrypts under a key's own material: the whole blob of an `AWS_KMS` key.
pub(crate) fn seal_blob(
    cipher: &XaesKey,
    random: &dyn Random,
    header: &Header,
    context: ContextDigest,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let room = XAES_NONCE_LEN + plaintext.len() + TAG_LEN;
    seal_behind(
        blob::begin(header, room),
        cipher,
        random,
        header,
        context,
        plaintext,
    )
}

/// Decrypts our own layer.
pub(crate) fn open(
    cipher: &XaesKey,
    header: &Header,
    context: ContextDigest,
    layer: &[u8],
) -> Result<SecretBytes, Malformed> {
    let (nonce, rest) = layer.split_first_chunk().ok_or(Malformed)?;
    let (ciphertext, tag) = rest.split_last_chunk().ok_or(Malformed)?;
    let mut plaintext = SecretBytes::zeroed(ciphertext.len());
    let aad = aad(Layer::Inner, header, context);
    cipher
        .open(nonce, aad.as_bytes(), ciphertext, tag, plaintext.expose_mut())
        .map_err(|_| Malformed)?;
    Ok(plaintext)
}
