//! Doors for tests and the fuzzer into what the API does not show. No part of the crate's promises.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ambient::Random;
use crypto::{Key256, SecretBytes, XaesKey};
use kms_api::{EncryptionContext, ErrorName, KeyId, KeyState, KmsError, Operation};
use xks_api::{CiphertextMetadata, Iv, TAG_BYTES};

use crate::ciphertext::{
    self, Body, ContextDigest, Header, Layer, Origin, Outer, Parsed, under_aws_kms, under_external_key,
    under_hsm_key,
};
use crate::clusters::Encrypted;
use crate::error::Failure;
use crate::state::MaterialId;
use crate::state::record::{GrantRecord, KeyRecord};
use crate::{Kms, keys};

/// The error that forbids an operation in a key state, by the table that every handler asks.
pub fn refusal(operation: Operation, state: KeyState) -> Option<ErrorName> {
    keys::refusal(operation, state).map(keys::Refusal::name)
}

/// Puts copies of a key's first grant beside it, as one change: through the API the most grants that
/// a key can have would take minutes.
pub async fn copy_grant(kms: &Kms, key: &KeyId, copies: usize) -> Result<(), KmsError> {
    let mut edit = kms.state().edit().await;
    let found = kms.state().read().key(key.as_str()).map(Arc::clone);
    let first = found
        .as_ref()
        .and_then(|key| key.grants.iter().next().map(Arc::clone));
    let Some(grant) = first else { return Ok(()) };
    for number in 0..copies {
        let id = format!("{number:064x}");
        edit.put_grant(GrantRecord {
            id,
            ..(*grant.record).clone()
        });
    }
    Ok(edit.commit().await.map_err(Failure::from)?)
}

/// Sets how often the key object of a key in a cluster has encrypted: through the API the most that it
/// may would take weeks.
pub async fn set_encryptions(kms: &Kms, key: &KeyId, count: u64) -> Result<(), KmsError> {
    let mut edit = kms.state().edit().await;
    let found = kms.state().read().key(key.as_str()).map(Arc::clone);
    let Some(key) = found else { return Ok(()) };
    edit.put_key(KeyRecord {
        encryptions: count,
        ..KeyRecord::clone(&key.record)
    });
    key.encryptions.store(count, Ordering::Relaxed);
    Ok(edit.commit().await.map_err(Failure::from)?)
}

/// Encryptions that are reserved for a key.
pub fn reserved_encryptions(kms: &Kms, key: &KeyId) -> Option<u64> {
    let model = kms.state().read();
    model.key(key.as_str()).map(|key| key.record.encryptions)
}

/// Takes a ciphertext blob apart: any input gives an answer, and what parses is written again as the
/// same bytes.
pub fn parse_ciphertext(bytes: &[u8]) {
    let Ok(parsed) = Parsed::parse(bytes) else { return };
    let again = match &parsed.body {
        Body::Inner(inner) => under_aws_kms(&parsed.header, inner),
        Body::Outer(outer) => under_external_key(&parsed.header, outer),
        Body::Hsm(encrypted) => under_hsm_key(&parsed.header, encrypted),
    };
    assert_eq!(again.as_deref(), Ok(bytes), "a blob has one form");
}

/// What the blob of a key in an AWS CloudHSM key store is bound to: what golden vectors are made of.
pub struct HsmVector {
    header: Header,
    context: ContextDigest,
}

impl HsmVector {
    /// Of a key and its key object; `None` if the ARN is none.
    pub fn new(key_arn: &str, backing_key_id: [u8; 32], context: &EncryptionContext) -> Option<Self> {
        let (arn, id) = (key_arn.parse().ok()?, MaterialId(backing_key_id));
        Some(Self {
            header: Header::new(Origin::AwsCloudHsm, arn, id)?,
            context: ContextDigest::of(context),
        })
    }

    /// What the HSM is given as additional authenticated data.
    pub fn aad(&self) -> Vec<u8> {
        ciphertext::aad(Layer::Hsm, &self.header, self.context)
            .as_bytes()
            .to_vec()
    }

    /// The whole blob over what the HSM answered.
    pub fn blob(&self, encrypted: &Encrypted) -> Option<Vec<u8>> {
        under_hsm_key(&self.header, encrypted).ok()
    }

    /// What the HSM would be given to decrypt, and with which additional data: of a blob of this key.
    pub fn parse(&self, blob: &[u8]) -> Option<(Encrypted, Vec<u8>)> {
        let Parsed { header, body } = Parsed::parse(blob).ok()?;
        let Body::Hsm(encrypted) = body else { return None };
        let aad = ciphertext::aad(Layer::Hsm, &header, self.context);
        (header == self.header).then(|| (encrypted, aad.as_bytes().to_vec()))
    }
}

/// Key material with all that its ciphertexts are bound to: what golden vectors are made of.
pub struct Vector {
    header: Header,
    cipher: XaesKey,
    context: ContextDigest,
}

impl Vector {
    /// Of a key in an external key store, or of an `AWS_KMS` key; `None` if the ARN is none.
    pub fn new(
        external: bool,
        key_arn: &str,
        material_id: [u8; 32],
        material: &Key256,
        context: &EncryptionContext,
    ) -> Option<Self> {
        let origin = if external {
            Origin::ExternalKeyStore
        } else {
            Origin::AwsKms
        };
        Some(Self {
            header: Header::new(origin, key_arn.parse().ok()?, MaterialId(material_id))?,
            cipher: material.xaes(),
            context: ContextDigest::of(context),
        })
    }

    /// Our own layer: nonce, ciphertext, tag.
    pub fn inner(&self, random: &dyn Random, plaintext: &[u8]) -> Option<Vec<u8>> {
        ciphertext::seal(&self.cipher, random, &self.header, self.context, plaintext).ok()
    }

    /// What the proxy is given as additional authenticated data.
    pub fn outer_aad(&self) -> Vec<u8> {
        ciphertext::aad(Layer::Outer, &self.header, self.context)
            .as_bytes()
            .to_vec()
    }

    /// The whole blob of an `AWS_KMS` key.
    pub fn blob(&self, random: &dyn Random, plaintext: &[u8]) -> Option<Vec<u8>> {
        ciphertext::seal_blob(&self.cipher, random, &self.header, self.context, plaintext).ok()
    }

    /// The whole blob of a key in an external key store, over what its proxy answered.
    pub fn blob_over(
        &self,
        metadata: CiphertextMetadata,
        iv: Iv,
        tag: [u8; TAG_BYTES],
        ciphertext: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let outer = Outer {
            metadata,
            iv,
            tag,
            ciphertext,
        };
        under_external_key(&self.header, &outer).ok()
    }

    /// Opens our own layer of a blob; for a key in an external key store, `outer` is what the proxy
    /// decrypted.
    pub fn open(&self, blob: &[u8], outer: Option<&[u8]>) -> Option<SecretBytes> {
        let parsed = Parsed::parse(blob).ok()?;
        let layer = match (&parsed.body, outer) {
            (Body::Inner(inner), None) => inner,
            (Body::Outer(_), Some(inner)) => inner,
            _ => return None,
        };
        ciphertext::open(&self.cipher, &parsed.header, self.context, layer).ok()
    }
}
