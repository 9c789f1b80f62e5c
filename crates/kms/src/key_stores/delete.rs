//! DeleteCustomKeyStore.

use kms_api::{ErrorName, request, response};

use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::Connection;

/// Removes a custom key store that is disconnected and has no KMS keys, not even some that wait for
/// their deletion. The external keys are not touched.
pub(crate) async fn delete(
    call: &mut Call<'_>,
    request: request::DeleteCustomKeyStore,
) -> Result<response::EmptyObject, Failure> {
    let _allowed = call.authorize("DeleteCustomKeyStore", &Resource::Any, &Extras::default())?;
    let mut edit = call.kms.state().edit().await;
    let store = call.key_store(&request.custom_key_store_id)?;
    let id = &store.record.id;
    if store.record.connection != Connection::Disconnected {
        return Err(Failure::new(
            ErrorName::CustomKeyStoreInvalidStateException,
            "The custom key store is not disconnected. Disconnect it before you delete it.",
        ));
    }
    let has_keys = call
        .kms
        .state()
        .read()
        .keys_of_store(id)
        .is_some_and(|keys| !keys.is_empty());
    if has_keys {
        return Err(Failure::new(
            ErrorName::CustomKeyStoreHasCMKsException,
            "The custom key store has KMS keys. Delete them before you delete it.",
        ));
    }
    edit.delete_custom_key_store(id);
    call.kms.commit_key_store(edit, id, &call.request_id).await?;
    Ok(response::EmptyObject)
}
