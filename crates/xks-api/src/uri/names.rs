//! Path prefixes, external key ids and server names: checked texts.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use ambient::{Random, RandomUnavailable};

use super::{BASE_PATH, MAX_URI_PATH_CHARS, SCHEME};
use crate::credential::{BASE32_LOWER, random_base32};

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

pub(super) fn check_prefix(text: &str) -> Result<(), InvalidUriPathPrefix> {
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

pub(super) fn check_external_key_id(text: &str) -> Result<(), InvalidExternalKeyId> {
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
