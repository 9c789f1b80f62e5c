//! The forms in which a request names a KMS key.

use std::fmt;
use std::str::FromStr;

use super::{AliasArn, AliasName, KeyArn, KeyId};

/// A KMS key as a request names it. A bare id or alias name belongs to the caller's account and to
/// the endpoint's Region; only an ARN reaches another account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyReference {
    /// `1234abcd-12ab-34cd-56ef-1234567890ab`
    KeyId(KeyId),
    /// `arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`
    KeyArn(KeyArn),
    /// `alias/example`
    AliasName(AliasName),
    /// `arn:aws:kms:us-east-1:111122223333:alias/example`
    AliasArn(AliasArn),
}

/// A text that names no key in any form; AWS words the two cases differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedReference {
    /// It begins as an ARN.
    #[error("not a key ARN or alias ARN")]
    Arn,
    /// It does not.
    #[error("not a key id or alias name")]
    Id,
}

impl FromStr for KeyReference {
    type Err = MalformedReference;

    fn from_str(text: &str) -> Result<Self, MalformedReference> {
        if text.starts_with("arn:") {
            let key = text.parse().map(Self::KeyArn);
            return key
                .or_else(|_| text.parse().map(Self::AliasArn))
                .map_err(|_| MalformedReference::Arn);
        }
        let key = text.parse().map(Self::KeyId);
        key.or_else(|_| text.parse().map(Self::AliasName))
            .map_err(|_| MalformedReference::Id)
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyId(id) => id.fmt(f),
            Self::KeyArn(arn) => arn.fmt(f),
            Self::AliasName(name) => name.fmt(f),
            Self::AliasArn(arn) => arn.fmt(f),
        }
    }
}

/// The text of a key identifier in a request: 1 to 2048 characters, not interpreted yet, for a text
/// that names nothing is no constraint violation but `NotFoundException` or `InvalidArnException`,
/// and CloudTrail records it as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestedKey(String);

impl RequestedKey {
    /// Takes over the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it names.
    pub fn reference(&self) -> Result<KeyReference, MalformedReference> {
        self.0.parse()
    }
}

impl fmt::Display for RequestedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
