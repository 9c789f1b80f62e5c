//! How failures inside become AWS's errors.

use ambient::RandomUnavailable;
use kms_api::{ErrorName, KmsError};

use crate::state::StateError;

/// What a caller is told of a fault of ours: nothing that they could use. The log has the reason.
const INTERNAL: &str = "The request was rejected because of an internal error. You can retry the request.";

/// `KMSInternalException`; the reason goes into the log.
pub(crate) fn internal(reason: &dyn std::fmt::Display) -> KmsError {
    tracing::error!(%reason, "internal error");
    KmsError::new(ErrorName::KmsInternalException, INTERNAL)
}

/// What a handler says when it fails: AWS's error, or a fault of ours, of which `?` makes
/// `KMSInternalException`.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) KmsError);

impl Failure {
    /// `KMSInternalException`; the reason goes into the log.
    pub(crate) fn internal(reason: impl std::fmt::Display) -> Self {
        Self(internal(&reason))
    }

    /// An error of AWS's.
    pub(crate) fn new(name: ErrorName, message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self(KmsError::new(name, message))
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self(internal(&error))
    }
}

impl From<RandomUnavailable> for Failure {
    fn from(error: RandomUnavailable) -> Self {
        Self(internal(&error))
    }
}

impl From<KmsError> for Failure {
    fn from(error: KmsError) -> Self {
        Self(error)
    }
}

impl From<Failure> for KmsError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

/// The `Limit` of a listing whose pages are shorter than the API's model allows.
pub(crate) fn at_most(most: u32, limit: u32) -> Result<u32, Failure> {
    if limit <= most {
        return Ok(limit);
    }
    let message = format!(
        "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have \
         value less than or equal to {most}"
    );
    Err(Failure::new(ErrorName::ValidationException, message))
}
