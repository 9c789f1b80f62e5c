//! What the layers below say, in a key manager's words.

use key_manager::KeyManagerError;
use seal::{RowRefused, SealingFailed};
use store::StoreError;

/// The database failed: nothing was changed.
pub(crate) fn store(error: StoreError) -> KeyManagerError {
    match error {
        StoreError::Conflict { .. } => KeyManagerError::KeyExists,
        StoreError::Busy | StoreError::TimedOut => KeyManagerError::TimedOut(error.to_string()),
        error => KeyManagerError::Unavailable(error.to_string()),
    }
}

/// Nothing could be sealed: nothing was changed.
pub(crate) fn sealing(error: SealingFailed) -> KeyManagerError {
    match error {
        SealingFailed::Random(error) => error.into(),
        SealingFailed::Cipher => KeyManagerError::Unavailable(error.to_string()),
    }
}

/// A row is refused.
pub(crate) fn refused(error: &RowRefused) -> KeyManagerError {
    KeyManagerError::KeyRefused(error.to_string())
}
