//! What KMS is told of a token's failures.

use kms::clusters::{ClusterError, ConnectError};
use pkcs11::{OpenError, TokenError};

/// Of a call to a connected cluster.
pub(super) fn of_call(error: &TokenError) -> ClusterError {
    let said = error.to_string();
    match error {
        TokenError::NotAuthentic => ClusterError::NotAuthentic,
        TokenError::ObjectGone => ClusterError::KeyNotFound,
        TokenError::AnotherKey => ClusterError::AnotherKey,
        TokenError::Ambiguous | TokenError::Unsuitable(_) => ClusterError::KeyUnusable(said),
        TokenError::Busy | TokenError::SessionsExhausted => ClusterError::Busy(said),
        TokenError::TokenGone
        | TokenError::NotInitialized
        | TokenError::PinRefused
        | TokenError::PinLocked
        | TokenError::PinLastTry
        | TokenError::LoginUnanswered
        | TokenError::WorkerDied(_)
        | TokenError::TimedOut
        | TokenError::Hung
        | TokenError::Closed => ClusterError::Unreachable(said),
        TokenError::TooLong { .. }
        | TokenError::TrialFailed
        | TokenError::BadOutput(_)
        | TokenError::NoRandomness
        | TokenError::Refused { .. } => ClusterError::Internal(said),
    }
}

/// Of a login.
pub(super) fn of_login(error: &TokenError) -> ConnectError {
    match error {
        TokenError::PinRefused => ConnectError::InvalidCredentials,
        // One wrong password more would be the lock: its way out is the same.
        TokenError::PinLocked | TokenError::PinLastTry => ConnectError::UserLockedOut,
        TokenError::TimedOut | TokenError::Hung | TokenError::WorkerDied(_) => ConnectError::NetworkErrors,
        TokenError::TokenGone | TokenError::NotInitialized => ConnectError::InsufficientHsms,
        other => ConnectError::InternalError(other.to_string()),
    }
}

/// Of a change of password: a PIN that the token does not take as the old one is refused there by its
/// return code.
pub(super) fn of_change(error: &TokenError) -> ConnectError {
    match error {
        TokenError::Refused { code, .. } if code == "CKR_PIN_INCORRECT" => ConnectError::InvalidCredentials,
        TokenError::Refused { code, .. } if code == "CKR_PIN_LOCKED" => ConnectError::UserLockedOut,
        other => of_login(other),
    }
}

/// Whether another HSM of the cluster may do better.
pub(super) const fn is_worth_another(error: &TokenError) -> bool {
    !matches!(error, TokenError::NotAuthentic | TokenError::TooLong { .. })
}

/// A module that does not load is an HSM that is not there.
pub(super) fn of_opening(error: OpenError) -> TokenError {
    match error {
        OpenError::Token(error) => error,
        OpenError::Module(why) => {
            tracing::warn!(reason = why, "a PKCS#11 module cannot be used");
            TokenError::TokenGone
        }
        OpenError::Configuration(why) => TokenError::Unsuitable(why.to_owned()),
    }
}
