//! Why a request was refused.

use std::time::Duration;

use crate::MalformedAuthorization;

/// Why a request was refused: for the operator's log and counters. The wire answer is the same
/// for all of them, so that a caller without a credential learns nothing.
///
/// No variant depends on whether a credential exists, except
/// [`UnknownCredentialOrSignature`](Self::UnknownCredentialOrSignature), which does not say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization` header.
    #[error("the request has no Authorization header")]
    MissingAuthorization,
    /// The `Authorization` header is not one of Signature Version 4.
    #[error("the Authorization header is malformed: {0}")]
    MalformedAuthorization(#[from] MalformedAuthorization),
    /// The query string carries a signature; only the header may.
    #[error("a signature in the query string is not accepted")]
    QueryAuthentication,
    /// A header that must occur once occurs several times.
    #[error("the header {0} occurs more than once")]
    DuplicateHeader(&'static str),
    /// `SignedHeaders` leaves out a header that must be signed.
    #[error("the header {0} is not signed")]
    UnsignedHeader(&'static str),
    /// `SignedHeaders` lists a header that the request does not have.
    #[error("a header listed in SignedHeaders is absent")]
    SignedHeaderAbsent,
    /// `x-amz-date` is absent or not `YYYYMMDD'T'HHMMSS'Z'` (XKS-AUTH-05).
    #[error("x-amz-date is absent or malformed")]
    MalformedDate,
    /// Signed longer ago than the rules allow (XKS-AUTH-07).
    #[error("the request was signed {} s ago", age.as_secs())]
    TooOld {
        /// How long ago.
        age: Duration,
    },
    /// Signed further in the future than the rules allow (XKS-AUTH-07).
    #[error("the request was signed {} s in the future", ahead.as_secs())]
    TooNew {
        /// How far ahead of our clock.
        ahead: Duration,
    },
    /// The credential scope is not that of this date, service or Region.
    #[error("the credential scope has a wrong {0}")]
    WrongScope(ScopePart),
    /// Neither a `Host` header nor `:authority`, or not a host.
    #[error("the host is absent or malformed")]
    MalformedHost,
    /// `Host` and `:authority` differ (RFC 9113 section 8.3.1).
    #[error("Host and :authority differ")]
    HostConflict,
    /// The request is for a host name that is not configured.
    #[error("the host is not a configured name")]
    HostNotConfigured,
    /// The method, path or query string cannot be a canonical request's.
    #[error("the method, path or query string is malformed or too long")]
    MalformedTarget,
    /// `x-amz-content-sha256` is not the SHA-256 of the body.
    #[error("x-amz-content-sha256 is not the SHA-256 of the body")]
    PayloadHashMismatch,
    /// `x-amz-security-token` where the rules allow none, or malformed.
    #[error("x-amz-security-token is not accepted")]
    SessionToken,
    /// The access key id is unknown (here), or the signature is wrong. Which of them is not
    /// said, here or in time.
    #[error("the credential is unknown here or the signature is wrong")]
    UnknownCredentialOrSignature,
}

impl Refusal {
    /// A short, constant name for counters and logs.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MissingAuthorization => "missing-authorization",
            Self::MalformedAuthorization(_) => "malformed-authorization",
            Self::QueryAuthentication => "query-authentication",
            Self::DuplicateHeader(_) => "duplicate-header",
            Self::UnsignedHeader(_) => "unsigned-header",
            Self::SignedHeaderAbsent => "signed-header-absent",
            Self::MalformedDate => "malformed-date",
            Self::TooOld { .. } => "too-old",
            Self::TooNew { .. } => "too-new",
            Self::WrongScope(_) => "wrong-scope",
            Self::MalformedHost => "malformed-host",
            Self::HostConflict => "host-conflict",
            Self::HostNotConfigured => "host-not-configured",
            Self::MalformedTarget => "malformed-target",
            Self::PayloadHashMismatch => "payload-hash-mismatch",
            Self::SessionToken => "session-token",
            Self::UnknownCredentialOrSignature => "unknown-credential-or-signature",
        }
    }
}

/// A part of the credential scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopePart {
    /// Not the date of `x-amz-date`.
    Date,
    /// Not the Region that the rules name.
    Region,
    /// Not the service that the rules name.
    Service,
}

impl std::fmt::Display for ScopePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Date => "date",
            Self::Region => "Region",
            Self::Service => "service",
        })
    }
}
