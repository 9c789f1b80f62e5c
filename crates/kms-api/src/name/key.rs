//! Key ids and key ARNs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ambient::{Random, RandomUnavailable};

use super::{AccountId, Malformed, Region, split_arn};

/// A KMS key's id: a UUID in small letters, or `mrk-` and 32 hexadecimal digits (multi-Region
/// keys). Unique within an account and Region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// A fresh id: a random UUID (RFC 9562 version 4).
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        let bits = u128::from_be_bytes(random.bytes()?);
        let bits = bits & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        let mut text = String::with_capacity(36);
        for (index, digit) in hex.chars().enumerate() {
            if matches!(index, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(digit);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let hex = |part: &str, len: usize| {
            part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_uuid = || {
            let mut parts = text.split('-');
            [8, 4, 4, 4, 12]
                .into_iter()
                .all(|len| parts.next().is_some_and(|part| hex(part, len)))
                && parts.next().is_none()
        };
        let is_multi_region = || text.strip_prefix("mrk-").is_some_and(|rest| hex(rest, 32));
        (is_uuid() || is_multi_region())
            .then(|| Self(text.into()))
            .ok_or(Malformed("key id"))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A KMS key's ARN, `arn:<partition>:kms:<region>:<account>:key/<id>`. Names one key in the world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyArn {
    region: Region,
    account: AccountId,
    id: KeyId,
}

impl KeyArn {
    /// The ARN of this key of this account and Region.
    pub const fn new(region: Region, account: AccountId, id: KeyId) -> Self {
        Self { region, account, id }
    }

    /// The key's Region.
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The account that owns the key.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The key's id.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }
}

impl FromStr for KeyArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("key ARN");
        let (region, account, resource) = split_arn(text).ok_or(malformed)?;
        let id = resource.strip_prefix("key/").ok_or(malformed)?;
        Ok(Self::new(region, account, id.parse().map_err(|_| malformed)?))
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (region, account, id) = (&self.region, self.account, &self.id);
        write!(f, "arn:{}:kms:{region}:{account}:key/{id}", region.partition())
    }
}
