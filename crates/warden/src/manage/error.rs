//! Why an administrative act was not done.

use key_manager::{IdError, KeyManagerError};
use policy::CallersError;
use store::StoreError;

use crate::{FailureKind, Role};

/// What went wrong, by what the administrator would do about it.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The actor's role does not include this.
    #[error("the role {role} may not do this")]
    NotPermitted {
        /// The role they have.
        role: Role,
    },
    /// There is no such thing.
    #[error("there is no {what} {name}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// What they called it.
        name: String,
    },
    /// Several things have that name; the id tells them apart.
    #[error("several keys are called {name}; give the id")]
    Ambiguous {
        /// What they called it.
        name: String,
    },
    /// There is such a thing already.
    #[error("the {what} {name} exists already")]
    Exists {
        /// What kind of thing.
        what: &'static str,
        /// What it is called.
        name: String,
    },
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be done in the present state.
    #[error("{0}")]
    State(String),
    /// The log cannot be written, so nothing may change.
    #[error("nothing was changed: {0}")]
    Log(FailureKind),
    /// It was done or not, but its outcome could not be recorded; the next start settles it.
    #[error("the change was made, but its outcome could not be recorded yet: {0}")]
    OutcomeUnrecorded(FailureKind),
    /// The change was made, but could not be read back, so that it is not in force here yet.
    #[error("the change was made, but is not in force yet; repeat it: {0}")]
    NotInForce(StoreError),
    /// The store failed; the change was not made.
    #[error("the change was not made: {0}")]
    Store(#[from] StoreError),
    /// The key manager failed.
    #[error("the change was not made: {0}")]
    KeyManager(KeyManagerError),
    /// A row that this change builds on was edited by other means.
    #[error("the store was edited by other means than Strongroom: {0}")]
    Refused(#[from] seal::RowRefused),
    /// A root key cannot be retired while rows depend on it.
    #[error("the root key {root} is still needed, and was not retired: {by}")]
    RootInUse {
        /// The root key.
        root: String,
        /// How many rows of which tables.
        by: String,
    },
    /// The seal or the root keys under it cannot be used.
    #[error("nothing was changed: {0}")]
    Seal(String),
    /// The store is sealed with the new seal, whose file is not where the old one's was.
    #[error("the seal was changed, but its file is not in its place yet: {0}")]
    SealNotInPlace(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl ManageError {
    pub(crate) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound {
            what,
            name: name.to_owned(),
        }
    }
}

impl From<IdError> for ManageError {
    fn from(error: IdError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<CallersError> for ManageError {
    fn from(error: CallersError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<KeyManagerError> for ManageError {
    fn from(error: KeyManagerError) -> Self {
        Self::KeyManager(error)
    }
}

impl From<ambient::RandomUnavailable> for ManageError {
    fn from(error: ambient::RandomUnavailable) -> Self {
        Self::KeyManager(error.into())
    }
}

impl From<seal::SealingFailed> for ManageError {
    fn from(error: seal::SealingFailed) -> Self {
        Self::KeyManager(KeyManagerError::Unavailable(error.to_string()))
    }
}
