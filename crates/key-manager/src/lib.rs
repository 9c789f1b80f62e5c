//! What a key manager is: something that holds keys and computes with them.
//!
//! Three traits, one for each reason to talk to it: [`KeyManager`] (use a key, tell its health),
//! [`KeyLifecycle`] (create keys, change their state, rotate), [`KeyManagerProvider`] (create and
//! open key managers). Implementations are virtual HSMs and, over PKCS#11, real ones; whoever uses
//! a key manager knows none of them by name.
//!
//! What every key manager promises (and [`contract::check`] holds it to):
//! - A ciphertext has the plaintext's length, an IV of 12 or 16 bytes, a 16-byte tag and at most
//!   20 bytes of metadata, which are authenticated together with the additional data
//!   ([`framing`]).
//! - One flipped bit anywhere, or bytes moved between additional data and metadata, is
//!   [`KeyManagerError::NotAuthentic`].
//! - Metadata selects a key version, never an algorithm; nothing is ever tried in turn.
//! - A failing source of randomness fails the call.

pub mod contract;
mod error;
pub mod framing;
mod id;
mod key;
mod message;
mod traits;

pub use error::KeyManagerError;
pub use framing::Framing;
pub use id::{IdError, KeyId, ManagerId, Name};
pub use key::{Algorithm, Front, KeyDescription, KeyState, KeyUsage, KeyVersion, VersionTag};
pub use message::{AdditionalData, CiphertextMetadata, EncryptOutput, EncryptedRef, Iv, LengthError};
pub use traits::{
    AdoptedKey, EncryptWith, HealthStatus, Instance, KeyLifecycle, KeyManager, KeyManagerProvider, Legacy,
    ManagerDescription, NewKey, ObjectName, Opened, Operation, Witness,
};
