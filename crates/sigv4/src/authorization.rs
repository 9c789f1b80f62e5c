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
        header_names(self.signed_headers)
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
    let (credential, rest) = split_at_byte(text.strip_prefix("Credential=")?, b',')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let (signed_headers, rest) = split_at_byte(rest.strip_prefix("SignedHeaders=")?, b',')?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    Some((credential, signed_headers, rest.strip_prefix("Signature=")?))
}

/// What stands before and after the first such byte, which is ASCII. On texts as short as these a
/// plain loop is several times faster than the general search for a pattern.
fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|found| found == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn parse_credential(text: &str) -> Option<(&str, Scope<'_>)> {
    let (access_key_id, rest) = split_at_byte(text, b'/')?;
    let (date, rest) = split_at_byte(rest, b'/')?;
    let (region, rest) = split_at_byte(rest, b'/')?;
    let (service, terminator) = split_at_byte(rest, b'/')?;
    let date: [u8; 8] = date.as_bytes().try_into().ok()?;
    if !is_access_key_id(access_key_id)
        || !date.iter().all(u8::is_ascii_digit)
        || !is_region(region)
        || !is_service(service)
        || terminator != TERMINATOR
    {
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

/// Names between semicolons, as `str::split` gives them.
pub(crate) fn header_names(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (name, behind) =
            split_at_byte(text, b';').map_or((text, None), |(name, rest)| (name, Some(rest)));
        rest = behind;
        Some(name)
    })
}

/// Lower-case names, strictly ascending, within the limits. `authorization` cannot sign itself.
fn are_header_names(text: &str) -> bool {
    let mut previous = "";
    let mut count = 0;
    header_names(text).all(|name| {
        let ascends = name > previous;
        previous = name;
        count += 1;
        ascends && count <= limits::SIGNED_HEADERS && is_header_name(name) && name != "authorization"
    })
}

/// Which bytes may stand in a token of RFC 9110 section 5.6.2 in lower case.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let allowed = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    let mut at = 0;
    while at < allowed.len() {
        token[allowed[at] as usize] = true;
        at += 1;
    }
    token
};

fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| TOKEN.get(usize::from(byte)).copied().unwrap_or_default();
    (1..=limits::HEADER_NAME_LEN).contains(&name.len()) && name.bytes().all(token)
}

/// 64 hexadecimal digits in lower case. Without an early exit, so that the compiler looks at 16
/// digits at a time.
fn parse_signature(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() | matches!(byte, b'a'..=b'f');
    if !digits.iter().fold(true, |all, byte| all & hexadecimal(*byte)) {
        return None;
    }
    // The low half of a letter counts from 1, and only letters have the bit 0x40.
    let nibble = |digit: u8| (digit & 0x0f) + 9 * (digit >> 6);
    let mut signature = [0; 32];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in signature.iter_mut().zip(pairs) {
        *byte = nibble(*high) << 4 | nibble(*low);
    }
    Some(signature)
}

#[cfg(test)]
mod tests;
