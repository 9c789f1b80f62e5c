//! Keys that do not exist, and ARNs that are none.

use kms_api::Operation;
use serde_json::{Value, json};

use super::errors;
use crate::coverage::scene::{MISSING, NO_ARN, Subject, arn, with};

/// A request about a key of this id, which is no key's.
fn about(operation: Operation, id: &str) -> Value {
    let subject = Subject {
        id: id.to_owned(),
        arn: if id == MISSING {
            arn(MISSING)
        } else {
            id.to_owned()
        },
        blob: "AAAA".to_owned(),
        alias: "alias/missing".to_owned(),
        grant: "0".repeat(64),
        other_alias: "alias/missing".to_owned(),
    };
    subject.request(operation)
}

macro_rules! missing_keys {
    ($($name:ident: $operation:ident;)+) => {
        errors! { $($name(_scene): $operation, NotFoundException, about(Operation::$operation, MISSING);)+ }
    };
}

missing_keys! {
    kms_err_cancel_key_deletion_not_found_exception: CancelKeyDeletion;
    kms_err_create_alias_not_found_exception: CreateAlias;
    kms_err_create_grant_not_found_exception: CreateGrant;
    kms_err_decrypt_not_found_exception: Decrypt;
    kms_err_delete_alias_not_found_exception: DeleteAlias;
    kms_err_describe_key_not_found_exception: DescribeKey;
    kms_err_disable_key_not_found_exception: DisableKey;
    kms_err_disable_key_rotation_not_found_exception: DisableKeyRotation;
    kms_err_enable_key_not_found_exception: EnableKey;
    kms_err_enable_key_rotation_not_found_exception: EnableKeyRotation;
    kms_err_encrypt_not_found_exception: Encrypt;
    kms_err_generate_data_key_not_found_exception: GenerateDataKey;
    kms_err_generate_data_key_without_plaintext_not_found_exception: GenerateDataKeyWithoutPlaintext;
    kms_err_get_key_last_usage_not_found_exception: GetKeyLastUsage;
    kms_err_get_key_policy_not_found_exception: GetKeyPolicy;
    kms_err_get_key_rotation_status_not_found_exception: GetKeyRotationStatus;
    kms_err_list_aliases_not_found_exception: ListAliases;
    kms_err_list_grants_not_found_exception: ListGrants;
    kms_err_list_key_policies_not_found_exception: ListKeyPolicies;
    kms_err_list_key_rotations_not_found_exception: ListKeyRotations;
    kms_err_list_resource_tags_not_found_exception: ListResourceTags;
    kms_err_put_key_policy_not_found_exception: PutKeyPolicy;
    kms_err_retire_grant_not_found_exception: RetireGrant;
    kms_err_revoke_grant_not_found_exception: RevokeGrant;
    kms_err_rotate_key_on_demand_not_found_exception: RotateKeyOnDemand;
    kms_err_schedule_key_deletion_not_found_exception: ScheduleKeyDeletion;
    kms_err_tag_resource_not_found_exception: TagResource;
    kms_err_untag_resource_not_found_exception: UntagResource;
    kms_err_update_key_description_not_found_exception: UpdateKeyDescription;
}

errors! {
    kms_err_re_encrypt_not_found_exception(scene): ReEncrypt, NotFoundException, {
        let subject = scene.subject().await;
        with(subject.request(Operation::ReEncrypt), json!({ "DestinationKeyId": MISSING }))
    };
    kms_err_update_alias_not_found_exception(scene): UpdateAlias, NotFoundException, {
        let subject = scene.subject().await;
        with(subject.request(Operation::UpdateAlias), json!({ "AliasName": "alias/missing" }))
    };
}

macro_rules! wrong_arns {
    ($($name:ident: $operation:ident;)+) => {
        errors! { $($name(_scene): $operation, InvalidArnException, about(Operation::$operation, NO_ARN);)+ }
    };
}

wrong_arns! {
    kms_err_cancel_key_deletion_invalid_arn_exception: CancelKeyDeletion;
    kms_err_create_grant_invalid_arn_exception: CreateGrant;
    kms_err_describe_key_invalid_arn_exception: DescribeKey;
    kms_err_disable_key_invalid_arn_exception: DisableKey;
    kms_err_disable_key_rotation_invalid_arn_exception: DisableKeyRotation;
    kms_err_enable_key_invalid_arn_exception: EnableKey;
    kms_err_enable_key_rotation_invalid_arn_exception: EnableKeyRotation;
    kms_err_get_key_last_usage_invalid_arn_exception: GetKeyLastUsage;
    kms_err_get_key_policy_invalid_arn_exception: GetKeyPolicy;
    kms_err_get_key_rotation_status_invalid_arn_exception: GetKeyRotationStatus;
    kms_err_list_aliases_invalid_arn_exception: ListAliases;
    kms_err_list_grants_invalid_arn_exception: ListGrants;
    kms_err_list_key_policies_invalid_arn_exception: ListKeyPolicies;
    kms_err_list_key_rotations_invalid_arn_exception: ListKeyRotations;
    kms_err_list_resource_tags_invalid_arn_exception: ListResourceTags;
    kms_err_put_key_policy_invalid_arn_exception: PutKeyPolicy;
    kms_err_retire_grant_invalid_arn_exception: RetireGrant;
    kms_err_revoke_grant_invalid_arn_exception: RevokeGrant;
    kms_err_rotate_key_on_demand_invalid_arn_exception: RotateKeyOnDemand;
    kms_err_schedule_key_deletion_invalid_arn_exception: ScheduleKeyDeletion;
    kms_err_tag_resource_invalid_arn_exception: TagResource;
    kms_err_untag_resource_invalid_arn_exception: UntagResource;
    kms_err_update_key_description_invalid_arn_exception: UpdateKeyDescription;
}
