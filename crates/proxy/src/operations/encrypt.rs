//! Encrypt.

use std::borrow::Cow;

use bytes::Bytes;
use warden::{Caller, EncryptOutput};
use xks_api::cdiv::cdiv;
use xks_api::message::{EncryptRequest, EncryptResponse};

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
    let request = EncryptRequest::parse(serving.body, serving.limits)
        .map_err(|error| unreadable(serving, caller, error))?;
    report(&mut caller.evidence, request.metadata);
    let aad = request.aad.as_deref();
    let released = if request.cdiv {
        // The warden calls this between encryption and trial decryption, on the key manager's own
        // output: computed later, the CDIV could bless what went wrong in between (XKS-CDIV-04).
        let witness = |output: &EncryptOutput| {
            let EncryptOutput {
                ciphertext,
                iv,
                tag,
                metadata,
            } = output;
            Some(cdiv(aad, metadata.as_bytes(), iv.as_bytes(), ciphertext, tag))
        };
        // KMS takes a CDIV as assurance that Decrypt will work (XKS-CDIV-02), which a key that may
        // not decrypt cannot give.
        let work = serving
            .warden
            .encrypt_vouched(caller, external_key_id, request.plaintext, aad, witness);
        work.await
    } else {
        serving
            .warden
            .encrypt(caller, external_key_id, request.plaintext, aad, |_| None)
            .await
    };
    let released = released.map_err(|failure| progress.failed(failure))?;
    progress.released(&released);
    let (output, cdiv) = released.into_answer();
    let response = EncryptResponse {
        ciphertext: Cow::Borrowed(&output.ciphertext),
        ciphertext_metadata: output
            .metadata
            .as_bytes()
            .try_into()
            .map_err(|_| Refusal::Unsayable("ciphertext metadata above 20 bytes"))?,
        iv: output
            .iv
            .as_bytes()
            .try_into()
            .map_err(|_| Refusal::Unsayable("an IV of neither 12 nor 16 bytes"))?,
        tag: output.tag,
        cdiv,
    };
    Ok(response.to_json().into())
}
