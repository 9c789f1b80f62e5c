//! `POST /v1/recovery/acknowledge`

use super::call::{Call, Reply};
use super::status;
use crate::error::Refusal;

/// Accepts that the store is older than its log.
pub(super) async fn acknowledge(call: &Call<'_>) -> Result<Reply, Refusal> {
    let view = call.warden.acknowledge_recovery(call.actor).await?;
    Reply::json(&status::whole(call, view))
}
