//! Rotation of key material.

use super::requests;
use crate::{IncludeKeyMaterial, RequestedKey};

requests! {
    /// Begins automatic rotation, or changes its period.
    EnableKeyRotation -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// 90 to 2560 days; absent means 365, or as it was.
        rotation_period_in_days: Option<u32> = "RotationPeriodInDays",
    }

    /// Ends automatic rotation.
    DisableKeyRotation -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }

    /// Tells whether and how often a KMS key rotates.
    GetKeyRotationStatus -> GetKeyRotationStatus {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }

    /// Rotates the key material now.
    RotateKeyOnDemand -> RotateKeyOnDemand {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }

    /// Lists rotations that are done.
    ListKeyRotations -> ListKeyRotations {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// Absent means rotations only.
        include_key_material: Option<IncludeKeyMaterial> = "IncludeKeyMaterial",
        /// The most rotations on one page: 1 to 1000.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
    }
}
