//! Administrative acts: who may do them, their two records, and the acts themselves.

mod act;
mod actor;
mod adoption;
mod credentials;
mod deletion;
mod error;
mod key_stores;
mod keys;
mod roots;
mod status;

pub(crate) use act::Overdue;
pub(crate) use actor::Author;
pub use actor::{Actor, Role};
pub use adoption::AdoptedObject;
pub use credentials::NewCredential;
pub(crate) use deletion::Deletions;
pub use error::ManageError;
pub use key_stores::{NewBinding, NewKeyStore};
pub(crate) use roots::has_key_encryption_key;
