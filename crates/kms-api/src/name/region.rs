//! Regions and their partitions.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Malformed;
use crate::schema::pattern;

/// A Region's code, as `us-east-1`: at most 32 characters, two or three words of small letters and
/// a number (the API's `RegionType`). Which Regions there are is not asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Arc<str>);

impl Region {
    /// The longest code, in characters.
    pub const MAX_LEN: usize = 32;

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that ARNs of this Region carry.
    pub fn partition(&self) -> &'static str {
        const PARTITIONS: [(&str, &str); 7] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-iso-", "aws-iso"),
            ("us-isob-", "aws-iso-b"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-isof-", "aws-iso-f"),
            ("eusc-", "aws-eusc"),
        ];
        PARTITIONS
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix))
            .map_or("aws", |(_, partition)| partition)
    }
}

impl FromStr for Region {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fits = text.len() <= Self::MAX_LEN && pattern::REGION.matches(text);
        fits.then(|| Self(text.into())).ok_or(Malformed("Region"))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
