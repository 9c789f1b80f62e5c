//! Tags.

use kms_api::Operation;
use serde_json::{Value, json};

use super::errors;
use crate::coverage::scene::with;

fn tags(count: usize) -> Value {
    let tag = |number| json!({ "TagKey": format!("key-{number}"), "TagValue": "" });
    (0..count).map(tag).collect()
}

errors! {
    kms_err_tag_resource_kms_invalid_state_exception(scene):
        TagResource, KmsInvalidStateException, scene.pending_deletion().await.request(Operation::TagResource);
    kms_err_tag_resource_limit_exceeded_exception(scene): TagResource, LimitExceededException, {
        let body = scene.subject().await.request(Operation::TagResource);
        scene.call(Operation::TagResource, with(body.clone(), json!({ "Tags": tags(50) }))).await;
        with(body, json!({ "Tags": [{ "TagKey": "one more", "TagValue": "" }] }))
    };
    kms_err_tag_resource_tag_exception(scene): TagResource, TagException, {
        let reserved = json!({ "Tags": [{ "TagKey": "aws:key", "TagValue": "" }] });
        with(scene.subject().await.request(Operation::TagResource), reserved)
    };
    kms_err_untag_resource_kms_invalid_state_exception(scene):
        UntagResource, KmsInvalidStateException, scene.pending_deletion().await.request(Operation::UntagResource);
    kms_err_untag_resource_tag_exception(scene): UntagResource, TagException, {
        with(scene.subject().await.request(Operation::UntagResource), json!({ "TagKeys": ["aws:key"] }))
    };
    kms_err_list_resource_tags_invalid_marker_exception(scene): ListResourceTags, InvalidMarkerException, {
        with(scene.subject().await.request(Operation::ListResourceTags), json!({ "Marker": "no marker" }))
    };
}
