//! What goes out: one exhaustive map from every refusal and failure to its answer.
//!
//! Public texts are constants and say nothing of the input, of the key or of what happened inside;
//! the detail is in the log line under the same `kmsRequestId`. None of the `match`es has a wildcard
//! arm: who adds a failure decides here what the world sees of it.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use listener::BodyError;
use warden::{Denial, FailureKind};
use xks_api::{ErrorMessage, ErrorName, XksError, error_message};

use crate::metrics::Outcome;

/// Why a request did not get what it asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The body is too large, too slow or broken off.
    Body(BodyError),
    /// The path is none of the API, or of a key store that is not served here.
    Path(&'static str),
    /// An operation's URI, but not `POST`.
    Method,
    /// The secrets are sealed; nobody can be authenticated.
    Sealed,
    /// The client certificate is none that the key store takes.
    CommonName,
    /// The signature is not accepted.
    Signature(sigv4::Refusal),
    /// The signed body cannot be read.
    Request(XksError),
    /// The warden did not use the key, or did not release the answer.
    Warden(FailureKind),
    /// What the key manager reports cannot be said in this API.
    Unsayable(&'static str),
}

impl Refusal {
    /// The answer.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Body(BodyError::TooLarge) => error(
                ErrorName::UnsupportedOperationException,
                error_message!("the request body is larger than this proxy supports"),
            ),
            Self::Body(BodyError::TimedOut | BodyError::Aborted) => Answer::request_timeout(),
            Self::Body(BodyError::Overloaded) => overloaded(),
            Self::Path(_) => error(
                ErrorName::InvalidUriPathException,
                error_message!("the URI path is not one of this proxy's"),
            ),
            Self::Method => Answer::method_not_allowed(),
            Self::Sealed => sealed(),
            Self::CommonName | Self::Signature(_) => error(
                ErrorName::AuthenticationFailedException,
                error_message!("the request could not be authenticated"),
            ),
            Self::Request(refused) => Answer::error(refused),
            Self::Warden(kind) => of_warden(kind),
            Self::Unsayable(_) => internal(),
        }
    }

    /// A constant name for counters and records.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Body(BodyError::TooLarge) => "body-too-large",
            Self::Body(BodyError::TimedOut) => "body-timed-out",
            Self::Body(BodyError::Aborted) => "body-aborted",
            Self::Body(BodyError::Overloaded) => "body-overloaded",
            Self::Path(reason) => reason,
            Self::Method => "method-not-allowed",
            Self::Sealed => "sealed",
            Self::CommonName => "client-common-name",
            Self::Signature(refusal) => refusal.reason(),
            Self::Request(refused) => refused.name.as_str(),
            Self::Warden(kind) => kind.name(),
            Self::Unsayable(_) => "unsayable",
        }
    }

    /// Whether the audit log still has to be told. When a key was used, the warden has recorded the
    /// use with its outcome; what it refused before that, and what we refused, it learns from us.
    pub(crate) const fn is_to_be_recorded(&self) -> bool {
        match self {
            Self::Warden(kind) => match kind {
                FailureKind::UnknownExternalKey
                | FailureKind::KeyDestroyed
                | FailureKind::Denied(_)
                | FailureKind::Overloaded(_)
                | FailureKind::LogStalled
                | FailureKind::LogUnavailable(_)
                | FailureKind::StoreUnavailable
                | FailureKind::RecoveryPending
                | FailureKind::Sealed => true,
                FailureKind::NotAuthentic
                | FailureKind::TooLarge
                | FailureKind::DeadlineMissed(_)
                | FailureKind::KeyManagerBusy(_)
                | FailureKind::KeyExhausted
                | FailureKind::KeyManager(_)
                | FailureKind::TrialDecryption => false,
            },
            Self::Body(_)
            | Self::Path(_)
            | Self::Method
            | Self::Sealed
            | Self::CommonName
            | Self::Signature(_)
            | Self::Request(_)
            | Self::Unsayable(_) => true,
        }
    }

    /// What the log line says of it, for operators.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Signature(refusal) => refusal.to_string(),
            Self::Warden(kind) => kind.to_string(),
            Self::Request(refused) => refused
                .message
                .as_ref()
                .map_or_else(String::new, |message| message.as_str().to_owned()),
            Self::Unsayable(what) => (*what).to_owned(),
            Self::Body(_) | Self::Path(_) | Self::Method | Self::Sealed | Self::CommonName => {
                self.name().to_owned()
            }
        }
    }
}

