//! TagResource, UntagResource, ListResourceTags.

use kms_api::request::Tag;
use kms_api::{request, response};

use super::{checked, not_reserved, within_quota};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::{Failure, at_most};
use crate::keys::{Forms, Found};
use crate::state::page;

/// Tags on a page, unless told otherwise, and at most.
const MAX_LIMIT: u32 = 50;
const LISTING: &str = "tags";

pub(crate) async fn tag_resource(
    call: &mut Call<'_>,
    request: request::TagResource,
) -> Result<response::Nothing, Failure> {
    let tags = checked(&request.tags)?;
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let extras = Extras {
        request_tags: Some(tags.clone()),
        ..Extras::default()
    };
    let authorized = call.authorize("TagResource", &Resource::Key(&key), &extras)?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let mut record = admitted.record();
    record.tags.extend(tags);
    within_quota(record.tags.len())?;
    edit.put_key(record);
    edit.commit().await?;
    Ok(response::Nothing)
}

pub(crate) async fn untag_resource(
    call: &mut Call<'_>,
    request: request::UntagResource,
) -> Result<response::Nothing, Failure> {
    request.tag_keys.iter().try_for_each(|key| not_reserved(key))?;
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let extras = Extras {
        conditions: vec![("aws:TagKeys", request.tag_keys.clone())],
        ..Extras::default()
    };
    let authorized = call.authorize("UntagResource", &Resource::Key(&key), &extras)?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let mut record = admitted.record();
    record.tags.retain(|key, _| !request.tag_keys.contains(key));
    edit.put_key(record);
    edit.commit().await?;
    Ok(response::Nothing)
}

pub(crate) async fn list_resource_tags(
    call: &mut Call<'_>,
    request: request::ListResourceTags,
) -> Result<response::ListResourceTags, Failure> {
    let limit = at_most(MAX_LIMIT, request.limit.unwrap_or(MAX_LIMIT))?;
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let authorized = call.authorize("ListResourceTags", &Resource::Key(&key), &Extras::default())?;
    let admitted = call.admit(authorized)?;
    let position = page::position(LISTING, request.marker.as_deref())?;
    let tags = page::after(&admitted.key.record.tags, position.as_deref());
    let page = page::page(LISTING, tags, limit, |(key, _)| key.as_str());
    let tag = |(key, value): (&String, &String)| Tag {
        tag_key: key.clone(),
        tag_value: value.clone(),
    };
    Ok(response::ListResourceTags {
        tags: page.items.into_iter().map(tag).collect(),
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}
