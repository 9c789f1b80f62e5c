//! The operations of the model.

mod access;
mod cryptography;
mod custom_key_stores;
mod keys;
mod material;

use super::OperationSchema;
use crate::Operation;

/// What the model says of an operation.
pub(super) const fn of(operation: Operation) -> &'static OperationSchema {
    match operation {
        Operation::CancelKeyDeletion => &keys::CANCEL_KEY_DELETION,
        Operation::ConnectCustomKeyStore => &custom_key_stores::CONNECT_CUSTOM_KEY_STORE,
        Operation::CreateAlias => &access::CREATE_ALIAS,
        Operation::CreateCustomKeyStore => &custom_key_stores::CREATE_CUSTOM_KEY_STORE,
        Operation::CreateGrant => &access::CREATE_GRANT,
        Operation::CreateKey => &keys::CREATE_KEY,
        Operation::Decapsulate => &cryptography::DECAPSULATE,
        Operation::Decrypt => &cryptography::DECRYPT,
        Operation::DeleteAlias => &access::DELETE_ALIAS,
        Operation::DeleteCustomKeyStore => &custom_key_stores::DELETE_CUSTOM_KEY_STORE,
        Operation::DeleteImportedKeyMaterial => &material::DELETE_IMPORTED_KEY_MATERIAL,
        Operation::DeriveSharedSecret => &cryptography::DERIVE_SHARED_SECRET,
        Operation::DescribeCustomKeyStores => &custom_key_stores::DESCRIBE_CUSTOM_KEY_STORES,
        Operation::DescribeKey => &keys::DESCRIBE_KEY,
        Operation::DisableKey => &keys::DISABLE_KEY,
        Operation::DisableKeyRotation => &material::DISABLE_KEY_ROTATION,
        Operation::DisconnectCustomKeyStore => &custom_key_stores::DISCONNECT_CUSTOM_KEY_STORE,
        Operation::EnableKey => &keys::ENABLE_KEY,
        Operation::EnableKeyRotation => &material::ENABLE_KEY_ROTATION,
        Operation::Encapsulate => &cryptography::ENCAPSULATE,
        Operation::Encrypt => &cryptography::ENCRYPT,
        Operation::GenerateDataKey => &cryptography::GENERATE_DATA_KEY,
        Operation::GenerateDataKeyPair => &cryptography::GENERATE_DATA_KEY_PAIR,
        Operation::GenerateDataKeyPairWithoutPlaintext => {
            &cryptography::GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT
        }
        Operation::GenerateDataKeyWithoutPlaintext => &cryptography::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
        Operation::GenerateMac => &cryptography::GENERATE_MAC,
        Operation::GenerateRandom => &cryptography::GENERATE_RANDOM,
        Operation::GetKeyLastUsage => &keys::GET_KEY_LAST_USAGE,
        Operation::GetKeyPolicy => &access::GET_KEY_POLICY,
        Operation::GetKeyRotationStatus => &material::GET_KEY_ROTATION_STATUS,
        Operation::GetParametersForImport => &material::GET_PARAMETERS_FOR_IMPORT,
        Operation::GetPublicKey => &cryptography::GET_PUBLIC_KEY,
        Operation::ImportKeyMaterial => &material::IMPORT_KEY_MATERIAL,
        Operation::ListAliases => &access::LIST_ALIASES,
        Operation::ListGrants => &access::LIST_GRANTS,
        Operation::ListKeyPolicies => &access::LIST_KEY_POLICIES,
        Operation::ListKeyRotations => &material::LIST_KEY_ROTATIONS,
        Operation::ListKeys => &keys::LIST_KEYS,
        Operation::ListResourceTags => &access::LIST_RESOURCE_TAGS,
        Operation::ListRetirableGrants => &access::LIST_RETIRABLE_GRANTS,
        Operation::PutKeyPolicy => &access::PUT_KEY_POLICY,
        Operation::ReEncrypt => &cryptography::RE_ENCRYPT,
        Operation::ReplicateKey => &keys::REPLICATE_KEY,
        Operation::RetireGrant => &access::RETIRE_GRANT,
        Operation::RevokeGrant => &access::REVOKE_GRANT,
        Operation::RotateKeyOnDemand => &material::ROTATE_KEY_ON_DEMAND,
        Operation::ScheduleKeyDeletion => &keys::SCHEDULE_KEY_DELETION,
        Operation::Sign => &cryptography::SIGN,
        Operation::TagResource => &access::TAG_RESOURCE,
        Operation::UntagResource => &access::UNTAG_RESOURCE,
        Operation::UpdateAlias => &access::UPDATE_ALIAS,
        Operation::UpdateCustomKeyStore => &custom_key_stores::UPDATE_CUSTOM_KEY_STORE,
        Operation::UpdateKeyDescription => &keys::UPDATE_KEY_DESCRIPTION,
        Operation::UpdatePrimaryRegion => &keys::UPDATE_PRIMARY_REGION,
        Operation::Verify => &cryptography::VERIFY,
        Operation::VerifyMac => &cryptography::VERIFY_MAC,
    }
}
