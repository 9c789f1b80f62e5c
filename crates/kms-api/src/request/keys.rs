//! The life of KMS keys.

use super::requests;
use super::tags::Tag;
use crate::{KeySpec, KeyUsage, Origin, RequestedKey, ResourceOwner};

requests! {
    /// Makes a KMS key.
    CreateKey -> CreateKey {
        /// The key policy; absent means the default one.
        policy: Option<String> = "Policy",
        /// At most 8192 characters.
        description: Option<String> = "Description",
        /// Absent means `ENCRYPT_DECRYPT`.
        key_usage: Option<KeyUsage> = "KeyUsage",
        /// The old name of `key_spec`; not both.
        customer_master_key_spec: Option<KeySpec> = "CustomerMasterKeySpec",
        /// Absent means `SYMMETRIC_DEFAULT`.
        key_spec: Option<KeySpec> = "KeySpec",
        /// Absent means `AWS_KMS`.
        origin: Option<Origin> = "Origin",
        /// The custom key store, where the origin asks for one.
        custom_key_store_id: Option<String> = "CustomKeyStoreId",
        /// Whether a policy that locks the caller out is accepted.
        bypass_policy_lockout_safety_check: bool = "BypassPolicyLockoutSafetyCheck",
        /// In the order of the request; a key may be there twice.
        tags: Vec<Tag> = "Tags",
        /// Whether a multi-Region primary key is asked for.
        multi_region: bool = "MultiRegion",
        /// The external key's id, for keys in external key stores.
        xks_key_id: Option<String> = "XksKeyId",
    }

    /// Shows the metadata of a KMS key.
    DescribeKey -> DescribeKey {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
    }

    /// Lists KMS keys.
    ListKeys -> ListKeys {
        /// The most keys on one page: 1 to 1000.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
        /// Whose keys; empty means the account's own.
        resource_owners: Vec<ResourceOwner> = "ResourceOwners",
    }

    /// Makes a disabled KMS key usable.
    EnableKey -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }

    /// Makes a KMS key unusable until it is enabled.
    DisableKey -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }

    /// Puts a KMS key into `PendingDeletion`.
    ScheduleKeyDeletion -> ScheduleKeyDeletion {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// The model allows 1 to 365; KMS keys 7 to 30. Absent means 30.
        pending_window_in_days: Option<u32> = "PendingWindowInDays",
    }

    /// Takes a KMS key out of `PendingDeletion`.
    CancelKeyDeletion -> CancelKeyDeletion {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }

    /// Changes the description of a KMS key.
    UpdateKeyDescription -> Nothing {
        /// The key.
        key_id: RequestedKey = "KeyId",
        /// At most 8192 characters.
        description: String = "Description",
    }

    /// Tells when a KMS key was last used.
    GetKeyLastUsage -> GetKeyLastUsage {
        /// The key.
        key_id: RequestedKey = "KeyId",
    }
}
