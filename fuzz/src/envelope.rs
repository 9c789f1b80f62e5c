//! Sealed values, as they lie in the database.

use std::sync::LazyLock;

use ambient::SeededRandom;
use crypto::{Fields, Key256};
use seal::{Envelope, EnvelopeError, Keyring, SealingKey, SealingKeyId};

const SECRET: &[u8] = b"a key version of thirty-two byte";

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let key = Key256::from_slice(&[7; 32]).map(|key| SealingKey::new(SealingKeyId::from_bytes([1; 8]), key));
    let older =
        Key256::from_slice(&[8; 32]).map(|key| SealingKey::new(SealingKeyId::from_bytes([2; 8]), key));
    match key {
        Some(key) => Keyring::new(key, older.into_iter().collect()),
        None => unreachable!("32 bytes are a key"),
    }
});

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    KEYRING
        .seal(&SeededRandom::new(1), &context(), SECRET)
        .unwrap_or_default()
});

fn context() -> Fields {
    Fields::new("fuzz/v1").text("a row")
}

/// The one envelope that opens; a seed.
pub fn sealed() -> &'static [u8] {
    &SEALED
}

/// Only the very bytes that were sealed open, and only in their own row.
pub fn envelope(data: &[u8]) {
    let parsed = Envelope::parse(data);
    match KEYRING.open(&context(), data) {
        Ok(secret) => {
            assert_eq!(data, sealed(), "a forgery opened");
            assert_eq!(secret.expose(), SECRET);
            let elsewhere = KEYRING.open(&Fields::new("fuzz/v1").text("another row"), data);
            assert!(matches!(elsewhere, Err(EnvelopeError::NotAuthentic)));
        }
        Err(EnvelopeError::Malformed) => assert!(parsed.is_err()),
        Err(EnvelopeError::UnknownKey(id)) => assert_eq!(parsed.map(|envelope| envelope.key_id()), Ok(id)),
        Err(EnvelopeError::NotAuthentic) => assert!(parsed.is_ok() && data != sealed()),
    }
}
