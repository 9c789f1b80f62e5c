//! Accounts in Regions.

use std::fmt;

use kms_api::{AccountId, Region};
use serde::{Deserialize, Serialize};

/// An account in a Region: what names are unique in and lists are about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Text", try_from = "Text")]
pub(crate) struct Realm {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

/// A realm in a row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    account: String,
    region: String,
}

impl Realm {
    /// Of an account and a Region.
    pub(crate) const fn new(account: AccountId, region: Region) -> Self {
        Self { account, region }
    }

    /// The ARN of what it has under this name (`key/…`, `alias/…`).
    pub(crate) fn arn(&self, resource: &str) -> String {
        let (region, account) = (&self.region, self.account);
        format!("arn:{}:kms:{region}:{account}:{resource}", region.partition())
    }
}

/// `account/region`.
impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

impl From<Realm> for Text {
    fn from(realm: Realm) -> Self {
        Self {
            account: realm.account.to_string(),
            region: realm.region.to_string(),
        }
    }
}

impl TryFrom<Text> for Realm {
    type Error = kms_api::name::Malformed;

    fn try_from(text: Text) -> Result<Self, Self::Error> {
        Ok(Self::new(text.account.parse()?, text.region.parse()?))
    }
}
