//! The life of KMS keys.

use std::sync::Arc;

use kms_api::Operation;
use serde_json::{Value, json};
use testkit::xks_proxy::Behaviour;

use super::errors;
use crate::coverage::scene::{NO_STORE, policy};

/// An external key as the key of a KMS key.
fn in_store(store: &str, external: &str) -> Value {
    json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": external })
}

errors! {
    kms_err_create_key_malformed_policy_document_exception(_scene):
        CreateKey, MalformedPolicyDocumentException, json!({ "Policy": "no policy" });
    kms_err_create_key_unsupported_operation_exception(_scene):
        CreateKey, UnsupportedOperationException, json!({ "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" });
    kms_err_create_key_limit_exceeded_exception(_scene): CreateKey, LimitExceededException, {
        let policy = policy();
        let blanks = " ".repeat(32_769 - policy.len());
        json!({ "Policy": format!("{policy}{blanks}") })
    };
    kms_err_create_key_tag_exception(_scene): CreateKey, TagException, {
        let tag = |value: &str| json!({ "TagKey": "same", "TagValue": value });
        json!({ "Tags": [tag("a"), tag("b")] })
    };
    kms_err_create_key_custom_key_store_not_found_exception(_scene):
        CreateKey, CustomKeyStoreNotFoundException, in_store(NO_STORE, "key");
    kms_err_create_key_custom_key_store_invalid_state_exception(scene):
        CreateKey, CustomKeyStoreInvalidStateException, in_store(&scene.store().await, "key");
    kms_err_create_key_xks_key_not_found_exception(scene):
        CreateKey, XksKeyNotFoundException, in_store(&scene.connected_store().await, "missing");
    kms_err_create_key_xks_key_already_in_use_exception(scene): CreateKey, XksKeyAlreadyInUseException, {
        let store = scene.connected_store().await;
        scene.call(Operation::CreateKey, in_store(&store, "key")).await;
        in_store(&store, "key")
    };
    kms_err_create_key_xks_key_invalid_configuration_exception(scene):
        CreateKey, XksKeyInvalidConfigurationException, {
        let store = scene.connected_store().await;
        let disabled = |operation: &str, answer: &mut Value| {
            if operation == "metadata" {
                answer["keyStatus"] = json!("DISABLED");
            }
        };
        scene.proxy.behave(Behaviour::Edits(Arc::new(disabled)));
        in_store(&store, "key")
    };
}

macro_rules! states {
    ($($name:ident: $operation:ident, $key:ident;)+) => {
        errors! { $($name(scene):
            $operation, KmsInvalidStateException, scene.$key().await.request(Operation::$operation);)+ }
    };
}

states! {
    kms_err_cancel_key_deletion_kms_invalid_state_exception: CancelKeyDeletion, subject;
    kms_err_disable_key_kms_invalid_state_exception: DisableKey, pending_deletion;
    kms_err_enable_key_kms_invalid_state_exception: EnableKey, pending_deletion;
    kms_err_schedule_key_deletion_kms_invalid_state_exception: ScheduleKeyDeletion, pending_deletion;
    kms_err_update_key_description_kms_invalid_state_exception: UpdateKeyDescription, pending_deletion;
}

errors! {
    kms_err_list_keys_invalid_marker_exception(_scene):
        ListKeys, InvalidMarkerException, json!({ "Marker": "no marker" });
}
