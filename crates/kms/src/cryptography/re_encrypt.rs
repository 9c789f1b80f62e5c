//! ReEncrypt: the plaintext leaves neither the endpoint nor, for long, its memory.

use kms_api::{EncryptionAlgorithm, UsageOperation, request, response};

use super::layers::{self, note_material, used};
use super::request::{Ciphertext, Source, Use, admitted, unless_dry_run};
use crate::call::Call;
use crate::error::Failure;
use crate::keys::{Forms, Found};

pub(crate) async fn re_encrypt(
    call: &mut Call<'_>,
    request: request::ReEncrypt,
) -> Result<response::ReEncrypt, Failure> {
    let ciphertext = Ciphertext {
        blob: request.ciphertext_blob.as_deref(),
        key_id: request.source_key_id.as_ref(),
        dry_run: request.dry_run,
        modifiers: &request.dry_run_modifiers,
    };
    let source = Source::find(call, &ciphertext)?;
    // Whether there is such a key shows only to who may use the source: nothing that goes wrong with
    // that depends on it.
    let destination = call.look_up(&request.destination_key_id, Forms::KeyOrAlias);
    let same = |destination: &Found| source.found.key.name == destination.key.name;
    let on_same_key = Some(destination.as_ref().is_ok_and(same));
    let from = Use {
        action: "ReEncryptFrom",
        context: &request.source_encryption_context,
        algorithm: request.source_encryption_algorithm,
        grant_tokens: &request.grant_tokens,
        on_same_key,
    };
    let to = Use {
        action: "ReEncryptTo",
        context: &request.destination_encryption_context,
        algorithm: request.destination_encryption_algorithm,
        grant_tokens: &request.grant_tokens,
        on_same_key,
    };
    let under = source.admitted(call, &from)?;
    let destination = destination?;
    call.note(&destination.key);
    let over = admitted(call, &destination, &to)?;
    unless_dry_run(request.dry_run)?;
    let Some(parsed) = source.parsed else {
        return Err(Failure::internal("a ciphertext is ignored outside a trial"));
    };
    let (plaintext, source_key_material_id) =
        layers::decrypt(call, &under, &request.source_encryption_context, parsed).await?;
    // The source's proxy may have taken its time.
    call.admit_again(&over)?;
    let context = &request.destination_encryption_context;
    let (ciphertext_blob, destination_key_material_id) =
        layers::encrypt(call, &over, context, plaintext.expose()).await?;
    note_material(call, "sourceKeyMaterialId", source_key_material_id.as_ref());
    note_material(
        call,
        "destinationKeyMaterialId",
        destination_key_material_id.as_ref(),
    );
    used(call, &under.key, UsageOperation::ReEncrypt);
    used(call, &over.key, UsageOperation::ReEncrypt);
    Ok(response::ReEncrypt {
        ciphertext_blob,
        source_key_id: under.key.name.clone(),
        key_id: over.key.name.clone(),
        source_encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
        destination_encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
        source_key_material_id,
        destination_key_material_id,
    })
}
