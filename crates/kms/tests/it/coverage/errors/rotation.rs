//! Rotation of key material.

use kms_api::Operation;
use serde_json::json;

use super::errors;
use crate::coverage::scene::with;

macro_rules! rotation {
    ($operation:ident: $disabled:ident, $state:ident) => {
        errors! {
            $disabled(scene):
                $operation, DisabledException, scene.disabled().await.request(Operation::$operation);
            $state(scene):
                $operation, KmsInvalidStateException, scene.pending_deletion().await.request(Operation::$operation);
        }
    };
}

rotation! { EnableKeyRotation:
kms_err_enable_key_rotation_disabled_exception, kms_err_enable_key_rotation_kms_invalid_state_exception }
rotation! { DisableKeyRotation:
kms_err_disable_key_rotation_disabled_exception, kms_err_disable_key_rotation_kms_invalid_state_exception }
rotation! { RotateKeyOnDemand:
kms_err_rotate_key_on_demand_disabled_exception, kms_err_rotate_key_on_demand_kms_invalid_state_exception }

/// Keys in external key stores do not rotate.
macro_rules! external {
    ($($name:ident: $operation:ident;)+) => {
        errors! {
            $($name(scene): $operation, UnsupportedOperationException, {
                let store = scene.connected_store().await;
                scene.subject_in(&store).await.request(Operation::$operation)
            };)+
        }
    };
}

external! {
    kms_err_enable_key_rotation_unsupported_operation_exception: EnableKeyRotation;
    kms_err_disable_key_rotation_unsupported_operation_exception: DisableKeyRotation;
    kms_err_get_key_rotation_status_unsupported_operation_exception: GetKeyRotationStatus;
    kms_err_rotate_key_on_demand_unsupported_operation_exception: RotateKeyOnDemand;
    kms_err_list_key_rotations_unsupported_operation_exception: ListKeyRotations;
}

errors! {
    kms_err_rotate_key_on_demand_limit_exceeded_exception(scene): RotateKeyOnDemand, LimitExceededException, {
        let body = scene.subject().await.request(Operation::RotateKeyOnDemand);
        for _ in 0..25 {
            scene.call(Operation::RotateKeyOnDemand, body.clone()).await;
        }
        body
    };
    kms_err_list_key_rotations_invalid_marker_exception(scene): ListKeyRotations, InvalidMarkerException, {
        with(scene.subject().await.request(Operation::ListKeyRotations), json!({ "Marker": "no marker" }))
    };
}
