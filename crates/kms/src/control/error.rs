//! Refusals on the control socket: a stable code, what happened, what to do next.

use http::StatusCode;
use listener::BodyError;
use serde::Serialize;

/// The stable codes. Scripts may rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// What was sent makes no sense.
    Invalid,
    /// The caller is neither the endpoint's user nor root.
    NotPermitted,
    /// There is no such thing.
    NotFound,
    /// A fault of ours.
    Internal,
}

impl Code {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotPermitted => "not-permitted",
            Self::NotFound => "not-found",
            Self::Internal => "internal",
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotPermitted => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Why a call was not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: Code,
    message: String,
    next: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            next: None,
        }
    }

    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(super) fn into_json(self) -> Vec<u8> {
        let body = Body {
            error: self.code.as_str(),
            message: &self.message,
            next: self.next.as_deref(),
        };
        // Texts always serialise.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::new(Code::Invalid, error.to_string())
    }
}
