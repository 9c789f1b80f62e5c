//! Decrypt.

use kms_api::{EncryptionAlgorithm, UsageOperation, request, response};

use super::layers::{self, note_material, used};
use super::request::{Ciphertext, Source, Use, no_recipient, unless_dry_run};
use crate::call::Call;
use crate::error::Failure;

pub(crate) async fn decrypt(
    call: &mut Call<'_>,
    request: request::Decrypt,
) -> Result<response::Decrypt, Failure> {
    no_recipient(request.recipient.as_ref())?;
    let ciphertext = Ciphertext {
        blob: request.ciphertext_blob.as_deref(),
        key_id: request.key_id.as_ref(),
        dry_run: request.dry_run,
        modifiers: &request.dry_run_modifiers,
    };
    let source = Source::find(call, &ciphertext)?;
    if request.key_id.is_none() {
        // As AWS's records have it: the key that the ciphertext turned out to be under.
        call.trail.parameter_of_resource("keyId");
    }
    let asked = Use {
        action: "Decrypt",
        context: &request.encryption_context,
        algorithm: request.encryption_algorithm,
        grant_tokens: &request.grant_tokens,
        on_same_key: None,
    };
    let admitted = source.admitted(call, &asked)?;
    unless_dry_run(request.dry_run)?;
    let Some(parsed) = source.parsed else {
        return Err(Failure::internal("a ciphertext is ignored outside a trial"));
    };
    let (plaintext, key_material_id) =
        layers::decrypt(call, &admitted, &request.encryption_context, parsed).await?;
    note_material(call, "keyMaterialId", key_material_id.as_ref());
    used(call, &admitted.key, UsageOperation::Decrypt);
    Ok(response::Decrypt {
        key_id: admitted.key.name.clone(),
        plaintext,
        encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
        key_material_id,
    })
}
