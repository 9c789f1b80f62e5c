//! Aliases.

use kms_api::Operation;
use serde_json::json;

use super::errors;
use crate::coverage::scene::{Scene, Subject, with};

/// A key with as many aliases as a key may have.
async fn full(scene: &Scene) -> Subject {
    let subject = scene.subject().await;
    for number in 1..50 {
        let body = json!({ "AliasName": format!("alias/number-{number}"), "TargetKeyId": subject.id });
        scene.call(Operation::CreateAlias, body).await;
    }
    subject
}

errors! {
    kms_err_create_alias_already_exists_exception(scene): CreateAlias, AlreadyExistsException, {
        let subject = scene.subject().await;
        json!({ "AliasName": subject.alias, "TargetKeyId": subject.id })
    };
    kms_err_create_alias_invalid_alias_name_exception(scene): CreateAlias, InvalidAliasNameException, {
        json!({ "AliasName": "without-the-prefix", "TargetKeyId": scene.subject().await.id })
    };
    kms_err_create_alias_limit_exceeded_exception(scene):
        CreateAlias, LimitExceededException, full(scene).await.request(Operation::CreateAlias);
    kms_err_create_alias_kms_invalid_state_exception(scene):
        CreateAlias, KmsInvalidStateException, scene.pending_deletion().await.request(Operation::CreateAlias);
    kms_err_update_alias_limit_exceeded_exception(scene):
        UpdateAlias, LimitExceededException, full(scene).await.request(Operation::UpdateAlias);
    kms_err_update_alias_kms_invalid_state_exception(scene):
        UpdateAlias, KmsInvalidStateException, scene.pending_deletion().await.request(Operation::UpdateAlias);
    kms_err_list_aliases_invalid_marker_exception(scene): ListAliases, InvalidMarkerException, {
        with(scene.subject().await.request(Operation::ListAliases), json!({ "Marker": "no marker" }))
    };
}
