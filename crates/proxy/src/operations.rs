//! The four operations: from the signed bytes to the answer's body.
//!
//! Each reads its request, reports what KMS says of the caller as evidence, lets the warden do the
//! work, and prints the answer. None of them decides anything.

mod decrypt;
mod encrypt;
mod health;
mod metadata;

use bytes::Bytes;
use warden::{Caller, Warden};
use xks_api::message::HealthRequest;
use xks_api::uri::{KeyOperation, Resource};
use xks_api::{SizeLimits, XksError};

use crate::account::Progress;
use crate::answer::Refusal;
use crate::authenticate::report;

/// What every operation needs.
pub(crate) struct Serving<'s> {
    pub(crate) warden: &'s Warden,
    pub(crate) limits: &'s SizeLimits,
    /// The signed bytes.
    pub(crate) body: &'s [u8],
}

/// Does what the path asks for.
pub(crate) async fn run(
    serving: &Serving<'_>,
    resource: Resource<'_>,
    caller: &mut Caller,
    progress: &mut Progress<'_>,
) -> Result<Bytes, Refusal> {
    match resource {
        Resource::Health => health::run(serving, caller, progress),
        Resource::Key {
            external_key_id,
            operation,
        } => match operation {
            KeyOperation::GetKeyMetadata => metadata::run(serving, external_key_id, caller, progress),
            KeyOperation::Encrypt => encrypt::run(serving, external_key_id, caller, progress).await,
            KeyOperation::Decrypt => decrypt::run(serving, external_key_id, caller, progress).await,
        },
    }
}

/// The body is not a request of this operation. What it says of itself is reported all the same, as
/// far as it can be read: `kmsRequestId` is what people will search the log for (XKS-MD-02).
fn unreadable(serving: &Serving<'_>, caller: &mut Caller, error: XksError) -> Refusal {
    if let Ok(HealthRequest { metadata }) = HealthRequest::parse(serving.body) {
        report(&mut caller.evidence, metadata);
    }
    Refusal::Request(error)
}
