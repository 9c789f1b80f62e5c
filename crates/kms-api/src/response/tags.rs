//! Tags.

use super::responses;
use crate::json::{Output, ToJson, write_object};
use crate::request::Tag;

impl ToJson for Tag {
    fn write(&self, out: &mut Output) {
        write_object(out, |object| {
            object.member("TagKey", &self.tag_key);
            object.member("TagValue", &self.tag_value);
        });
    }
}

responses! {
    /// See [`request::ListResourceTags`](crate::request::ListResourceTags).
    ListResourceTags {
        /// A page of tags.
        tags: Vec<Tag> = "Tags",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }
}
