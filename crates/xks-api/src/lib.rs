//! The XKS Proxy API v1 (specification 1.0.3) as types: what may be said, and nothing else.
//!
//! What this crate promises:
//! - It is pure: bytes in, values out. No input or output, no clock; randomness is an argument.
//! - Whatever parses obeys the specification's grammar and limits. A value of one of these types
//!   needs no second check: an [`Iv`] has 12 or 16 bytes, a [`CiphertextMetadata`] at most 20, an
//!   [`ErrorMessage`] is short printable ASCII, a
//!   [`FleetDetails`](message::FleetDetails) has 1 to 10 entries with different ids.
//! - It is strict where the specification is (members, types, Base64, sizes, algorithms) and lenient
//!   where that asks for it (unknown members, unknown `kmsOperation`, opaque `kmsRequestId`,
//!   principals that are no ARN).
//! - Sizes are checked on the Base64 text, before anything is decoded, and alike on Encrypt and
//!   Decrypt.
//! - Nothing of the input ever appears in an error. Plaintext lives in [`crypto::SecretBytes`].
//!
//! Both sides of the wire are here: a proxy parses requests and prints responses, its clients the
//! other way round. How AAD and ciphertext metadata become the AAD of AES-GCM is the key manager's
//! business and not this crate's.
//!
//! Ids such as `XKS-ENC-05` in comments and test names refer to the project's conformance list.

pub mod cdiv;
pub mod console;
pub mod credential;
pub mod error;
mod json;
pub mod kms_exception;
pub mod limits;
pub mod message;
pub mod metadata;
pub mod uri;
mod values;
mod wire;

pub use error::{ErrorMessage, ErrorName, XksError};
pub use json::SecretJson;
pub use limits::SizeLimits;
pub use uri::Operation;
pub use values::{CiphertextMetadata, Iv, TAG_BYTES};

/// The content type of every request and every response (XKS-GEN-01).
pub const CONTENT_TYPE: &str = "application/json";

/// The service name in the SigV4 credential scope of this API (XKS-AUTH-02).
pub const SIGNING_SERVICE: &str = "kms-xks-proxy";
