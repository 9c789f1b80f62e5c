//! The life of KMS keys.

use ambient::Timestamp;

use super::{responses, structures};
use crate::json::{Object, Output, ToJson, write_object};
use crate::{
    EncryptionAlgorithm, ExpirationModel, KeyArn, KeyId, KeyManager, KeySpec, KeyState, KeyUsage, Origin,
    UsageOperation,
};

/// What DescribeKey tells of a KMS key.
pub struct KeyMetadata {
    /// Its name in the world; account and id are parts of it.
    pub arn: KeyArn,
    /// When it was made.
    pub creation_date: Timestamp,
    /// At most 8192 characters.
    pub description: String,
    /// What it is for.
    pub key_usage: KeyUsage,
    /// Its state; `Enabled` in the answer is true in the state of that name only.
    pub key_state: KeyState,
    /// When it will be deleted; in the state `PendingDeletion` only.
    pub deletion_date: Option<Timestamp>,
    /// When imported key material expires.
    pub valid_to: Option<Timestamp>,
    /// Where its key material comes from.
    pub origin: Origin,
    /// The custom key store that it is in.
    pub custom_key_store_id: Option<String>,
    /// The CloudHSM cluster that it is in.
    pub cloud_hsm_cluster_id: Option<String>,
    /// Whether imported key material expires.
    pub expiration_model: Option<ExpirationModel>,
    /// Who manages it.
    pub key_manager: KeyManager,
    /// Its type; the answer has it twice, once under its old name.
    pub key_spec: KeySpec,
    /// What it can encrypt with.
    pub encryption_algorithms: Vec<EncryptionAlgorithm>,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
    /// The external key behind it.
    pub xks_key_id: Option<String>,
    /// The key material that encrypts: 64 hexadecimal digits.
    pub current_key_material_id: Option<String>,
}

impl ToJson for KeyMetadata {
    fn write(&self, out: &mut Output) {
        write_object(out, |object| {
            self.write_identity(object);
            self.write_origin(object);
            object.member("KeyManager", &self.key_manager);
            object.member("CustomerMasterKeySpec", &self.key_spec);
            object.member("KeySpec", &self.key_spec);
            if !self.encryption_algorithms.is_empty() {
                object.member("EncryptionAlgorithms", &self.encryption_algorithms);
            }
            object.member("MultiRegion", &self.multi_region);
            let xks_key = self.xks_key_id.as_deref().map(|id| XksKeyConfiguration { id });
            object.member("XksKeyConfiguration", &xks_key);
            object.member("CurrentKeyMaterialId", &self.current_key_material_id);
        });
    }
}

impl KeyMetadata {
    fn write_identity(&self, object: &mut Object<'_>) {
        object.member("AWSAccountId", &self.arn.account());
        object.member("KeyId", self.arn.id());
        object.member("Arn", &self.arn);
        object.member("CreationDate", &self.creation_date);
        object.member("Enabled", &(self.key_state == KeyState::Enabled));
        object.member("Description", &self.description);
        object.member("KeyUsage", &self.key_usage);
        object.member("KeyState", &self.key_state);
        object.member("DeletionDate", &self.deletion_date);
        object.member("ValidTo", &self.valid_to);
    }

    fn write_origin(&self, object: &mut Object<'_>) {
        object.member("Origin", &self.origin);
        object.member("CustomKeyStoreId", &self.custom_key_store_id);
        object.member("CloudHsmClusterId", &self.cloud_hsm_cluster_id);
        object.member("ExpirationModel", &self.expiration_model);
    }
}

struct XksKeyConfiguration<'a> {
    id: &'a str,
}

impl ToJson for XksKeyConfiguration<'_> {
    fn write(&self, out: &mut Output) {
        write_object(out, |object| object.member("Id", self.id));
    }
}

structures! {
    /// A key in a listing.
    KeyListEntry {
        /// The key's id.
        key_id: KeyId = "KeyId",
        /// The key's ARN.
        key_arn: KeyArn = "KeyArn",
    }

    /// The last use of a KMS key.
    KeyLastUsage {
        /// What was done.
        operation: UsageOperation = "Operation",
        /// When.
        timestamp: Timestamp = "Timestamp",
        /// The id of its CloudTrail record.
        cloud_trail_event_id: Option<String> = "CloudTrailEventId",
        /// The id of the request.
        kms_request_id: String = "KmsRequestId",
    }
}

responses! {
    /// See [`request::CreateKey`](crate::request::CreateKey).
    CreateKey {
        /// The new key.
        key_metadata: KeyMetadata = "KeyMetadata",
    }

    /// See [`request::DescribeKey`](crate::request::DescribeKey).
    DescribeKey {
        /// The key.
        key_metadata: KeyMetadata = "KeyMetadata",
    }

    /// See [`request::ListKeys`](crate::request::ListKeys).
    ListKeys {
        /// A page of keys.
        keys: Vec<KeyListEntry> = "Keys",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }

    /// See [`request::ScheduleKeyDeletion`](crate::request::ScheduleKeyDeletion).
    ScheduleKeyDeletion {
        /// The key.
        key_id: KeyArn = "KeyId",
        /// When it will be deleted.
        deletion_date: Timestamp = "DeletionDate",
        /// `PendingDeletion`.
        key_state: KeyState = "KeyState",
        /// The waiting period.
        pending_window_in_days: u32 = "PendingWindowInDays",
    }

    /// See [`request::CancelKeyDeletion`](crate::request::CancelKeyDeletion).
    CancelKeyDeletion {
        /// The key.
        key_id: KeyArn = "KeyId",
    }

    /// See [`request::GetKeyLastUsage`](crate::request::GetKeyLastUsage).
    GetKeyLastUsage {
        /// The key.
        key_id: KeyArn = "KeyId",
        /// The last use since tracking began; absent if there was none.
        key_last_usage: Option<KeyLastUsage> = "KeyLastUsage",
        /// Since when uses are tracked.
        tracking_start_date: Option<Timestamp> = "TrackingStartDate",
        /// When the key was made.
        key_creation_date: Timestamp = "KeyCreationDate",
    }
}
