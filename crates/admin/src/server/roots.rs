//! `/v1/roots`, `/v1/seal`

use super::call::{Call, Reply};
use crate::error::Refusal;
use crate::message::ChangeSeal;

/// All root keys, and what depends on each.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.roots().await?)
}

/// Makes a new one.
pub(super) async fn rotate(call: &Call<'_>) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.rotate_root(call.actor).await?)
}

/// Deletes an older one.
pub(super) async fn retire(call: &Call<'_>, root: &str) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.retire_root(call.actor, root).await?)
}

/// Protects them all by a new seal.
pub(super) async fn change_seal(call: &Call<'_>) -> Result<Reply, Refusal> {
    let input: ChangeSeal = call.input()?;
    let kind = input.kind.as_deref();
    Reply::json(&call.warden.change_seal(call.actor, kind).await?)
}
