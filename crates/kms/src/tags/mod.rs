//! Tags: TagResource, UntagResource, ListResourceTags.

mod operations;

use std::collections::BTreeMap;

use kms_api::ErrorName;
use kms_api::request::Tag;

use crate::error::Failure;

pub(crate) use operations::{list_resource_tags, tag_resource, untag_resource};

/// Tags that a key may have.
pub(crate) const MAX_TAGS: usize = 50;

/// The tags of a request, which are well formed one by one: at most 50, none twice, none reserved.
pub(crate) fn checked(tags: &[Tag]) -> Result<BTreeMap<String, String>, Failure> {
    within_quota(tags.len())?;
    let mut map = BTreeMap::new();
    for tag in tags {
        not_reserved(&tag.tag_key)?;
        if map.insert(tag.tag_key.clone(), tag.tag_value.clone()).is_some() {
            let message = "A tag key is in the request twice.";
            return Err(Failure::new(ErrorName::TagException, message));
        }
    }
    Ok(map)
}

/// At most 50 tags.
fn within_quota(tags: usize) -> Result<(), Failure> {
    if tags <= MAX_TAGS {
        return Ok(());
    }
    let message = format!("A KMS key may have {MAX_TAGS} tags.");
    Err(Failure::new(ErrorName::LimitExceededException, message))
}

/// Tags whose keys begin with `aws:` are AWS's own.
fn not_reserved(key: &str) -> Result<(), Failure> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        let message = "Tag keys that begin with aws: are reserved.";
        return Err(Failure::new(ErrorName::TagException, message));
    }
    Ok(())
}
