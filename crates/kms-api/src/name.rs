//! What names KMS resources: accounts, Regions, key ids, ARNs, aliases.
//!
//! A value of these types is well formed. Whether the thing exists is another question.

mod account;
mod alias;
mod key;
mod reference;
mod region;

pub use account::AccountId;
pub use alias::{AliasArn, AliasName};
pub use key::{KeyArn, KeyId};
pub use reference::{KeyReference, MalformedReference, RequestedKey};
pub use region::Region;

/// A text that is no name of the kind asked for. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed {0}")]
pub struct Malformed(&'static str);

/// The parts of `arn:<partition>:kms:<region>:<account>:<resource>`, and the partition must be the
/// Region's. `None` if it is not such a text.
fn split_arn(text: &str) -> Option<(Region, AccountId, &str)> {
    let mut parts = text.splitn(6, ':');
    let ("arn", partition, "kms") = (parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let region: Region = parts.next()?.parse().ok()?;
    let account: AccountId = parts.next()?.parse().ok()?;
    (partition == region.partition()).then_some((region, account, parts.next()?))
}
