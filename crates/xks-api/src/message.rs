//! Requests and responses of the four operations.
//!
//! Each request type parses with all its limits applied, borrowing what it can from the body. Which
//! error answers what:
//!
//! | fault | error |
//! |---|---|
//! | not UTF-8, not JSON, a known member twice, of the wrong type, or `null` | `ValidationException` |
//! | a required member or metadata value is missing; metadata value above 2,048 characters | `ValidationException` |
//! | `encryptionAlgorithm` or CDIV algorithm is another | `ValidationException` |
//! | a value is not canonical Base64 with padding | `ValidationException` |
//! | ciphertext metadata above 20 bytes | `ValidationException` |
//! | IV not 12 or 16 bytes, tag not 16 | `InvalidCiphertextException` |
//! | plaintext, ciphertext or AAD above the configured limit | `UnsupportedOperationException` |
//!
//! The last but one: the specification's table gives `InvalidCiphertextException` to an
//! "initialization vector … or authentication tag" that is "corrupted … or otherwise invalid" and
//! so to one cut short in somebody's stored ciphertext. It does not name the ciphertext metadata,
//! whose size is a rule of the request's form. A missing member is no ciphertext at all: that is
//! `ValidationException`, as AWS's own proxy and test client have it.
//!
//! An **empty** plaintext or ciphertext (`""`) is accepted: the member is there, AES-GCM is defined
//! for it, and the specification sets no lower bound. Empty and absent AAD stay apart.

mod decrypt;
mod encrypt;
mod health;
mod key_metadata;

pub use decrypt::{DecryptRequest, DecryptResponse};
pub use encrypt::{EncryptRequest, EncryptResponse};
pub use health::{
    EkmInstance, FleetDetails, HealthRequest, HealthResponse, HealthStatus, InvalidFleetDetails,
};
pub use key_metadata::{
    GetKeyMetadataRequest, KeyMetadataResponse, KeyStatus, KeyUsage, KeyUsages, ReportedKeyMetadata,
};

pub use crate::wire::MalformedResponse;

/// `encryptionAlgorithm`, the only one of version 1 (XKS-ENC-03).
pub const ENCRYPTION_ALGORITHM: &str = "AES_GCM";
/// `ciphertextDataIntegrityValueAlgorithm`, the only one of version 1 (XKS-ENC-06).
pub const CDIV_ALGORITHM: &str = "SHA_256";

#[cfg(test)]
mod tests;
