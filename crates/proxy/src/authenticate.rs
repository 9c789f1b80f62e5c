//! From an unverified request to an authenticated one. Here, and nowhere else, a
//! [`Caller`] is made, and only from a [`Verified`] body.

use std::borrow::Cow;
use std::sync::Arc;

use ambient::{Moment, Timestamp};
use bytes::Bytes;
use sigv4::{UnverifiedRequest, Verified, Verifier};
use warden::{Caller, Credential, Evidence, KeyStore};
use xks_api::metadata::RequestMetadata;

use crate::answer::Refusal;
use crate::secrets::Index;

/// A request whose signature was verified with a credential of the key store that its path names.
pub(crate) struct Authenticated {
    key_store: Arc<KeyStore>,
    credential: Arc<Credential>,
    body: Verified<Bytes>,
}

/// Verifies the signature over exactly the bytes of `body`, with the credentials of this key store
/// alone (XKS-AUTH-01). A credential of another key store is unknown here.
pub(crate) fn authenticate(
    verifier: &Verifier,
    index: &Index,
    key_store: &Arc<KeyStore>,
    request: UnverifiedRequest<'_>,
    body: Bytes,
    now: Timestamp,
) -> Result<Authenticated, Refusal> {
    let unknown = || Refusal::Signature(sigv4::Refusal::UnknownCredentialOrSignature);
    let prepared = index.store(&key_store.id).ok_or_else(unknown)?;
    let mut credential = None;
    // Both are looked up for every id, so that a known one takes no longer than an unknown one.
    let secret = |access_key_id: &str| {
        let found = key_store.credential(access_key_id, now).map(Arc::clone);
        let secret = prepared.secret(access_key_id);
        credential = found;
        credential.as_ref().and(secret)
    };
    let verified = verifier.verify(request, body, &prepared.rules, now, secret);
    let body = verified.map_err(Refusal::Signature)?;
    let credential = credential.ok_or_else(unknown)?;
    Ok(Authenticated {
        key_store: Arc::clone(key_store),
        credential,
        body,
    })
}

impl Authenticated {
    /// The credential that signed.
    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The caller, of whom nothing was reported yet, and the signed bytes.
    pub(crate) fn into_caller(self, deadline: Moment, peer: Option<Box<str>>) -> (Caller, Bytes) {
        let Self {
            key_store,
            credential,
            body,
        } = self;
        let evidence = Evidence {
            peer,
            ..Evidence::default()
        };
        (
            Caller {
                key_store,
                credential,
                deadline,
                evidence,
            },
            body.into_body(),
        )
    }
}

/// Adds what KMS reports. Claims, for policy and record: only that the credential's holder says so
/// is proven.
pub(crate) fn report(evidence: &mut Evidence, metadata: RequestMetadata<'_>) {
    let own = |text: Option<Cow<'_, str>>| text.map(|text| text.into_owned().into_boxed_str());
    evidence.request_id = own(Some(metadata.kms_request_id));
    evidence.operation = own(Some(metadata.kms_operation));
    evidence.principal = own(metadata.aws_principal_arn);
    evidence.foreign_key = own(metadata.kms_key_arn);
    evidence.via_service = own(metadata.kms_via_service);
    evidence.source_vpc = own(metadata.aws_source_vpc);
    evidence.source_vpce = own(metadata.aws_source_vpce);
}
