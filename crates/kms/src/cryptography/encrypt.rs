//! Encrypt.

use kms_api::{EncryptionAlgorithm, UsageOperation, request, response};

use super::layers::{self, note_material, used};
use super::request::{Use, admitted, unless_dry_run};
use crate::call::Call;
use crate::error::Failure;
use crate::keys::Forms;

pub(crate) async fn encrypt(
    call: &mut Call<'_>,
    request: request::Encrypt,
) -> Result<response::Encrypt, Failure> {
    let found = call.find(&request.key_id, Forms::KeyOrAlias)?;
    let asked = Use {
        action: "Encrypt",
        context: &request.encryption_context,
        algorithm: request.encryption_algorithm,
        grant_tokens: &request.grant_tokens,
        on_same_key: None,
    };
    let admitted = admitted(call, &found, &asked)?;
    unless_dry_run(request.dry_run)?;
    let plaintext = request.plaintext.expose();
    let (ciphertext_blob, material) =
        layers::encrypt(call, &admitted, &request.encryption_context, plaintext).await?;
    note_material(call, "keyMaterialId", material.as_ref());
    used(call, &admitted.key, UsageOperation::Encrypt);
    Ok(response::Encrypt {
        ciphertext_blob,
        key_id: admitted.key.name.clone(),
        encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
    })
}
