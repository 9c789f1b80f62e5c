//! What every operation answers when the operating system has no randomness left: a fault of ours,
//! of which the caller is told nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ambient::{ManualClock, Random, RandomUnavailable, SeededRandom};
use kms::{KmsConfig, Origin, Request};
use kms_api::{Document, ErrorName, Operation};
use serde_json::Value;
use testkit::kms_values;
use xks_client::{Network, SystemNetwork};

use crate::support::{ACCOUNT, REGION, START, open, root};

/// Randomness that can end.
struct Ending {
    random: SeededRandom,
    ended: AtomicBool,
}

impl Random for Ending {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(RandomUnavailable);
        }
        self.random.fill(buffer)
    }
}

async fn fails(operation: Operation) {
    let directory = tempfile::tempdir().expect("a directory");
    let ending = Arc::new(Ending {
        random: SeededRandom::new(1),
        ended: AtomicBool::new(false),
    });
    let random: Arc<dyn Random> = Arc::clone(&ending) as Arc<dyn Random>;
    let network: Arc<dyn Network> = Arc::new(SystemNetwork);
    let clock = Arc::new(ManualClock::at(START));
    let kms = open(
        directory.path(),
        &KmsConfig::default(),
        &clock,
        &random,
        &network,
        &Arc::default(),
    )
    .await;
    ending.ended.store(true, Ordering::SeqCst);
    let body = Value::Object(kms_values::least_request(operation)).to_string();
    let request = Request {
        operation,
        caller: Arc::new(root(ACCOUNT)),
        region: REGION.parse().expect("a Region"),
        request_id: "request".to_owned(),
        origin: Origin::default(),
        document: Document::parse(body.as_bytes()).expect("JSON"),
    };
    let Err(error) = kms.perform(request).await else {
        panic!("{operation} works without randomness")
    };
    assert_eq!(
        (error.name(), error.status()),
        (ErrorName::KmsInternalException, 500),
        "{error}"
    );
    let message = error.message().unwrap_or_default();
    assert!(!message.is_empty() && !message.contains("random"), "{message}");
}

macro_rules! faults {
    ($($name:ident: $operation:ident;)+) => {
        $(#[tokio::test]
        async fn $name() {
            fails(Operation::$operation).await;
        })+
    };
}

faults! {
    kms_err_cancel_key_deletion_kms_internal_exception: CancelKeyDeletion;
    kms_err_connect_custom_key_store_kms_internal_exception: ConnectCustomKeyStore;
    kms_err_create_alias_kms_internal_exception: CreateAlias;
    kms_err_create_custom_key_store_kms_internal_exception: CreateCustomKeyStore;
    kms_err_create_grant_kms_internal_exception: CreateGrant;
    kms_err_create_key_kms_internal_exception: CreateKey;
    kms_err_decrypt_kms_internal_exception: Decrypt;
    kms_err_delete_alias_kms_internal_exception: DeleteAlias;
    kms_err_delete_custom_key_store_kms_internal_exception: DeleteCustomKeyStore;
    kms_err_describe_custom_key_stores_kms_internal_exception: DescribeCustomKeyStores;
    kms_err_describe_key_kms_internal_exception: DescribeKey;
    kms_err_disable_key_kms_internal_exception: DisableKey;
    kms_err_disable_key_rotation_kms_internal_exception: DisableKeyRotation;
    kms_err_disconnect_custom_key_store_kms_internal_exception: DisconnectCustomKeyStore;
    kms_err_enable_key_kms_internal_exception: EnableKey;
    kms_err_enable_key_rotation_kms_internal_exception: EnableKeyRotation;
    kms_err_encrypt_kms_internal_exception: Encrypt;
    kms_err_generate_data_key_kms_internal_exception: GenerateDataKey;
    kms_err_generate_data_key_without_plaintext_kms_internal_exception: GenerateDataKeyWithoutPlaintext;
    kms_err_generate_random_kms_internal_exception: GenerateRandom;
    kms_err_get_key_last_usage_kms_internal_exception: GetKeyLastUsage;
    kms_err_get_key_policy_kms_internal_exception: GetKeyPolicy;
    kms_err_get_key_rotation_status_kms_internal_exception: GetKeyRotationStatus;
    kms_err_list_aliases_kms_internal_exception: ListAliases;
    kms_err_list_grants_kms_internal_exception: ListGrants;
    kms_err_list_key_policies_kms_internal_exception: ListKeyPolicies;
    kms_err_list_key_rotations_kms_internal_exception: ListKeyRotations;
    kms_err_list_keys_kms_internal_exception: ListKeys;
    kms_err_list_resource_tags_kms_internal_exception: ListResourceTags;
    kms_err_list_retirable_grants_kms_internal_exception: ListRetirableGrants;
    kms_err_put_key_policy_kms_internal_exception: PutKeyPolicy;
    kms_err_re_encrypt_kms_internal_exception: ReEncrypt;
    kms_err_retire_grant_kms_internal_exception: RetireGrant;
    kms_err_revoke_grant_kms_internal_exception: RevokeGrant;
    kms_err_rotate_key_on_demand_kms_internal_exception: RotateKeyOnDemand;
    kms_err_schedule_key_deletion_kms_internal_exception: ScheduleKeyDeletion;
    kms_err_tag_resource_kms_internal_exception: TagResource;
    kms_err_untag_resource_kms_internal_exception: UntagResource;
    kms_err_update_alias_kms_internal_exception: UpdateAlias;
    kms_err_update_custom_key_store_kms_internal_exception: UpdateCustomKeyStore;
    kms_err_update_key_description_kms_internal_exception: UpdateKeyDescription;
}