fn of_warden(kind: &FailureKind) -> Answer {
    match kind {
        FailureKind::UnknownExternalKey | FailureKind::KeyDestroyed => error(
            ErrorName::KeyNotFoundException,
            error_message!("there is no such external key"),
        ),
        FailureKind::Denied(denial) => of_denial(*denial),
        FailureKind::NotAuthentic => error(
            ErrorName::InvalidCiphertextException,
            error_message!("the ciphertext, its metadata, IV, tag or AAD is not what was encrypted"),
        ),
        FailureKind::TooLarge => error(
            ErrorName::UnsupportedOperationException,
            error_message!("the message is larger than the key manager supports"),
        ),
        FailureKind::Overloaded(_) | FailureKind::KeyManagerBusy(_) => overloaded(),
        FailureKind::KeyExhausted => error(
            ErrorName::InvalidStateException,
            error_message!("the external key must be rotated before it encrypts again"),
        ),
        FailureKind::DeadlineMissed(_) => error(
            ErrorName::DependencyTimeoutException,
            error_message!("the key manager or the audit log did not answer in time"),
        ),
        FailureKind::LogStalled => error(
            ErrorName::DependencyTimeoutException,
            error_message!("the audit log is waiting for its disk"),
        ),
        FailureKind::LogUnavailable(_)
        | FailureKind::StoreUnavailable
        | FailureKind::KeyManager(_)
        | FailureKind::TrialDecryption => internal(),
        FailureKind::Sealed => sealed(),
        FailureKind::RecoveryPending => error(
            ErrorName::InvalidStateException,
            error_message!("the proxy was restored from a backup; an administrator has to acknowledge it"),
        ),
    }
}

fn of_denial(denial: Denial) -> Answer {
    match denial {
        Denial::KeyStoreBlocked | Denial::BindingBlocked => blocked(),
        Denial::KeyDisabled => error(
            ErrorName::InvalidStateException,
            error_message!("the external key is disabled"),
        ),
        Denial::KeyPendingDeletion => error(
            ErrorName::InvalidStateException,
            error_message!("the external key is pending deletion"),
        ),
        Denial::Principal | Denial::ForeignKey => error(
            ErrorName::AccessDeniedException,
            error_message!("the policy of the external key does not allow this caller"),
        ),
        Denial::Usage => error(
            ErrorName::InvalidKeyUsageException,
            error_message!("the external key does not support this operation"),
        ),
    }
}

fn sealed() -> Answer {
    error(
        ErrorName::InvalidStateException,
        error_message!("the proxy is sealed; its status says what it waits for"),
    )
}

fn blocked() -> Answer {
    error(
        ErrorName::InvalidStateException,
        error_message!("the external key or its key store is blocked"),
    )
}

fn overloaded() -> Answer {
    error(
        ErrorName::ThrottlingException,
        error_message!("too many requests are under way"),
    )
}

fn internal() -> Answer {
    error(
        ErrorName::InternalException,
        error_message!("the proxy or the key manager failed; see the proxy's log"),
    )
}

fn error(name: ErrorName, message: ErrorMessage) -> Answer {
    Answer::error(&XksError::new(name, message))
}

/// An answer, and how it counts.
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    /// 200 with this JSON document.
    pub(crate) fn success(body: Bytes) -> Self {
        Self {
            outcome: Outcome::Success,
            status: StatusCode::OK,
            body,
        }
    }

    fn error(error: &XksError) -> Self {
        Self {
            outcome: Outcome::Error(error.name),
            // Unwrap safety: the statuses of all twelve names are valid; a test goes through them.
            status: StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body: error.to_json().into(),
        }
    }

    /// The specification has a status for this, but no error name (XKS-GEN-04).
    fn method_not_allowed() -> Self {
        Self {
            outcome: Outcome::MethodNotAllowed,
            status: StatusCode::METHOD_NOT_ALLOWED,
            body: Bytes::from_static(br#"{"errorMessage":"this URI takes POST only"}"#),
        }
    }

    /// The specification knows no such case: whoever sends so slowly is not KMS, which has given up.
    fn request_timeout() -> Self {
        Self {
            outcome: Outcome::RequestTimeout,
            status: StatusCode::REQUEST_TIMEOUT,
            body: Bytes::from_static(br#"{"errorMessage":"the request body did not arrive in time"}"#),
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The HTTP response. Never to be cached: it may hold a plaintext.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(xks_api::CONTENT_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.outcome == Outcome::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
