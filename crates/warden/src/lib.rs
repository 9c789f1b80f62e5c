//! The one place where keys are used: permit → key manager → record → answer.
//!
//! What this crate promises:
//! - No key is used without a [`policy::Permit`], and no answer of such use leaves before its
//!   record is durable: [`Released`] is made here alone, from the log's receipt.
//! - What was encrypted has been decrypted again and compared before it is answered.
//! - A block or a disabled key is in force for every answer that was not yet released when the
//!   command returned; a retired credential for every request that comes after it.
//! - The request path reads an immutable [`Directory`] and never waits for the database.
//! - A change of state is two records: the intent, durable before the act, and the outcome,
//!   durable before the answer. What a crash left open is settled at the next start.
//! - Rows that somebody else edited grant nothing: they are left out and named in [`view::StatusView::alarms`].
//! - Every queue has a bound, and one key store cannot use up what the others need.
//!
//! The warden knows no HTTP, no XKS and no AWS, and no key manager by name.

mod admission;
mod background;
mod change;
mod clerk;
mod directory;
mod edit;
mod evidence;
mod failure;
mod health;
mod id;
mod json;
mod last_use;
mod load;
mod manage;
mod manifest;
mod refusals;
mod reseal;
mod roots;
mod rows;
mod settings;
mod settle;
#[cfg(test)]
mod tests;
mod use_key;
pub mod view;
mod warden;

/// Of other crates, what a front needs to speak with the warden.
pub use audit::{RecordId, RecordIdText};
pub use key_manager::{
    CiphertextMetadata, EncryptOutput, EncryptWith, EncryptedRef, Framing, HealthStatus, Iv, KeyDescription,
    KeyId, KeyManagerError, KeyState, Legacy, ObjectName,
};
pub use policy::Denial;

pub use admission::Load;
pub use change::{Change, ChangeId};
pub use directory::{Binding, Credential, Directory, KeyStore, Standing};
pub use evidence::{Caller, Evidence};
pub use failure::{Failure, FailureKind, Span, Stage, Stages};
pub use health::InstanceHealth;
pub use id::KeyStoreId;
pub use manage::{Actor, AdoptedObject, ManageError, NewBinding, NewCredential, NewKeyStore, Role};
pub use rows::MIGRATIONS;
pub use settings::Settings;
pub use use_key::Released;
pub use warden::{Parts, Readiness, StartError, Warden};
