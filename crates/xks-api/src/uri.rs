//! URI paths, path prefixes, external key ids and server names (XKS specification, "API
//! operations").
//!
//! Everything works on the path exactly as it was received: nothing is decoded or normalised, so
//! that what is looked up is what was signed.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use ambient::{Random, RandomUnavailable};

use crate::credential::{BASE32_LOWER, random_base32};

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

/// What stands before `/kms/xks/v1` in the paths of one key store: empty, or `/` and more.
///
/// With [`BASE_PATH`] at most 128 characters of `a-z A-Z 0-9 / - _` (XKS-URI-01). Ours: no empty
/// segment (`//`, or a slash at the end), for some HTTP clients and load balancers merge slashes and
/// the key store behind would be out of reach for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UriPathPrefix(Box<str>);

/// A text that is no path prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUriPathPrefix {
    /// With `/kms/xks/v1` it would have more than 128 characters.
    #[error("a path prefix has at most 117 characters")]
    TooLong,
    /// It has another character, lacks the leading slash, or has an empty segment.
    #[error("a path prefix is empty or made of segments like `/name`, of a-z A-Z 0-9 - _")]
    Malformed,
}

impl UriPathPrefix {
    /// The most characters.
    pub const MAX_CHARS: usize = MAX_URI_PATH_CHARS - BASE_PATH.len();

    /// A fresh prefix that nobody can guess: one segment with 120 bits of chance.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self(format!("/{}", random_base32(random, BASE32_LOWER)?).into()))
    }

    /// The prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `XksProxyUriPath`, as KMS is told it: the prefix with `/kms/xks/v1`.
    pub fn uri_path(&self) -> String {
        format!("{}{BASE_PATH}", self.0)
    }

    /// The prefix from an `XksProxyUriPath`.
    pub fn from_uri_path(uri_path: &str) -> Result<Self, InvalidUriPathPrefix> {
        uri_path
            .strip_suffix(BASE_PATH)
            .ok_or(InvalidUriPathPrefix::Malformed)?
            .parse()
    }
}

fn check_prefix(text: &str) -> Result<(), InvalidUriPathPrefix> {
    if text.len() > UriPathPrefix::MAX_CHARS {
        return Err(InvalidUriPathPrefix::TooLong);
    }
    let mut after_slash = false;
    for (index, byte) in text.bytes().enumerate() {
        let allowed = match byte {
            b'/' => !after_slash,
            b'-' | b'_' => index > 0,
            _ => byte.is_ascii_alphanumeric() && index > 0,
        };
        if !allowed {
            return Err(InvalidUriPathPrefix::Malformed);
        }
        after_slash = byte == b'/';
    }
    if after_slash {
        Err(InvalidUriPathPrefix::Malformed)
    } else {
        Ok(())
    }
}

/// Names an external key within a key store: 1 to 128 of `A-Z a-z 0-9 - . _` (XKS-URI-04).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalKeyId(Box<str>);

/// A text that is no external key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an external key id has 1 to 128 characters of A-Z a-z 0-9 - . _")]
pub struct InvalidExternalKeyId;

impl ExternalKeyId {
    /// The most characters.
    pub const MAX_CHARS: usize = 128;

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_external_key_id(text: &str) -> Result<(), InvalidExternalKeyId> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if (1..=ExternalKeyId::MAX_CHARS).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(InvalidExternalKeyId)
    }
}

/// The `<server>` of an `XksProxyUriEndpoint`: a fully qualified domain name and no IP address
/// (XKS-URI-02), with `https://` at most 128 characters of `a-z A-Z 0-9 . -` and no port, as KMS's
/// CreateCustomKeyStore takes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerName(Box<str>);

/// A text that is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server name is a fully qualified domain name of at most 120 characters, no IP address, no port")]
pub struct InvalidServerName;

impl ServerName {
    /// The most characters.
    pub const MAX_CHARS: usize = 128 - SCHEME.len();

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `XksProxyUriEndpoint`, as KMS is told it.
    pub fn uri_endpoint(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }
}

fn check_server_name(text: &str) -> Result<(), InvalidServerName> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let (_, top) = text.rsplit_once('.').ok_or(InvalidServerName)?;
    // A top-level domain is never a number, the last part of an IPv4 address always is.
    let is_name = top.bytes().any(|byte| byte.is_ascii_alphabetic());
    if text.len() <= ServerName::MAX_CHARS && is_name && text.split('.').all(label) {
        Ok(())
    } else {
        Err(InvalidServerName)
    }
}

/// Checked texts: parsing, printing, and lookup by `&str`.
macro_rules! checked_text {
    ($type:ident, $error:ident, $check:ident) => {
        impl FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                $check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

checked_text!(UriPathPrefix, InvalidUriPathPrefix, check_prefix);
checked_text!(ExternalKeyId, InvalidExternalKeyId, check_external_key_id);
checked_text!(ServerName, InvalidServerName, check_server_name);

#[cfg(test)]
mod tests;
