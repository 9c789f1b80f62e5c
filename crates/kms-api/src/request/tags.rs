//! Tags.

use super::{requests, structures};
use crate::RequestedKey;

structures! {
    /// A tag.
    #[derive(Clone, Debug, PartialEq, Eq)]
    Tag {
        /// 1 to 128 characters.
        tag_key: String = "TagKey",
        /// At most 256 characters.
        tag_value: String = "TagValue",
    }
}

requests! {
    /// Adds or changes tags.
    TagResource -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// In the order of the request; a key may be there twice.
        tags: Vec<Tag> = "Tags",
    }

    /// Removes tags.
    UntagResource -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// The tags' keys.
        tag_keys: Vec<String> = "TagKeys",
    }

    /// Lists the tags of a KMS key.
    ListResourceTags -> ListResourceTags {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// The most tags on one page: the model allows 1 to 1000, the operation 50.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
    }
}
