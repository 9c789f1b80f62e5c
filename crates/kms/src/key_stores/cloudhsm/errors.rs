//! What KMS makes of a cluster's failures.

use kms_api::{ConnectionErrorCode, ErrorName, KmsError, Operation};

use super::rules::too_few_hsms;
use crate::clusters::{ClusterError, ConnectError};
use crate::error::internal;

/// `ConnectionErrorCode` of a login that failed.
pub(super) const fn connection_error_code(error: &ConnectError) -> ConnectionErrorCode {
    match error {
        ConnectError::InvalidCredentials => ConnectionErrorCode::InvalidCredentials,
        ConnectError::UserLockedOut => ConnectionErrorCode::UserLockedOut,
        ConnectError::UserNotFound => ConnectionErrorCode::UserNotFound,
        ConnectError::InsufficientHsms => ConnectionErrorCode::InsufficientCloudhsmHsms,
        ConnectError::NetworkErrors => ConnectionErrorCode::NetworkErrors,
        ConnectError::InternalError(_) => ConnectionErrorCode::InternalError,
    }
}

/// The exception of a call to a connected cluster that failed. Of the operations that use keys it is
/// `KMSInvalidStateException` where the cluster or the key object is to blame, and
/// `KMSInternalException` where HSMs are short of sessions (AWS KMS Developer Guide, "Troubleshooting a
/// custom key store"); CreateKey and GenerateRandom do not list the former.
pub(super) fn exception(error: &ClusterError, operation: Operation) -> KmsError {
    let invalid_state = |message: &'static str| KmsError::new(ErrorName::KmsInvalidStateException, message);
    match (operation, error) {
        (_, ClusterError::NotAuthentic) => KmsError::bare(ErrorName::InvalidCiphertextException),
        (Operation::CreateKey, ClusterError::Unreachable(_)) => too_few_hsms(),
        (Operation::CreateKey, ClusterError::NotSynchronized(_)) => KmsError::new(
            ErrorName::CloudHsmClusterInvalidConfigurationException,
            "The HSMs of the CloudHSM cluster do not hold the same keys.",
        ),
        (Operation::CreateKey | Operation::GenerateRandom, _) => internal(error),
        (_, ClusterError::Unreachable(_)) => invalid_state(
            "KMS cannot communicate with the CloudHSM cluster of the custom key store. This may pass; if it does \
             not, make sure that the cluster has an active HSM.",
        ),
        (
            _,
            ClusterError::KeyNotFound
            | ClusterError::KeyUnusable(_)
            | ClusterError::AnotherKey
            | ClusterError::NotSynchronized(_),
        ) => invalid_state("KMS cannot find the key material of the KMS key in its CloudHSM cluster."),
        (_, ClusterError::Busy(_) | ClusterError::Internal(_)) => internal(error),
    }
}
