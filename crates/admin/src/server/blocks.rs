//! `/v1/key-stores/{store}/block` and `…/unblock`

use super::call::{Call, Reply};
use super::key_stores::with_uri_path;
use crate::error::{ErrorCode, Refusal};
use crate::message::{Block, Unblock};

/// A reason is a sentence or two in the log.
const MAX_REASON_BYTES: usize = 512;

/// Stops every use of a key store, or of one external key in it.
pub(super) async fn block(call: &Call<'_>, store: &str) -> Result<Reply, Refusal> {
    let block: Block = call.input()?;
    let reason = block.reason.trim();
    let printable = reason.chars().all(|character| !character.is_control());
    if !(1..=MAX_REASON_BYTES).contains(&reason.len()) || !printable {
        return Err(Refusal::new(
            ErrorCode::Invalid,
            "a reason has 1 to 512 bytes on one line",
        ));
    }
    let external_key = block.external_key_id.as_deref();
    let view = call.warden.block(call.actor, store, external_key, reason).await?;
    Reply::json(&with_uri_path(view))
}

/// Allows use again.
pub(super) async fn unblock(call: &Call<'_>, store: &str) -> Result<Reply, Refusal> {
    let unblock: Unblock = call.input()?;
    let external_key = unblock.external_key_id.as_deref();
    let view = call.warden.unblock(call.actor, store, external_key).await?;
    Reply::json(&with_uri_path(view))
}
