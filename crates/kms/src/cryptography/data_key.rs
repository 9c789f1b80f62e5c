//! GenerateDataKey and GenerateDataKeyWithoutPlaintext.

use crypto::SecretBytes;
use kms_api::{DataKeySpec, ErrorName, UsageOperation, request, response};

use super::layers::{self, note_material, used};
use super::request::{Use, admitted, no_recipient, unless_dry_run};
use crate::call::Call;
use crate::error::Failure;
use crate::keys::{Admitted, Forms};

pub(crate) async fn generate_data_key(
    call: &mut Call<'_>,
    request: request::GenerateDataKey,
) -> Result<response::GenerateDataKey, Failure> {
    no_recipient(request.recipient.as_ref())?;
    let len = length(request.key_spec, request.number_of_bytes)?;
    let found = call.find(&request.key_id, Forms::KeyOrAlias)?;
    let asked = Use {
        action: "GenerateDataKey",
        context: &request.encryption_context,
        algorithm: None,
        grant_tokens: &request.grant_tokens,
        on_same_key: None,
    };
    let admitted = admitted(call, &found, &asked)?;
    unless_dry_run(request.dry_run)?;
    let made = DataKey::make(call, &admitted, asked.context, len).await?;
    used(call, &admitted.key, UsageOperation::GenerateDataKey);
    Ok(response::GenerateDataKey {
        ciphertext_blob: made.blob,
        plaintext: made.plaintext,
        key_id: admitted.key.name.clone(),
        key_material_id: made.material,
    })
}

pub(crate) async fn generate_data_key_without_plaintext(
    call: &mut Call<'_>,
    request: request::GenerateDataKeyWithoutPlaintext,
) -> Result<response::GenerateDataKeyWithoutPlaintext, Failure> {
    let len = length(request.key_spec, request.number_of_bytes)?;
    let found = call.find(&request.key_id, Forms::KeyOrAlias)?;
    let asked = Use {
        action: "GenerateDataKeyWithoutPlaintext",
        context: &request.encryption_context,
        algorithm: None,
        grant_tokens: &request.grant_tokens,
        on_same_key: None,
    };
    let admitted = admitted(call, &found, &asked)?;
    unless_dry_run(request.dry_run)?;
    let made = DataKey::make(call, &admitted, asked.context, len).await?;
    used(
        call,
        &admitted.key,
        UsageOperation::GenerateDataKeyWithoutPlaintext,
    );
    Ok(response::GenerateDataKeyWithoutPlaintext {
        ciphertext_blob: made.blob,
        key_id: admitted.key.name.clone(),
        key_material_id: made.material,
    })
}

/// A data key in the clear and encrypted.
struct DataKey {
    plaintext: SecretBytes,
    blob: Box<[u8]>,
    material: Option<String>,
}

impl DataKey {
    async fn make(
        call: &mut Call<'_>,
        admitted: &Admitted,
        context: &kms_api::EncryptionContext,
        len: usize,
    ) -> Result<Self, Failure> {
        let plaintext = SecretBytes::generate(call.kms.random(), len)?;
        let (blob, material) = layers::encrypt(call, admitted, context, plaintext.expose()).await?;
        note_material(call, "keyMaterialId", material.as_ref());
        Ok(Self {
            plaintext,
            blob,
            material,
        })
    }
}

/// Bytes of a data key: by its spec or by number, and by one of them only.
fn length(spec: Option<DataKeySpec>, bytes: Option<u32>) -> Result<usize, Failure> {
    match (spec, bytes) {
        (Some(DataKeySpec::Aes256), None) => Ok(32),
        (Some(DataKeySpec::Aes128), None) => Ok(16),
        (None, Some(bytes)) => usize::try_from(bytes).map_err(Failure::internal),
        _ => Err(Failure::new(
            ErrorName::ValidationException,
            "Please specify either number of bytes or key spec.",
        )),
    }
}
