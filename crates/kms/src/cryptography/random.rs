//! GenerateRandom.

use crypto::SecretBytes;
use kms_api::{ErrorName, request, response};

use super::request::no_recipient;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;

pub(crate) async fn generate_random(
    call: &mut Call<'_>,
    request: request::GenerateRandom,
) -> Result<response::GenerateRandom, Failure> {
    no_recipient(request.recipient.as_ref())?;
    let Some(len) = request.number_of_bytes else {
        let message = "NumberOfBytes is missing.";
        return Err(Failure::new(ErrorName::ValidationException, message));
    };
    let _allowed = call.authorize("GenerateRandom", &Resource::Any, &Extras::default())?;
    if let Some(id) = &request.custom_key_store_id {
        return Err(no_hsm(call, id));
    }
    let len = usize::try_from(len).map_err(Failure::internal)?;
    let plaintext = SecretBytes::generate(call.kms.random(), len)?;
    Ok(response::GenerateRandom { plaintext })
}

/// Only AWS CloudHSM key stores make random bytes.
fn no_hsm(call: &Call<'_>, id: &str) -> Failure {
    let model = call.kms.state().read();
    let store = model.custom_key_store(id);
    if store.is_some_and(|store| store.record.realm == call.realm) {
        let message = format!("The custom key store {id} is not an AWS CloudHSM key store.");
        return Failure::new(ErrorName::UnsupportedOperationException, message);
    }
    let message = format!("There is no custom key store {id}.");
    Failure::new(ErrorName::CustomKeyStoreNotFoundException, message)
}
