//! GenerateRandom.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::{ErrorName, request, response};

use super::request::no_recipient;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::CustomKeyStore;

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
    let len = usize::try_from(len).map_err(Failure::internal)?;
    let plaintext = match &request.custom_key_store_id {
        Some(id) => {
            let store = with_hsms(call, id)?;
            call.trail.additional("customKeyStoreId", id.as_str());
            call.random_in_cluster(&store, len).await?
        }
        None => SecretBytes::generate(call.kms.random(), len)?,
    };
    Ok(response::GenerateRandom { plaintext })
}

/// Only AWS CloudHSM key stores make random bytes.
fn with_hsms(call: &Call<'_>, id: &str) -> Result<Arc<CustomKeyStore>, Failure> {
    let store = call.kms.state().read().custom_key_store(id).map(Arc::clone);
    let Some(store) = store.filter(|store| store.record.realm == call.realm) else {
        let message = format!("There is no custom key store {id}.");
        return Err(Failure::new(ErrorName::CustomKeyStoreNotFoundException, message));
    };
    if store.record.cluster().is_none() {
        let message = format!("The custom key store {id} is not an AWS CloudHSM key store.");
        return Err(Failure::new(ErrorName::UnsupportedOperationException, message));
    }
    Ok(store)
}
