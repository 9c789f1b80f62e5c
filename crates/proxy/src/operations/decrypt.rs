//! Decrypt.

use bytes::Bytes;
use warden::{Caller, CiphertextMetadata, EncryptedRef, FailureKind, Iv};
use xks_api::message::{DecryptRequest, DecryptResponse};

use super::{Serving, unreadable};
use crate::account::Progress;
use crate::answer::Refusal;
use crate::authenticate::report;

pub(super) async fn run(
    serving: &Serving<'_>,
    external_key_id: &str,
    caller: &mut Caller,
    progress: &mut Progress<'_>,
) -> Result<Bytes, Refusal> {
    let request = DecryptRequest::parse(serving.body, serving.limits)
        .map_err(|error| unreadable(serving, caller, error))?;
    report(&mut caller.evidence, request.metadata);
    // Both have the lengths that the key manager's own types ask for; were it otherwise, no key
    // could have encrypted this.
    let wrong = |_| Refusal::Warden(FailureKind::NotAuthentic);
    let iv = Iv::from_slice(request.iv.as_bytes()).map_err(wrong)?;
    let metadata = CiphertextMetadata::from_slice(request.ciphertext_metadata.as_bytes()).map_err(wrong)?;
    let encrypted = EncryptedRef {
        ciphertext: &request.ciphertext,
        iv: &iv,
        tag: &request.tag,
        metadata: &metadata,
    };
    let released = serving
        .warden
        .decrypt(caller, external_key_id, encrypted, request.aad.as_deref())
        .await
        .map_err(|failure| progress.failed(failure))?;
    progress.released(&released);
    let response = DecryptResponse {
        plaintext: released.into_answer(),
    };
    Ok(Bytes::from_owner(response.to_json()))
}
