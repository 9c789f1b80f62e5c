//! The twelve errors of the API, their HTTP statuses and their JSON body (XKS specification,
//! "Error codes").

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::json::{self, Value};
use crate::uri::Operation;
use crate::wire::{self, Text};

/// What went wrong, in the specification's words. KMS chooses its own exception from this name
/// alone (XKS-ERR-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorName {
    /// An input parameter is invalid or missing.
    ValidationException,
    /// The external key or the key store is disabled, deactivated or blocked.
    InvalidStateException,
    /// Ciphertext, IV, AAD or tag is corrupt or otherwise wrong.
    InvalidCiphertextException,
    /// The key does not support the operation.
    InvalidKeyUsageException,
    /// The SigV4 signature is invalid, for whatever reason.
    AuthenticationFailedException,
    /// Secondary authorization denies the operation.
    AccessDeniedException,
    /// There is no such external key.
    KeyNotFoundException,
    /// The URI path is not one of this proxy's.
    InvalidUriPathException,
    /// Overload, or a quota is used up.
    ThrottlingException,
    /// A fault of the proxy or of the key manager.
    InternalException,
    /// The operation is not implemented, or a value is larger than this proxy's own limit.
    UnsupportedOperationException,
    /// Something that the proxy depends on did not answer in time.
    DependencyTimeoutException,
}

impl ErrorName {
    /// All of them, in the order of their HTTP statuses.
    pub const ALL: [Self; 12] = [
        Self::ValidationException,
        Self::InvalidStateException,
        Self::InvalidCiphertextException,
        Self::InvalidKeyUsageException,
        Self::AuthenticationFailedException,
        Self::AccessDeniedException,
        Self::KeyNotFoundException,
        Self::InvalidUriPathException,
        Self::ThrottlingException,
        Self::InternalException,
        Self::UnsupportedOperationException,
        Self::DependencyTimeoutException,
    ];

