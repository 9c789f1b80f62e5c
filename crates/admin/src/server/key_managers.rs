//! `/v1/key-managers`

use super::call::{Call, Reply};
use crate::error::Refusal;
use crate::message::NewKeyManager;

/// All of them.
pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.key_managers())
}

/// Makes one.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let new: NewKeyManager = call.input()?;
    let kind = new.kind.as_deref().unwrap_or("virtual-hsm");
    Reply::json(
        &call
            .warden
            .create_key_manager(call.actor, kind, &new.name)
            .await?,
    )
}

/// Replaces its key-encryption key.
pub(super) async fn rotate_kek(call: &Call<'_>, manager: &str) -> Result<Reply, Refusal> {
    let rotated = call.warden.rotate_key_encryption_key(call.actor, manager);
    Reply::json(&rotated.await?)
}
