//! Aliases.

use ambient::Timestamp;

use super::{responses, structures};
use crate::{AliasArn, AliasName, KeyId};

structures! {
    /// An alias in a listing.
    AliasListEntry {
        /// Its name.
        alias_name: AliasName = "AliasName",
        /// Its ARN.
        alias_arn: AliasArn = "AliasArn",
        /// The key that it names; absent while an alias of AWS's has none.
        target_key_id: Option<KeyId> = "TargetKeyId",
        /// When it was made.
        creation_date: Option<Timestamp> = "CreationDate",
        /// When it was last pointed elsewhere.
        last_updated_date: Option<Timestamp> = "LastUpdatedDate",
    }
}

responses! {
    /// See [`request::ListAliases`](crate::request::ListAliases).
    ListAliases {
        /// A page of aliases.
        aliases: Vec<AliasListEntry> = "Aliases",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }
}
