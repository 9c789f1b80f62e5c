//! Grants.

use kms_api::Operation;
use serde_json::json;

use super::errors;
use crate::coverage::scene::{GRANTEE, with};

macro_rules! with_members {
    ($error:ident, $members:tt, { $($name:ident: $operation:ident;)+ }) => {
        errors! {
            $($name(scene): $operation, $error, {
                with(scene.subject().await.request(Operation::$operation), json!($members))
            };)+
        }
    };
}

with_members! { DryRunOperationException, { "DryRun": true }, {
    kms_err_create_grant_dry_run_operation_exception: CreateGrant;
    kms_err_retire_grant_dry_run_operation_exception: RetireGrant;
    kms_err_revoke_grant_dry_run_operation_exception: RevokeGrant;
} }

with_members! { InvalidGrantIdException, { "GrantId": "no grant id" }, {
    kms_err_list_grants_invalid_grant_id_exception: ListGrants;
    kms_err_retire_grant_invalid_grant_id_exception: RetireGrant;
    kms_err_revoke_grant_invalid_grant_id_exception: RevokeGrant;
} }

errors! {
    kms_err_create_grant_disabled_exception(scene):
        CreateGrant, DisabledException, scene.disabled().await.request(Operation::CreateGrant);
    kms_err_create_grant_kms_invalid_state_exception(scene):
        CreateGrant, KmsInvalidStateException, scene.pending_deletion().await.request(Operation::CreateGrant);
    kms_err_create_grant_invalid_grant_token_exception(scene): CreateGrant, InvalidGrantTokenException, {
        with(scene.subject().await.request(Operation::CreateGrant), json!({ "GrantTokens": ["no token"] }))
    };
    kms_err_create_grant_limit_exceeded_exception(scene): CreateGrant, LimitExceededException, {
        let subject = scene.subject().await;
        let key = subject.id.parse().expect("a key id");
        kms::inspect::copy_grant(&scene.world.kms, &key, 49_998).await.expect("copies");
        // The last one that there is room for, beside the first and its copies.
        scene.call(Operation::CreateGrant, subject.request(Operation::CreateGrant)).await;
        subject.request(Operation::CreateGrant)
    };
    kms_err_retire_grant_invalid_grant_token_exception(_scene):
        RetireGrant, InvalidGrantTokenException, json!({ "GrantToken": "no token" });
    kms_err_list_grants_invalid_marker_exception(scene): ListGrants, InvalidMarkerException, {
        with(scene.subject().await.request(Operation::ListGrants), json!({ "Marker": "no marker" }))
    };
    kms_err_list_retirable_grants_invalid_marker_exception(_scene):
        ListRetirableGrants, InvalidMarkerException, json!({ "RetiringPrincipal": GRANTEE, "Marker": "no marker" });
    kms_err_list_retirable_grants_invalid_arn_exception(_scene):
        ListRetirableGrants, InvalidArnException, json!({ "RetiringPrincipal": "arn:aws:nonsense" });
}
