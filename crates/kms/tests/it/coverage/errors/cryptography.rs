//! Cryptographic operations.

use kms_api::Operation;
use serde_json::json;

use super::errors;
use crate::coverage::scene::{NO_STORE, with};

macro_rules! on_a_key {
    ($key:ident, $error:ident, { $($name:ident: $operation:ident;)+ }) => {
        errors! { $($name(scene): $operation, $error, scene.$key().await.request(Operation::$operation);)+ }
    };
}

on_a_key! { disabled, DisabledException, {
    kms_err_encrypt_disabled_exception: Encrypt;
    kms_err_decrypt_disabled_exception: Decrypt;
    kms_err_re_encrypt_disabled_exception: ReEncrypt;
    kms_err_generate_data_key_disabled_exception: GenerateDataKey;
    kms_err_generate_data_key_without_plaintext_disabled_exception: GenerateDataKeyWithoutPlaintext;
} }

on_a_key! { pending_deletion, KmsInvalidStateException, {
    kms_err_encrypt_kms_invalid_state_exception: Encrypt;
    kms_err_decrypt_kms_invalid_state_exception: Decrypt;
    kms_err_re_encrypt_kms_invalid_state_exception: ReEncrypt;
    kms_err_generate_data_key_kms_invalid_state_exception: GenerateDataKey;
    kms_err_generate_data_key_without_plaintext_kms_invalid_state_exception: GenerateDataKeyWithoutPlaintext;
} }

/// A request that would succeed, with other members.
macro_rules! with_members {
    ($error:ident, $members:tt, { $($name:ident: $operation:ident;)+ }) => {
        errors! {
            $($name(scene): $operation, $error, {
                with(scene.subject().await.request(Operation::$operation), json!($members))
            };)+
        }
    };
}

with_members! { DryRunOperationException, { "DryRun": true }, {
    kms_err_encrypt_dry_run_operation_exception: Encrypt;
    kms_err_decrypt_dry_run_operation_exception: Decrypt;
    kms_err_re_encrypt_dry_run_operation_exception: ReEncrypt;
    kms_err_generate_data_key_dry_run_operation_exception: GenerateDataKey;
    kms_err_generate_data_key_without_plaintext_dry_run_operation_exception: GenerateDataKeyWithoutPlaintext;
} }

with_members! { InvalidGrantTokenException, { "GrantTokens": ["no token"] }, {
    kms_err_encrypt_invalid_grant_token_exception: Encrypt;
    kms_err_decrypt_invalid_grant_token_exception: Decrypt;
    kms_err_re_encrypt_invalid_grant_token_exception: ReEncrypt;
    kms_err_generate_data_key_invalid_grant_token_exception: GenerateDataKey;
    kms_err_generate_data_key_without_plaintext_invalid_grant_token_exception: GenerateDataKeyWithoutPlaintext;
} }

with_members! { InvalidKeyUsageException, { "EncryptionAlgorithm": "RSAES_OAEP_SHA_256" }, {
    kms_err_encrypt_invalid_key_usage_exception: Encrypt;
    kms_err_decrypt_invalid_key_usage_exception: Decrypt;
} }

with_members! { InvalidKeyUsageException, { "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256" }, {
    kms_err_re_encrypt_invalid_key_usage_exception: ReEncrypt;
} }

with_members! { InvalidCiphertextException, { "CiphertextBlob": "SGVsbG8=" }, {
    kms_err_decrypt_invalid_ciphertext_exception: Decrypt;
    kms_err_re_encrypt_invalid_ciphertext_exception: ReEncrypt;
} }

errors! {
    kms_err_decrypt_incorrect_key_exception(scene): Decrypt, IncorrectKeyException, {
        let (one, other) = (scene.subject().await, scene.subject().await);
        with(one.request(Operation::Decrypt), json!({ "KeyId": other.arn }))
    };
    kms_err_re_encrypt_incorrect_key_exception(scene): ReEncrypt, IncorrectKeyException, {
        let (one, other) = (scene.subject().await, scene.subject().await);
        with(one.request(Operation::ReEncrypt), json!({ "SourceKeyId": other.arn }))
    };
    kms_err_generate_random_unsupported_operation_exception(scene): GenerateRandom, UnsupportedOperationException, {
        json!({ "NumberOfBytes": 16, "CustomKeyStoreId": scene.store().await })
    };
    kms_err_generate_random_custom_key_store_not_found_exception(_scene):
        GenerateRandom, CustomKeyStoreNotFoundException, json!({ "NumberOfBytes": 16, "CustomKeyStoreId": NO_STORE });
}
