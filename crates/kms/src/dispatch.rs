//! From an operation to its handler.

use crypto::SecretBytes;
use kms_api::response::Response as _;
use kms_api::{Document, Operation, parse, request};

use crate::call::Call;
use crate::error::Failure;
use crate::{aliases, cryptography, grants, key_stores, keys, policies, tags};

/// Checks a request against the API's schema, has the operation's handler answer it, and gives the
/// answer's body.
macro_rules! answer {
    ($call:ident, $document:ident, $($operation:ident => $handler:path,)+) => {
        match $call.operation {
            $(Operation::$operation => {
                let request = parse::<request::$operation>(&$document)?;
                drop($document);
                $handler($call, request).await.map(|answer| answer.to_body())
            })+
            // What this endpoint has no keys for.
            Operation::Decapsulate
            | Operation::DeleteImportedKeyMaterial
            | Operation::DeriveSharedSecret
            | Operation::Encapsulate
            | Operation::GenerateDataKeyPair
            | Operation::GenerateDataKeyPairWithoutPlaintext
            | Operation::GenerateMac
            | Operation::GetParametersForImport
            | Operation::GetPublicKey
            | Operation::ImportKeyMaterial
            | Operation::ReplicateKey
            | Operation::Sign
            | Operation::UpdatePrimaryRegion
            | Operation::Verify
            | Operation::VerifyMac => keys::unsupported($call, &$document),
        }
    };
}

pub(crate) async fn dispatch(call: &mut Call<'_>, document: Document) -> Result<SecretBytes, Failure> {
    answer! { call, document,
        CancelKeyDeletion => keys::cancel_key_deletion,
        ConnectCustomKeyStore => key_stores::connect,
        CreateCustomKeyStore => key_stores::create,
        DeleteCustomKeyStore => key_stores::delete,
        DescribeCustomKeyStores => key_stores::describe,
        DisconnectCustomKeyStore => key_stores::disconnect,
        UpdateCustomKeyStore => key_stores::update,
        CreateAlias => aliases::create_alias,
        DeleteAlias => aliases::delete_alias,
        ListAliases => aliases::list_aliases,
        UpdateAlias => aliases::update_alias,
        CreateGrant => grants::create_grant,
        ListGrants => grants::list_grants,
        ListRetirableGrants => grants::list_retirable_grants,
        RetireGrant => grants::retire_grant,
        RevokeGrant => grants::revoke_grant,
        GetKeyPolicy => policies::get_key_policy,
        ListKeyPolicies => policies::list_key_policies,
        PutKeyPolicy => policies::put_key_policy,
        ListResourceTags => tags::list_resource_tags,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        CreateKey => keys::create_key,
        Decrypt => cryptography::decrypt,
        DescribeKey => keys::describe_key,
        DisableKey => keys::disable_key,
        DisableKeyRotation => keys::disable_key_rotation,
        EnableKey => keys::enable_key,
        EnableKeyRotation => keys::enable_key_rotation,
        Encrypt => cryptography::encrypt,
        GenerateDataKey => cryptography::generate_data_key,
        GenerateDataKeyWithoutPlaintext => cryptography::generate_data_key_without_plaintext,
        GenerateRandom => cryptography::generate_random,
        GetKeyLastUsage => keys::get_key_last_usage,
        GetKeyRotationStatus => keys::get_key_rotation_status,
        ListKeyRotations => keys::list_key_rotations,
        ListKeys => keys::list_keys,
        ReEncrypt => cryptography::re_encrypt,
        RotateKeyOnDemand => keys::rotate_key_on_demand,
        ScheduleKeyDeletion => keys::schedule_key_deletion,
        UpdateKeyDescription => keys::update_key_description,
    }
}
