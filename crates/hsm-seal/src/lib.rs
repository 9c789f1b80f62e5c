//! The seal whose key never leaves an HSM: root keys encrypted by a key object of a PKCS#11 token.
//!
//! What this crate promises:
//! - Each configured token has a *wrapping key* of its own: AES, 32 bytes, sensitive, non-extractable,
//!   made by the token (or one that an administrator made and named). A protected root key has a part
//!   for each; any one token opens it, so no key has to be copied from HSM to HSM.
//! - A part is AES-256-GCM in the token. Its additional data name the seal, the key object, and
//!   everything about the root that the store keeps beside it.
//! - Which object is the right one is proven, not assumed: each part carries a *check*, a constant under
//!   the wrapping key. Another object of the same name, another HSM, an altered part and a token that is
//!   away are told apart, and each is answered with what to do next.
//! - A PIN that a token refused is never presented again until its file holds another one, however often
//!   a sealed server tries.
//!
//! # How often a wrapping key encrypts
//!
//! AES-GCM with random IVs of 96 bits holds for 2^32 messages a key (NIST SP 800-38D). A wrapping key
//! encrypts one check when it is made, and then each root key once at `init`, `root rotate` and
//! `seal change`: with a rotation every hour, 2^17 messages in ten years. So nothing is counted. Probes
//! decrypt the check, which costs none of that.
//!
//! # Words
//!
//! Token, key object, PIN: PKCS#11. Seal, root key: crate `seal`. Wrapping key: the key object that
//! encrypts root keys.

mod config;
mod part;
mod seal_of_hsm;
mod source;
mod tokens;

pub use config::{ConfigError, HsmSealConfig, ObjectConfig, OnLoss};
pub use source::HsmSeals;
pub use tokens::{HsmTokens, TokenReport};

/// The kind of this seal, as it stands in the database and in `status`.
pub const KIND: &str = "hsm";
