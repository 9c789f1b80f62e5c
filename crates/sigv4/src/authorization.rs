//! The `Authorization` header.

use std::str;

use crate::limits;

/// The name of the algorithm; also the first line of the string to sign.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last part of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";

/// What an `Authorization` header claims; nothing of it is verified.
///
/// ```text
/// AWS4-HMAC-SHA256 Credential=<id>/<yyyymmdd>/<region>/<service>/aws4_request,
///     SignedHeaders=<name;name>, Signature=<64 lower-case hex digits>
/// ```
///
/// Strict: one space after the algorithm, the three parts in this order, at most one space after
/// each comma, names sorted, unique and in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization<'h> {
    access_key_id: &'h str,
    scope: Scope<'h>,
    signed_headers: &'h str,
    signature: [u8; 32],
}

/// Where and when a signing key is good: `<date>/<region>/<service>/aws4_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'s> {
    /// `YYYYMMDD`, UTC.
    pub date: [u8; 8],
    /// The AWS Region, e.g. `eu-central-1`.
    pub region: &'s str,
    /// The service, e.g. `kms-xks-proxy`.
    pub service: &'s str,
}

/// What is wrong with an `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAuthorization {
    /// Longer than [`limits::AUTHORIZATION_LEN`], or not ASCII.
    #[error("too long or not ASCII")]
    Text,
    /// Not `AWS4-HMAC-SHA256` and one space.
    #[error("another algorithm")]
    Algorithm,
    /// Not exactly the three parts in order.
    #[error("not Credential, SignedHeaders and Signature")]
    Parts,
    /// Not `id/date/region/service/aws4_request`, each within its limit and alphabet.
    #[error("the credential scope is malformed")]
    Credential,
    /// Not sorted, unique, lower-case header names, or too many.
    #[error("SignedHeaders is malformed")]
    SignedHeaders,
    /// Not exactly 64 lower-case hexadecimal digits.
    #[error("the signature is not 64 lower-case hexadecimal digits")]
    Signature,
}

impl<'h> Authorization<'h> {
    /// Parses the value of an `Authorization` header. Takes any bytes, allocates nothing.
    pub fn parse(header: &'h [u8]) -> Result<Self, MalformedAuthorization> {
        if header.len() > limits::AUTHORIZATION_LEN || !header.is_ascii() {
            return Err(MalformedAuthorization::Text);
        }
        let text = str::from_utf8(header).map_err(|_| MalformedAuthorization::Text)?;
        let rest = text
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(MalformedAuthorization::Algorithm)?;
        let (credential, signed_headers, signature) = parts(rest).ok_or(MalformedAuthorization::Parts)?;
        let (access_key_id, scope) =
            parse_credential(credential).ok_or(MalformedAuthorization::Credential)?;
        if !are_header_names(signed_headers) {
            return Err(MalformedAuthorization::SignedHeaders);
        }
        Ok(Self {
            access_key_id,
            scope,
            signed_headers,
            signature: parse_signature(signature).ok_or(MalformedAuthorization::Signature)?,
        })
    }

    /// Who claims to have signed.
    pub fn access_key_id(&self) -> &'h str {
        self.access_key_id
    }

    /// The credential scope.
    pub fn scope(&self) -> Scope<'h> {
        self.scope
    }

    /// The names in `SignedHeaders`: lower case, sorted, unique.
    pub fn signed_headers(&self) -> impl Iterator<Item = &'h str> {
        self.signed_headers.split(';')
    }

    /// Whether `name` (in lower case) is listed in `SignedHeaders`.
    pub fn signs(&self, name: &str) -> bool {
        self.signed_headers().any(|signed| signed == name)
    }

    /// `SignedHeaders` as it stands.
    pub(crate) fn signed_headers_text(&self) -> &'h str {
        self.signed_headers
    }

    /// The claimed signature.
    pub fn signature(&self) -> &[u8; 32] {
        &self.signature
    }
}

/// The values of `Credential`, `SignedHeaders` and `Signature`.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (credential, rest) = text.strip_prefix("Credential=")?.split_once(',')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let (signed_headers, rest) = rest.strip_prefix("SignedHeaders=")?.split_once(',')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Some((credential, signed_headers, rest.strip_prefix("Signature=")?))
}

fn parse_credential(text: &str) -> Option<(&str, Scope<'_>)> {
    let mut parts = text.split('/');
    let access_key_id = parts.next().filter(|id| is_access_key_id(id))?;
    let date = parts.next()?.as_bytes();
    let region = parts.next().filter(|region| is_region(region))?;
    let service = parts.next().filter(|service| is_service(service))?;
    let terminator = parts.next()?;
    let date: [u8; 8] = date.try_into().ok()?;
    if !date.iter().all(u8::is_ascii_digit) || terminator != TERMINATOR || parts.next().is_some() {
        return None;
    }
    let scope = Scope {
        date,
        region,
        service,
    };
    Some((access_key_id, scope))
}

/// IAM's grammar (`\w`), which contains that of XKS (XKS-CRED-02).
pub(crate) fn is_access_key_id(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=limits::ACCESS_KEY_ID_LEN).contains(&text.len()) && text.bytes().all(word)
}

pub(crate) fn is_region(text: &str) -> bool {
    (1..=limits::REGION_LEN).contains(&text.len()) && text.bytes().all(is_scope_byte)
}

pub(crate) fn is_service(text: &str) -> bool {
    (1..=limits::SERVICE_LEN).contains(&text.len()) && text.bytes().all(is_scope_byte)
}

fn is_scope_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Lower-case names, strictly ascending, within the limits. `authorization` cannot sign itself.
fn are_header_names(text: &str) -> bool {
    let mut previous = "";
    let mut count = 0;
    text.split(';').all(|name| {
        let ascends = name > previous;
        previous = name;
        count += 1;
        ascends && count <= limits::SIGNED_HEADERS && is_header_name(name) && name != "authorization"
    })
}

/// A token of RFC 9110 section 5.6.2 in lower case.
fn is_header_name(name: &str) -> bool {
    let token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=limits::HEADER_NAME_LEN).contains(&name.len()) && name.bytes().all(token)
}

fn parse_signature(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let mut signature = [0; 32];
    for (byte, [high, low]) in signature.iter_mut().zip(pairs) {
        *byte = u8::try_from(nibble(*high)? << 4 | nibble(*low)?).ok()?;
    }
    Some(signature)
}

#[cfg(test)]
mod tests;
