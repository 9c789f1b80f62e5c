//! `/v1/key-stores/{store}/bindings`

use super::call::{Call, Reply};
use super::check;
use super::key_stores::with_uri_path;
use crate::error::Refusal;
use crate::generate;
use crate::message::NewBinding;

/// Lets a key store use a key.
pub(super) async fn create(call: &Call<'_>, store: &str) -> Result<Reply, Refusal> {
    let new: NewBinding = call.input()?;
    let id = generate::external_key_id(call.random, new.external_key_id.as_deref())?;
    check::principals(new.principals.as_deref())?;
    check::kms_keys(new.kms_keys.as_deref())?;
    let new = warden::NewBinding {
        external_key_id: id.as_str().to_owned(),
        key: new.key,
        principals: new.principals,
        foreign_keys: new.kms_keys,
    };
    Reply::json(&with_uri_path(call.warden.bind(call.actor, store, new).await?))
}
