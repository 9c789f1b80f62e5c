//! What this endpoint leaves out: asymmetric and HMAC keys, imported key material, multi-Region
//! keys. Each operation finds the key, and says what AWS says of a symmetric key of its own.

use kms_api::{ErrorName, Operation};

use super::scene::Scene;

/// Refused on an enabled key with this error, for which the model has a place in the operation's
/// list; and a wrong request is a wrong request first.
async fn refused(operation: Operation, error: ErrorName) {
    assert!(operation.schema().errors.contains(&error), "{operation}, {error}");
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    scene.refused(operation, error, subject.request(operation)).await;
    let body = serde_json::json!({ "KeyId": "" });
    scene
        .refused(operation, ErrorName::ValidationException, body)
        .await;
}

macro_rules! refusals {
    ($($name:ident: $operation:ident, $error:ident;)+) => {
        $(#[tokio::test]
        async fn $name() {
            refused(Operation::$operation, ErrorName::$error).await;
        })+
    };
}

refusals! {
    kms_refused_decapsulate: Decapsulate, InvalidKeyUsageException;
    kms_refused_delete_imported_key_material: DeleteImportedKeyMaterial, UnsupportedOperationException;
    kms_refused_derive_shared_secret: DeriveSharedSecret, InvalidKeyUsageException;
    kms_refused_encapsulate: Encapsulate, InvalidKeyUsageException;
    kms_refused_generate_data_key_pair: GenerateDataKeyPair, UnsupportedOperationException;
    kms_refused_generate_data_key_pair_without_plaintext:
        GenerateDataKeyPairWithoutPlaintext, UnsupportedOperationException;
    kms_refused_generate_mac: GenerateMac, InvalidKeyUsageException;
    kms_refused_get_parameters_for_import: GetParametersForImport, UnsupportedOperationException;
    kms_refused_get_public_key: GetPublicKey, UnsupportedOperationException;
    kms_refused_import_key_material: ImportKeyMaterial, UnsupportedOperationException;
    kms_refused_replicate_key: ReplicateKey, UnsupportedOperationException;
    kms_refused_sign: Sign, InvalidKeyUsageException;
    kms_refused_update_primary_region: UpdatePrimaryRegion, UnsupportedOperationException;
    kms_refused_verify: Verify, InvalidKeyUsageException;
    kms_refused_verify_mac: VerifyMac, InvalidKeyUsageException;
}
