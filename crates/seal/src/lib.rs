//! How secrets rest in the database: root keys, seals, the envelope, authenticated rows.
//!
//! What this crate promises:
//! - A secret in the database is in an *envelope* ([`SealingKey::seal`]): XAES-256-GCM under a key
//!   of the hierarchy root key → virtual HSM's key-encryption key → key version, bound to
//!   everything immutable about its row. Moved to another row, swapped or altered, it does not
//!   open.
//! - A row that decides security but may change carries a tag ([`RowMac`]) under a key derived
//!   from the root.
//! - The root keys themselves ([`roots`]) are protected by a [`Seal`]; [`KeyFile`] is the simplest. A
//!   seal can be exchanged for another of its kind or of another one ([`Seals`]).
//! - Root keys and seal can be changed from the first day: what older roots protected stays
//!   readable until it was sealed again.
//!
//! Whoever can write the database but not read the seal learns nothing and grants nothing.

mod envelope;
pub mod harden;
mod key_file;
mod keyring;
pub mod roots;
mod row;
mod seal_file;
mod source;
mod under_roots;

pub use envelope::{Envelope, EnvelopeError, SealingFailed, SealingKey, SealingKeyId};
pub use key_file::{KeyFile, KeyFileError};
pub use keyring::Keyring;
pub use roots::{RootsError, Seal};
pub use row::{RowMac, RowRefusal, RowRefused};
pub use seal_file::{SealFile, SealFiles};
pub use source::{Replaced, SealKind, SealSource, SealSourceError, Seals};
pub use under_roots::{Boxed, DependentRows, Dependents, ResealFailed, UnderRoots};
