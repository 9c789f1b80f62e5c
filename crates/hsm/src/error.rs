//! What the layers below say, in a key manager's words.

use key_manager::KeyManagerError;
use pkcs11::TokenError;
use seal::RowRefused;
use store::StoreError;

/// The database failed: nothing was changed.
pub(crate) fn store(error: StoreError) -> KeyManagerError {
    match error {
        StoreError::Conflict { .. } => KeyManagerError::KeyExists,
        StoreError::Busy | StoreError::TimedOut => KeyManagerError::TimedOut(error.to_string()),
        error => KeyManagerError::Unavailable(error.to_string()),
    }
}

/// A row is refused.
pub(crate) fn refused(error: &RowRefused) -> KeyManagerError {
    KeyManagerError::KeyRefused(error.to_string())
}

/// What a token answered to a request, when no other token can be asked.
pub(crate) fn token(name: &str, error: &TokenError) -> KeyManagerError {
    let said = || format!("token {name}: {error}");
    match error {
        TokenError::NotAuthentic => KeyManagerError::NotAuthentic,
        TokenError::TooLong { .. } => KeyManagerError::TooLarge,
        TokenError::Busy => KeyManagerError::Busy(said()),
        TokenError::TimedOut => KeyManagerError::TimedOut(said()),
        TokenError::NoRandomness => ambient::RandomUnavailable.into(),
        _ => KeyManagerError::Unavailable(said()),
    }
}

/// What a token answered to an administrator, who may be the one to mend it.
pub(crate) fn object(name: &str, error: &TokenError) -> KeyManagerError {
    let unsuitable = |why: String| KeyManagerError::NotSuitable(format!("token {name}: {why}"));
    match error {
        TokenError::ObjectGone
        | TokenError::AnotherKey
        | TokenError::Ambiguous
        | TokenError::Unsuitable(_)
        | TokenError::Refused { .. } => unsuitable(error.to_string()),
        TokenError::NotAuthentic => {
            unsuitable("its key object is another key than the first token's".to_owned())
        }
        error => token(name, error),
    }
}
