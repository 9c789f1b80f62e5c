//! URI paths, path prefixes, external key ids and server names (XKS specification, "API
//! operations").
//!
//! Everything works on the path exactly as it was received: nothing is decoded or normalised, so
//! that what is looked up is what was signed.

use std::fmt;

mod names;

pub use names::{
    ExternalKeyId, InvalidExternalKeyId, InvalidServerName, InvalidUriPathPrefix, ServerName, UriPathPrefix,
};
use names::{check_external_key_id, check_prefix};

/// The most characters of `XksProxyUriPath`, which is path prefix and [`BASE_PATH`] (XKS-URI-01).
pub const MAX_URI_PATH_CHARS: usize = 128;
/// The most characters of a whole URI, `https://` and server included (XKS-URI-03).
pub const MAX_URI_CHARS: usize = 256;
/// What follows the path prefix in every URI of version 1.
pub const BASE_PATH: &str = "/kms/xks/v1";

const SCHEME: &str = "https://";

/// The four operations of version 1 (XKS-GEN-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Type, usage and status of an external key.
    GetKeyMetadata,
    /// AES-GCM encryption.
    Encrypt,
    /// AES-GCM decryption.
    Decrypt,
    /// Whether encryption and decryption would work now.
    GetHealthStatus,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::GetKeyMetadata,
        Self::Encrypt,
        Self::Decrypt,
        Self::GetHealthStatus,
    ];

    /// The specification's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetKeyMetadata => "GetKeyMetadata",
            Self::Encrypt => "Encrypt",
            Self::Decrypt => "Decrypt",
            Self::GetHealthStatus => "GetHealthStatus",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An operation on an external key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOperation {
    /// `…/metadata`
    GetKeyMetadata,
    /// `…/encrypt`
    Encrypt,
    /// `…/decrypt`
    Decrypt,
}

impl KeyOperation {
    /// The last segment of the path.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::GetKeyMetadata => "metadata",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }

    fn from_segment(segment: &str) -> Option<Self> {
        [Self::GetKeyMetadata, Self::Encrypt, Self::Decrypt]
            .into_iter()
            .find(|operation| operation.segment() == segment)
    }
}

impl From<KeyOperation> for Operation {
    fn from(operation: KeyOperation) -> Self {
        match operation {
            KeyOperation::GetKeyMetadata => Self::GetKeyMetadata,
            KeyOperation::Encrypt => Self::Encrypt,
            KeyOperation::Decrypt => Self::Decrypt,
        }
    }
}

/// What a path names: the key store by its prefix, and the resource in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'r> {
    /// What stands before `/kms/xks/v1`; possibly empty. Follows the grammar of [`UriPathPrefix`].
    pub prefix: &'r str,
    /// What stands after it.
    pub resource: Resource<'r>,
}

/// The resource within a key store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'r> {
    /// `/health`
    Health,
    /// `/keys/<externalKeyId>/<operation>`
    Key {
        /// Follows the grammar of [`ExternalKeyId`].
        external_key_id: &'r str,
        /// The operation.
        operation: KeyOperation,
    },
}

impl Target<'_> {
    /// The operation.
    pub fn operation(&self) -> Operation {
        match self.resource {
            Resource::Health => Operation::GetHealthStatus,
            Resource::Key { operation, .. } => operation.into(),
        }
    }
}

/// The path; [`parse_path`] reads it back.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resource {
            Resource::Health => write!(f, "{}{BASE_PATH}/health", self.prefix),
            Resource::Key {
                external_key_id,
                operation,
            } => {
                write!(
                    f,
                    "{}{BASE_PATH}/keys/{external_key_id}/{}",
                    self.prefix,
                    operation.segment()
                )
            }
        }
    }
}

/// A path that is none of this API: `InvalidUriPathException` (404).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URI path is not one of the XKS Proxy API")]
pub struct InvalidUriPath;

/// Reads a path exactly as it was received: without decoding (`%2e` is no dot), without normalising
/// (`//`, `/./`, a trailing slash), and without a query.
pub fn parse_path(raw: &str) -> Result<Target<'_>, InvalidUriPath> {
    // A server name takes at least one of the characters; the exact check is `uri_is_too_long`.
    if uri_is_too_long("x", raw) {
        return Err(InvalidUriPath);
    }
    let (head, last) = raw.rsplit_once('/').ok_or(InvalidUriPath)?;
    let (base, resource) = if last == "health" {
        (head, Resource::Health)
    } else {
        let operation = KeyOperation::from_segment(last).ok_or(InvalidUriPath)?;
        let (keys, external_key_id) = head.rsplit_once('/').ok_or(InvalidUriPath)?;
        check_external_key_id(external_key_id).map_err(|_| InvalidUriPath)?;
        let base = keys.strip_suffix("/keys").ok_or(InvalidUriPath)?;
        (
            base,
            Resource::Key {
                external_key_id,
                operation,
            },
        )
    };
    let prefix = base.strip_suffix(BASE_PATH).ok_or(InvalidUriPath)?;
    check_prefix(prefix).map_err(|_| InvalidUriPath)?;
    Ok(Target { prefix, resource })
}

/// Whether `https://<authority><path>` has more than 256 characters (XKS-URI-03). The authority is
/// the server's name, with the port if the URI names one.
pub const fn uri_is_too_long(authority: &str, path: &str) -> bool {
    SCHEME.len() + authority.len() + path.len() > MAX_URI_CHARS
}

#[cfg(test)]
mod tests;
