//! `/v1/key-stores`

use warden::view::KeyStoreView;
use xks_api::uri::BASE_PATH;

use super::call::{Call, Reply};
use super::check;
use crate::error::Refusal;
use crate::generate;
use crate::message::{KeyStore, NewKeyStore};

/// All of them.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let views = call.warden.key_stores().await?;
    Reply::json(&views.into_iter().map(with_uri_path).collect::<Vec<_>>())
}

/// One.
pub(super) async fn show(call: &Call<'_>, store: &str) -> Result<Reply, Refusal> {
    Reply::json(&with_uri_path(call.warden.key_store(store).await?))
}

/// Makes one.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let new: NewKeyStore = call.input()?;
    let prefix = generate::path_prefix(call.random, new.path_prefix.as_deref())?;
    check::region(new.region.as_deref())?;
    check::listeners(new.listeners.as_deref(), &call.node)?;
    check::common_names(new.common_names.as_deref())?;
    let new = warden::NewKeyStore {
        name: new.name,
        path_prefix: prefix.as_str().to_owned(),
        region: new.region,
        listeners: new.listeners,
        common_names: new.common_names,
    };
    Reply::json(&with_uri_path(
        call.warden.create_key_store(call.actor, new).await?,
    ))
}

pub(super) fn with_uri_path(view: KeyStoreView) -> KeyStore {
    let uri_path = format!("{}{BASE_PATH}", view.path_prefix);
    KeyStore { uri_path, view }
}
