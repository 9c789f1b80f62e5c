//! Errors on the wire: a stable code, what happened, what to do next.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use warden::{KeyManagerError, ManageError};

/// The stable codes. Scripts may rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// What was sent does not follow the grammar.
    Invalid,
    /// The caller's uid is mapped to no actor.
    UnknownActor,
    /// The actor's role does not allow it.
    NotPermitted,
    /// There is no such thing.
    NotFound,
    /// There is one already.
    Exists,
    /// It cannot be done in the present state.
    Conflict,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body is longer than 256 KiB.
    TooLarge,
    /// The store, the log or a key manager does not work.
    Unavailable,
    /// The root keys are not there; only the status is.
    Sealed,
    /// A fault of ours.
    Internal,
}

impl ErrorCode {
    /// As in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::UnknownActor => "unknown-actor",
            Self::NotPermitted => "not-permitted",
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::TooLarge => "too-large",
            Self::Unavailable => "unavailable",
            Self::Sealed => "sealed",
            Self::Internal => "internal",
        }
    }

    /// The status that goes with it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::UnknownActor | Self::NotPermitted => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Exists | Self::Conflict => StatusCode::CONFLICT,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable | Self::Sealed => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The code.
    pub error: String,
    /// What happened, for people.
    pub message: String,
    /// What to do next, if there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl ErrorBody {
    /// An error that arose on the caller's own side.
    pub fn local(error: &str, message: String) -> Self {
        Self {
            error: error.to_owned(),
            message,
            next: None,
        }
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(f, "; {next}"),
            None => Ok(()),
        }
    }
}

/// Why a call was not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    message: String,
    next: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            next: None,
        }
    }

    pub(crate) fn invalid(error: &impl fmt::Display) -> Self {
        Self::new(ErrorCode::Invalid, error.to_string())
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) fn into_body(self) -> ErrorBody {
        ErrorBody {
            error: self.code.as_str().to_owned(),
            message: self.message,
            next: self.next,
        }
    }
}

impl From<ManageError> for Refusal {
    fn from(error: ManageError) -> Self {
        let message = error.to_string();
        let (code, next) = match &error {
            ManageError::NotPermitted { .. } => (
                ErrorCode::NotPermitted,
                Some("ask an actor whose role includes it, or have the role changed in the configuration"),
            ),
            ManageError::NotFound { what, .. } => (ErrorCode::NotFound, listing(what)),
            ManageError::Ambiguous { .. } => (ErrorCode::Conflict, listing("key")),
            ManageError::Exists { .. } => (ErrorCode::Exists, Some("choose another name")),
            ManageError::Invalid(_) => (ErrorCode::Invalid, None),
            ManageError::State(_) => (ErrorCode::Conflict, None),
            ManageError::Log(_) => (
                ErrorCode::Unavailable,
                Some("look at the log's state with `strongroom status`, and at the disk that it lies on"),
            ),
            ManageError::OutcomeUnrecorded(_) => (
                ErrorCode::Unavailable,
                Some(
                    "look whether it was done before you repeat it; `strongroom status` shows the log's state",
                ),
            ),
            ManageError::Store(_) => (
                ErrorCode::Unavailable,
                Some("look at the disk that the store lies on, then try again"),
            ),
            ManageError::NotInForce(_) => (
                ErrorCode::Unavailable,
                Some("repeat it at once; look at the disk that the store lies on"),
            ),
            ManageError::KeyManager(error) => of_key_manager(error),
            ManageError::Refused(_) => (
                ErrorCode::Conflict,
                Some("look at the alarms of `strongroom status`, and restore the row from a backup"),
            ),
            ManageError::RootInUse { .. } => (
                ErrorCode::Conflict,
                Some(
                    "look at `strongroom root list` until nothing needs it; rows named in the alarms of \
                     `strongroom status` are to be restored from a backup first",
                ),
            ),
            ManageError::Seal(_) => (
                ErrorCode::Unavailable,
                Some(
                    "look at the HSM, or at the seal key file and its directory, which the server must be able to \
                     write",
                ),
            ),
            ManageError::SealNotInPlace(_) => (
                ErrorCode::Unavailable,
                Some(
                    "back up the new seal key file now; after its directory can be written, the next start puts \
                     it in its place",
                ),
            ),
            ManageError::Stopping => (ErrorCode::Unavailable, Some("try again when it has started")),
        };
        let refusal = Self::new(code, message);
        match next {
            Some(next) => refusal.next(next),
            None => refusal,
        }
    }
}

fn of_key_manager(error: &KeyManagerError) -> (ErrorCode, Option<&'static str>) {
    match error {
        // Their texts say what to change.
        KeyManagerError::NotSuitable(_) | KeyManagerError::Unsupported(_) => (ErrorCode::Conflict, None),
        KeyManagerError::UnknownKey => (ErrorCode::NotFound, listing("key")),
        KeyManagerError::KeyExists => (ErrorCode::Exists, None),
        KeyManagerError::KeyRefused(_) => (
            ErrorCode::Conflict,
            Some("look at the alarms of `strongroom status`, and restore the row from a backup"),
        ),
        _ => (
            ErrorCode::Unavailable,
            Some("look at the key managers with `strongroom status`, then try again"),
        ),
    }
}

/// How to see what there is.
fn listing(what: &str) -> Option<&'static str> {
    match what {
        "root key" => Some("`strongroom root list` shows the root keys"),
        "key" => Some("`strongroom key list` shows the keys"),
        "key manager" => Some(
            "`strongroom hsm list` and `strongroom vhsm list` show the key managers; the key manager of an [[hsm]] is \
             made by `strongroom hsm create NAME`",
        ),
        "key store" => Some("`strongroom key-store list` shows the key stores"),
        "credential" => Some("`strongroom credential list KEY_STORE` shows the credentials"),
        "external key" => Some("`strongroom key-store show KEY_STORE` shows its external keys"),
        _ => None,
    }
}
