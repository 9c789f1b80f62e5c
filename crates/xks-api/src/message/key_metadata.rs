//! GetKeyMetadata.

use std::borrow::Cow;

use serde::Deserialize;

use super::MalformedResponse;
use crate::error::XksError;
use crate::json::{self, Value};
use crate::metadata::{RawMetadata, RequestMetadata};
use crate::uri::Operation;
use crate::wire;

/// The only `keySpec` of version 1 (XKS-META-02).
const KEY_SPEC: &str = "AES_256";

/// A request for the metadata of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetKeyMetadataRequest<'a> {
    /// What KMS reports.
    pub metadata: RequestMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataOnly<'a> {
    #[serde(borrow, default, deserialize_with = "wire::object")]
    pub(super) request_metadata: Option<RawMetadata<'a>>,
}

impl<'a> GetKeyMetadataRequest<'a> {
    /// Reads a request body. Errors as in the table of [`message`](super).
    pub fn parse(body: &'a [u8]) -> Result<Self, XksError> {
        let raw: MetadataOnly<'a> = wire::request(body)?;
        let metadata = RequestMetadata::from_raw(raw.request_metadata, Operation::GetKeyMetadata)?;
        Ok(Self { metadata })
    }

    /// The request body.
    pub fn to_json(&self) -> Vec<u8> {
        json::object(&[Some(("requestMetadata", Value::Object(&self.metadata.members())))])
    }
}

/// What a key may be used for. KMS asks for `ENCRYPT` and `DECRYPT`; the rest may be reported
/// (XKS-META-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyUsage {
    /// `ENCRYPT`
    Encrypt,
    /// `DECRYPT`
    Decrypt,
    /// `SIGN`
    Sign,
    /// `VERIFY`
    Verify,
    /// `WRAP`
    Wrap,
    /// `UNWRAP`
    Unwrap,
    /// `DERIVE`
    Derive,
}

impl KeyUsage {
    /// All of them: fewer than the ten that may be reported (XKS-META-05).
    pub const ALL: [Self; 7] = [
        Self::Encrypt,
        Self::Decrypt,
        Self::Sign,
        Self::Verify,
        Self::Wrap,
        Self::Unwrap,
        Self::Derive,
    ];

    /// The word in `keyUsage` (XKS-META-03).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encrypt => "ENCRYPT",
            Self::Decrypt => "DECRYPT",
            Self::Sign => "SIGN",
            Self::Verify => "VERIFY",
            Self::Wrap => "WRAP",
            Self::Unwrap => "UNWRAP",
            Self::Derive => "DERIVE",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of usages, so never more than seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KeyUsages(u8);

impl KeyUsages {
    /// Whether this usage is in the set.
    pub const fn contains(self, usage: KeyUsage) -> bool {
        self.0 & usage.bit() != 0
    }

    /// The usages, in the order of [`KeyUsage::ALL`].
    pub fn iter(self) -> impl Iterator<Item = KeyUsage> {
        KeyUsage::ALL
            .into_iter()
            .filter(move |usage| self.contains(*usage))
    }
}

impl FromIterator<KeyUsage> for KeyUsages {
    fn from_iter<I: IntoIterator<Item = KeyUsage>>(usages: I) -> Self {
        Self(usages.into_iter().fold(0, |bits, usage| bits | usage.bit()))
    }
}

/// Whether a key may be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// `ENABLED`
    Enabled,
    /// `DISABLED`
    Disabled,
}

impl KeyStatus {
    /// The word in `keyStatus`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
        }
    }
}

/// What the proxy says of a key (XKS-META-01). Its `keySpec` is always `AES_256`: version 1 knows no
/// other (XKS-GEN-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMetadataResponse {
    /// What the key may be used for.
    pub usage: KeyUsages,
    /// Whether it may be used.
    pub status: KeyStatus,
}

impl KeyMetadataResponse {
    /// The response body.
    pub fn to_json(&self) -> Vec<u8> {
        let mut usages = [Value::Text(""); KeyUsage::ALL.len()];
        let count = usages
            .iter_mut()
            .zip(self.usage.iter())
            .map(|(slot, usage)| *slot = Value::Text(usage.as_str()))
            .count();
        json::object(&[
            Some(("keySpec", Value::Text(KEY_SPEC))),
            Some(("keyUsage", Value::Array(usages.get(..count).unwrap_or_default()))),
            Some(("keyStatus", Value::Text(self.status.as_str()))),
        ])
    }
}

/// What somebody's proxy says of a key, for KMS to judge (XKS-META-07): the words are kept, since
/// KMS names them when it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedKeyMetadata {
    /// `keySpec`; KMS accepts `AES_256` alone.
    pub key_spec: String,
    /// `keyUsage`, at most ten; KMS wants `ENCRYPT` and `DECRYPT` among them.
    pub key_usage: Vec<String>,
    /// `keyStatus`: `ENABLED` or `DISABLED`.
    pub key_status: KeyStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseBody<'a> {
    #[serde(borrow)]
    key_spec: Cow<'a, str>,
    #[serde(borrow)]
    key_usage: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    key_status: Cow<'a, str>,
}

impl ReportedKeyMetadata {
    /// The most values in `keyUsage` (XKS-META-05).
    pub const MAX_USAGES: usize = 10;

    /// Reads a response body.
    pub fn parse(body: &[u8]) -> Result<Self, MalformedResponse> {
        let raw: ResponseBody<'_> = wire::response(body)?;
        if raw.key_usage.len() > Self::MAX_USAGES {
            return Err(MalformedResponse);
        }
        let key_status = [KeyStatus::Enabled, KeyStatus::Disabled]
            .into_iter()
            .find(|status| status.as_str() == raw.key_status)
            .ok_or(MalformedResponse)?;
        Ok(Self {
            key_spec: raw.key_spec.into_owned(),
            key_usage: raw.key_usage.into_iter().map(Cow::into_owned).collect(),
            key_status,
        })
    }
}
