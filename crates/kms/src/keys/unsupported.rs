//! Operations that need another kind of key than this endpoint has: asymmetric and HMAC keys,
//! imported key material, multi-Region keys. They find the key, ask for permission and look at its
//! state as every operation does, and then answer what AWS answers about a symmetric encryption key.

use crypto::SecretBytes;
use kms_api::{Document, ErrorName, KmsError, Operation, RequestedKey, Value, schema};

use super::states::wrong_origin;
use super::{Forms, Found};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::Key;
use crate::state::record::KeyOrigin;

pub(crate) fn unsupported(call: &mut Call<'_>, document: &Document) -> Result<SecretBytes, Failure> {
    schema::validate(call.operation, document)?;
    let requested = document.get("KeyId").and_then(Value::as_str).unwrap_or_default();
    let forms = match call.operation {
        Operation::Sign
        | Operation::Verify
        | Operation::GetPublicKey
        | Operation::DeriveSharedSecret
        | Operation::Encapsulate
        | Operation::Decapsulate
        | Operation::GenerateDataKeyPair
        | Operation::GenerateDataKeyPairWithoutPlaintext => Forms::KeyOrAlias,
        _ => Forms::Key,
    };
    let Found { key, .. } = call.find(&RequestedKey::new(requested), forms)?;
    let authorized = call.authorize(call.operation.name(), &Resource::Key(&key), &Extras::default())?;
    let key = call.admit(authorized)?.key;
    Err(refusal(call.operation, &key).into())
}

fn refusal(operation: Operation, key: &Key) -> KmsError {
    match operation {
        Operation::Sign
        | Operation::Verify
        | Operation::GenerateMac
        | Operation::VerifyMac
        | Operation::DeriveSharedSecret
        | Operation::Encapsulate
        | Operation::Decapsulate => {
            let message = format!(
                "{} key usage is ENCRYPT_DECRYPT which is not valid for {operation}.",
                key.arn
            );
            KmsError::new(ErrorName::InvalidKeyUsageException, message)
        }
        Operation::GetParametersForImport
        | Operation::ImportKeyMaterial
        | Operation::DeleteImportedKeyMaterial => wrong_origin(key),
        Operation::ReplicateKey | Operation::UpdatePrimaryRegion => {
            unsupported_because(format!("{} is not a multi-Region key.", key.arn))
        }
        Operation::GetPublicKey => unsupported_because(format!("{} is not an asymmetric key.", key.arn)),
        _ => match key.record.origin {
            KeyOrigin::ExternalKeyStore { .. } | KeyOrigin::AwsCloudHsm { .. } => wrong_origin(key),
            KeyOrigin::AwsKms => unsupported_because(format!("{operation} is not supported here.")),
        },
    }
}

fn unsupported_because(message: String) -> KmsError {
    KmsError::new(ErrorName::UnsupportedOperationException, message)
}
