//! Secret types and the cryptography that is our own.
//!
//! What this crate promises:
//! - Key bytes and other secrets live in types that wipe themselves and have no `Debug`,
//!   `Display`, `Clone` or serialisation ([`Key256`], [`SecretBytes`]).
//! - [`XaesKey`] is XAES-256-GCM as C2SP specifies it: AES-256-GCM with 24-byte nonces, which
//!   may be random for 2^80 messages.
//! - [`Fields`] is the one injective encoding of a domain and fields into bytes; whatever is
//!   authenticated as additional data or by a [`MacKey`] goes through it.
//!
//! The primitives (AES, GCM, SHA-256, HMAC, CMAC) are AWS-LC's. No other crate of the project
//! holds cryptographic code of ours.

mod fields;
mod hash;
mod secret;
mod xaes;

pub use fields::Fields;
pub use hash::{HmacKey, MacKey, Sha256, constant_time_eq, hex, hex_byte, hmac_sha256, sha256, unhex};
pub use secret::{Fingerprint, Key256, SecretBytes};
pub use xaes::{OpenError, SealError, TAG_LEN, XAES_NONCE_LEN, XaesKey};
