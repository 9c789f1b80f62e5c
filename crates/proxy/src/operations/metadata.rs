//! GetKeyMetadata.

use bytes::Bytes;
use warden::{Caller, KeyState};
use xks_api::message::{GetKeyMetadataRequest, KeyMetadataResponse, KeyStatus, KeyUsage};

use super::{Serving, unreadable};
use crate::account::Progress;
use crate::answer::Refusal;
use crate::authenticate::report;

pub(super) fn run(
    serving: &Serving<'_>,
    external_key_id: &str,
    caller: &mut Caller,
    progress: &mut Progress<'_>,
) -> Result<Bytes, Refusal> {
    let request =
        GetKeyMetadataRequest::parse(serving.body).map_err(|error| unreadable(serving, caller, error))?;
    report(&mut caller.evidence, request.metadata);
    progress.parsed();
    let key = serving
        .warden
        .describe(caller, external_key_id)
        .map_err(|failure| progress.failed(failure))?;
    let usages = [
        (key.usage.encrypt, KeyUsage::Encrypt),
        (key.usage.decrypt, KeyUsage::Decrypt),
    ];
    let response = KeyMetadataResponse {
        usage: usages
            .into_iter()
            .filter_map(|(may, usage)| may.then_some(usage))
            .collect(),
        status: match key.state {
            KeyState::Enabled => KeyStatus::Enabled,
            KeyState::Disabled | KeyState::PendingDeletion => KeyStatus::Disabled,
        },
    };
    Ok(response.to_json().into())
}
