//! Administrative acts: who may do them, their two records, and the acts themselves.

mod act;
mod actor;
mod credentials;
mod error;
mod key_stores;
mod keys;
mod roots;
mod status;

pub(crate) use act::Overdue;
pub use actor::{Actor, Role};
pub use credentials::NewCredential;
pub use error::ManageError;
pub use key_stores::{NewBinding, NewKeyStore};
pub(crate) use roots::has_key_encryption_key;
