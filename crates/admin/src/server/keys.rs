//! `/v1/keys`

use warden::KeyState;

use super::call::{Call, Reply, parsed};
use crate::error::Refusal;
use crate::message::NewKey;

/// All of them, or those of one key manager.
pub(super) fn list(call: &Call<'_>, manager: Option<&str>) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.keys(manager)?)
}

/// One.
pub(super) fn show(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.key(key)?)
}

/// Makes one.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let new: NewKey = call.input()?;
    let usage = new.usage.as_deref().unwrap_or("encrypt,decrypt");
    let key = call
        .warden
        .create_key(call.actor, &new.key_manager, &new.name, parsed(usage)?);
    Reply::json(&key.await?)
}

/// Lets one be used again.
pub(super) async fn enable(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    Reply::json(
        &call
            .warden
            .set_key_state(call.actor, key, KeyState::Enabled)
            .await?,
    )
}

/// Stops every use of one.
pub(super) async fn disable(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    Reply::json(
        &call
            .warden
            .set_key_state(call.actor, key, KeyState::Disabled)
            .await?,
    )
}
