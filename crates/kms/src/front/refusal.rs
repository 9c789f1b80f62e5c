//! Refusals at the front door, and how each protocol says them.

use kms_api::{ErrorName, KmsError};

/// Why a request got no further. The text may quote what its sender wrote, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not an AWS request at all: another method or content type, in AWS's one answer that is XML.
    NotAnApi,
    /// The body is longer than the endpoint takes.
    TooLarge,
    /// The body did not arrive in time.
    TimedOut,
    /// The body broke off.
    Aborted,
    /// Too much is under way.
    Overloaded,
    /// Not JSON.
    Serialization,
    /// There is no such operation.
    UnknownOperation(String),
    /// Nothing is signed.
    MissingAuthentication,
    /// The signature's header is not whole.
    Incomplete(String),
    /// The signature, its date or its scope is not right.
    Signature(String),
    /// The access key id or the session token is unknown.
    UnknownKey,
    /// The session is over.
    ExpiredToken,
    /// No random bytes: no answer can have an id.
    Internal,
}

impl Refusal {
    /// Whether the request was refused before it was known whose it is.
    pub(crate) const fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::MissingAuthentication
                | Self::Incomplete(_)
                | Self::Signature(_)
                | Self::UnknownKey
                | Self::ExpiredToken
        )
    }

    /// A short, constant name for the log.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NotAnApi => "not-an-api",
            Self::TooLarge => "too-large",
            Self::TimedOut => "timed-out",
            Self::Aborted => "aborted",
            Self::Overloaded => "overloaded",
            Self::Serialization => "not-json",
            Self::UnknownOperation(_) => "unknown-operation",
            Self::MissingAuthentication => "missing-authentication",
            Self::Incomplete(_) => "incomplete-signature",
            Self::Signature(_) => "invalid-signature",
            Self::UnknownKey => "unknown-access-key-or-token",
            Self::ExpiredToken => "expired-token",
            Self::Internal => "internal",
        }
    }

    /// HTTP status, name and message with the JSON protocols.
    pub(crate) fn in_json(&self) -> (u16, &'static str, Option<&str>) {
        let named = |name: ErrorName, message| (name.status(), name.as_str(), message);
        match self {
            Self::NotAnApi => (404, "UnknownOperationException", None),
            Self::TooLarge => (413, "RequestEntityTooLargeException", Some(TOO_LARGE)),
            Self::TimedOut | Self::Aborted => (408, "RequestTimeoutException", Some(TIMED_OUT)),
            Self::Overloaded => named(ErrorName::ServiceUnavailable, Some(OVERLOADED)),
            Self::Serialization => named(ErrorName::SerializationException, None),
            Self::UnknownOperation(_) => named(ErrorName::UnknownOperationException, None),
            Self::MissingAuthentication => {
                named(ErrorName::MissingAuthenticationTokenException, Some(MISSING))
            }
            Self::Incomplete(text) => named(ErrorName::IncompleteSignatureException, Some(text)),
            Self::Signature(text) => named(ErrorName::InvalidSignatureException, Some(text)),
            Self::UnknownKey => named(ErrorName::UnrecognizedClientException, Some(UNKNOWN)),
            Self::ExpiredToken => named(ErrorName::ExpiredTokenException, Some(EXPIRED)),
            Self::Internal => named(ErrorName::InternalFailure, Some(INTERNAL)),
        }
    }

    /// HTTP status, code and message with the Query protocol.
    pub(crate) fn in_query(&self) -> (u16, &'static str, &str) {
        match self {
            Self::NotAnApi => (404, "InvalidAction", "The request is not one of this API"),
            Self::TooLarge => (413, "RequestEntityTooLarge", TOO_LARGE),
            Self::TimedOut | Self::Aborted => (408, "RequestTimeout", TIMED_OUT),
            Self::Overloaded => (503, "ServiceUnavailable", OVERLOADED),
            Self::Serialization => (400, "MalformedQueryString", "The query string is malformed"),
            Self::UnknownOperation(text) => (400, "InvalidAction", text),
            Self::MissingAuthentication => (403, "MissingAuthenticationToken", MISSING),
            Self::Incomplete(text) => (400, "IncompleteSignature", text),
            Self::Signature(text) => (403, "SignatureDoesNotMatch", text),
            Self::UnknownKey => (403, "InvalidClientTokenId", UNKNOWN),
            Self::ExpiredToken => (403, "ExpiredToken", EXPIRED),
            Self::Internal => (500, "InternalFailure", INTERNAL),
        }
    }

    /// The body with the JSON protocols.
    pub(crate) fn json_body(&self) -> Vec<u8> {
        if *self == Self::NotAnApi {
            return b"<UnknownOperationException/>\n".to_vec();
        }
        let (_, name, message) = self.in_json();
        match (name.parse(), message) {
            (Ok(name), Some(message)) => KmsError::new(name, message.to_owned()).to_json(),
            (Ok(name), None) => KmsError::bare(name).to_json(),
            (Err(_), message) => json_error(name, message.unwrap_or_default()),
        }
    }
}

/// An error that is not one of AWS KMS's.
pub(crate) fn json_error(name: &str, message: &str) -> Vec<u8> {
    serde_json::json!({"__type": name, "message": message})
        .to_string()
        .into_bytes()
}

const TOO_LARGE: &str = "The request is larger than this endpoint takes";
const TIMED_OUT: &str = "The request did not arrive in time";
const OVERLOADED: &str = "Too many requests are under way; try again later";
const MISSING: &str = "Missing Authentication Token";
const UNKNOWN: &str = "The security token included in the request is invalid.";
const EXPIRED: &str = "The security token included in the request is expired";
const INTERNAL: &str = "The request failed because of an internal error";