    /// The name as it stands in `errorName`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationException => "ValidationException",
            Self::InvalidStateException => "InvalidStateException",
            Self::InvalidCiphertextException => "InvalidCiphertextException",
            Self::InvalidKeyUsageException => "InvalidKeyUsageException",
            Self::AuthenticationFailedException => "AuthenticationFailedException",
            Self::AccessDeniedException => "AccessDeniedException",
            Self::KeyNotFoundException => "KeyNotFoundException",
            Self::InvalidUriPathException => "InvalidUriPathException",
            Self::ThrottlingException => "ThrottlingException",
            Self::InternalException => "InternalException",
            Self::UnsupportedOperationException => "UnsupportedOperationException",
            Self::DependencyTimeoutException => "DependencyTimeoutException",
        }
    }

    /// The HTTP status that goes with the name.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::ValidationException
            | Self::InvalidStateException
            | Self::InvalidCiphertextException
            | Self::InvalidKeyUsageException => 400,
            Self::AuthenticationFailedException => 401,
            Self::AccessDeniedException => 403,
            Self::KeyNotFoundException | Self::InvalidUriPathException => 404,
            Self::ThrottlingException => 429,
            Self::InternalException => 500,
            Self::UnsupportedOperationException => 501,
            Self::DependencyTimeoutException => 503,
        }
    }

    /// Whether the specification lets this operation answer so.
    ///
    /// One deviation: its table excludes `ValidationException` for GetHealthStatus, while AWS's own
    /// test client expects just that for a malformed health request. We follow the client.
    pub const fn applies_to(self, operation: Operation) -> bool {
        match self {
            Self::InvalidCiphertextException => matches!(operation, Operation::Decrypt),
            Self::InvalidKeyUsageException => matches!(operation, Operation::Encrypt | Operation::Decrypt),
            Self::AccessDeniedException | Self::KeyNotFoundException => {
                !matches!(operation, Operation::GetHealthStatus)
            }
            Self::ValidationException
            | Self::InvalidStateException
            | Self::AuthenticationFailedException
            | Self::InvalidUriPathException
            | Self::ThrottlingException
            | Self::InternalException
            | Self::UnsupportedOperationException
            | Self::DependencyTimeoutException => true,
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not one of the twelve names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an error name of the XKS Proxy API")]
pub struct UnknownErrorName;

impl FromStr for ErrorName {
    type Err = UnknownErrorName;

    fn from_str(text: &str) -> Result<Self, UnknownErrorName> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or(UnknownErrorName)
    }
}

/// The text of an `errorMessage`: fewer than 512 characters, all printable ASCII (XKS-ERR-01).
/// It must also say nothing of the input; that is up to whoever writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage(Cow<'static, str>);

/// A text that may not be an `errorMessage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an error message has fewer than 512 characters, all between 0x20 and 0x7e")]
pub struct InvalidErrorMessage;

impl ErrorMessage {
    /// The longest message, in characters.
    pub const MAX_CHARS: usize = 511;

    /// A text made at run time, checked.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidErrorMessage> {
        let text = text.into();
        if is_allowed(text.as_bytes()) {
            Ok(Self(text))
        } else {
            Err(InvalidErrorMessage)
        }
    }

    /// A constant text, checked by the compiler: use it through
    /// [`error_message!`](crate::error_message), which always evaluates it at compile time.
    pub const fn literal(text: &'static str) -> Self {
        assert!(
            is_allowed(text.as_bytes()),
            "an error message has fewer than 512 characters, all between 0x20 and 0x7e"
        );
        Self(Cow::Borrowed(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn is_allowed(text: &[u8]) -> bool {
    if text.len() > ErrorMessage::MAX_CHARS {
        return false;
    }
    let mut rest = text;
    while let [first, others @ ..] = rest {
        if !matches!(*first, 0x20..=0x7e) {
            return false;
        }
        rest = others;
    }
    true
}

/// A constant [`ErrorMessage`](crate::ErrorMessage); a text that may not be one does not compile.
#[macro_export]
macro_rules! error_message {
    ($text:expr) => {
        const { $crate::error::ErrorMessage::literal($text) }
    };
}

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XksError {
    /// The name, which decides the HTTP status and what KMS makes of it.
    pub name: ErrorName,
    /// A hint for people; KMS puts it into the CloudWatch logs of the calling account.
    pub message: Option<ErrorMessage>,
}

impl XksError {
    /// An error with a message.
    pub const fn new(name: ErrorName, message: ErrorMessage) -> Self {
        Self {
            name,
            message: Some(message),
        }
    }

    pub(crate) const fn validation(message: ErrorMessage) -> Self {
        Self::new(ErrorName::ValidationException, message)
    }

    /// The HTTP status to send.
    pub const fn http_status(&self) -> u16 {
        self.name.http_status()
    }

    /// The response body.
    pub fn to_json(&self) -> Vec<u8> {
        json::object(&[
            Some(("errorName", Value::Text(self.name.as_str()))),
            self.message
                .as_ref()
                .map(|message| ("errorMessage", Value::Text(message.as_str()))),
        ])
    }

    /// Reads the body of somebody's error response. A message that breaks the rules for messages is
    /// dropped, for the name is what counts; no known name is a malformed response (XKS-ERR-03).
    pub fn parse(body: &[u8]) -> Result<Self, wire::MalformedResponse> {
        let body: ErrorBody<'_> = wire::response(body)?;
        let name = body.error_name.ok_or(wire::MalformedResponse)?;
        Ok(Self {
            name: name.as_str().parse().map_err(|_| wire::MalformedResponse)?,
            message: body
                .error_message
                .and_then(|text| ErrorMessage::new(text.as_str().to_owned()).ok()),
        })
    }
}

impl fmt::Display for XksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl std::error::Error for XksError {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    #[serde(borrow, default, deserialize_with = "wire::present")]
    error_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    error_message: Option<Text<'a>>,
}

#[cfg(test)]
mod tests;
