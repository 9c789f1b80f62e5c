//! Aliases.

use super::requests;
use crate::RequestedKey;

requests! {
    /// Names a KMS key.
    CreateAlias -> Nothing {
        /// 1 to 256 characters of those that alias names have; whether it begins with `alias/` and
        /// is not reserved is for the operation to say, with an error of its own.
        alias_name: String = "AliasName",
        /// The key; no alias is accepted.
        target_key_id: RequestedKey = "TargetKeyId",
    }

    /// Points an alias at another KMS key.
    UpdateAlias -> Nothing {
        /// As in CreateAlias.
        alias_name: String = "AliasName",
        /// The key; no alias is accepted.
        target_key_id: RequestedKey = "TargetKeyId",
    }

    /// Removes an alias.
    DeleteAlias -> Nothing {
        /// As in CreateAlias.
        alias_name: String = "AliasName",
    }

    /// Lists aliases.
    ListAliases -> ListAliases {
        /// Only those of this key.
        key_id: Option<RequestedKey> = "KeyId",
        /// The most aliases on one page: the model allows 1 to 1000, the operation 100.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
    }
}
