//! Aliases.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{AccountId, Malformed, Region, split_arn};
use crate::schema::pattern;

/// An alias's name, `alias/` included: at most 256 characters of `a-zA-Z0-9:/_-`, at least one of
/// them after `alias/`. Case counts. Unique within an account and Region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasName(Arc<str>);

impl AliasName {
    /// The longest name, in characters.
    pub const MAX_LEN: usize = 256;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is reserved for AWS managed keys (`alias/aws/…`).
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("alias/aws/")
    }
}

impl FromStr for AliasName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let named = text.strip_prefix("alias/").is_some_and(|rest| !rest.is_empty());
        let fits = text.len() <= Self::MAX_LEN && pattern::NAME.matches(text);
        (named && fits)
            .then(|| Self(text.into()))
            .ok_or(Malformed("alias name"))
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An alias's ARN, `arn:<partition>:kms:<region>:<account>:alias/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasArn {
    region: Region,
    account: AccountId,
    name: AliasName,
}

impl AliasArn {
    /// The ARN of this alias of this account and Region.
    pub const fn new(region: Region, account: AccountId, name: AliasName) -> Self {
        Self {
            region,
            account,
            name,
        }
    }

    /// The alias's Region.
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The account that owns the alias.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The alias's name.
    pub const fn name(&self) -> &AliasName {
        &self.name
    }
}

impl FromStr for AliasArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("alias ARN");
        let (region, account, resource) = split_arn(text).ok_or(malformed)?;
        Ok(Self::new(
            region,
            account,
            resource.parse().map_err(|_| malformed)?,
        ))
    }
}

impl fmt::Display for AliasArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (region, account, name) = (&self.region, self.account, &self.name);
        write!(f, "arn:{}:kms:{region}:{account}:{name}", region.partition())
    }
}
