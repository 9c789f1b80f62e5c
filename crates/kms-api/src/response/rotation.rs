//! Rotation of key material.

use ambient::Timestamp;

use super::{responses, structures};
use crate::{ExpirationModel, ImportState, KeyArn, KeyMaterialState, RotationType};

structures! {
    /// A rotation, or other key material, in a listing.
    RotationsListEntry {
        /// The key.
        key_id: KeyArn = "KeyId",
        /// The key material: 64 hexadecimal digits.
        key_material_id: Option<String> = "KeyMaterialId",
        /// Of imported key material only.
        key_material_description: Option<String> = "KeyMaterialDescription",
        /// Of imported key material only.
        import_state: Option<ImportState> = "ImportState",
        /// Where the key material stands.
        key_material_state: Option<KeyMaterialState> = "KeyMaterialState",
        /// Of imported key material only.
        expiration_model: Option<ExpirationModel> = "ExpirationModel",
        /// Of imported key material only.
        valid_to: Option<Timestamp> = "ValidTo",
        /// When it was done; absent for the first key material.
        rotation_date: Option<Timestamp> = "RotationDate",
        /// What caused it; absent for the first key material.
        rotation_type: Option<RotationType> = "RotationType",
    }
}

responses! {
    /// See [`request::GetKeyRotationStatus`](crate::request::GetKeyRotationStatus).
    GetKeyRotationStatus {
        /// Whether automatic rotation is on.
        key_rotation_enabled: bool = "KeyRotationEnabled",
        /// The key.
        key_id: KeyArn = "KeyId",
        /// Days between rotations, if automatic rotation is on.
        rotation_period_in_days: Option<u32> = "RotationPeriodInDays",
        /// The next automatic rotation.
        next_rotation_date: Option<Timestamp> = "NextRotationDate",
        /// When a rotation on demand that is still under way began.
        on_demand_rotation_start_date: Option<Timestamp> = "OnDemandRotationStartDate",
    }

    /// See [`request::RotateKeyOnDemand`](crate::request::RotateKeyOnDemand).
    RotateKeyOnDemand {
        /// The key.
        key_id: KeyArn = "KeyId",
    }

    /// See [`request::ListKeyRotations`](crate::request::ListKeyRotations).
    ListKeyRotations {
        /// A page of rotations.
        rotations: Vec<RotationsListEntry> = "Rotations",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }
}
