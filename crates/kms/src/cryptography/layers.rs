//! Encryption and decryption under a KMS key: once under its own material, and for a key in an
//! external key store once more by the proxy; in the opposite order to decrypt. A key in an AWS
//! CloudHSM key store has no material but its key object, which does it all.

use crypto::SecretBytes;
use kms_api::{EncryptionContext, ErrorName, KmsError, UsageOperation};
use xks_api::kms_exception::{ProxyFailure, kms_message};

use crate::call::Call;
use crate::ciphertext::{
    self, Body, ContextDigest, Header, Layer, Origin, Parsed, SealError, under_external_key, under_hsm_key,
};
use crate::error::Failure;
use crate::keys::Admitted;
use crate::state::record::KeyOrigin;
use crate::state::{Key, MaterialId, Usage};

/// Encrypts under the key's current material. The blob, and the material's id where AWS shows one.
pub(super) async fn encrypt(
    call: &mut Call<'_>,
    admitted: &Admitted,
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Result<(Box<[u8]>, Option<String>), Failure> {
    let key = &admitted.key;
    let context = ContextDigest::of(context);
    let header_over = |material| {
        Header::new(origin(key), key.name.clone(), material)
            .ok_or_else(|| Failure::internal("a key ARN is too long"))
    };
    if let Some(object) = key_object(key) {
        let header = header_over(object)?;
        let aad = ciphertext::aad(Layer::Hsm, &header, context);
        let encrypted = call
            .encrypt_in_cluster(admitted, object, plaintext, aad.as_bytes())
            .await?;
        let blob = under_hsm_key(&header, &encrypted)
            .map_err(|_| Failure::internal("the HSM's answer makes no ciphertext"))?;
        return Ok((blob.into(), None));
    }
    let Some(material) = key.current_material() else {
        return Err(Failure::internal(format_args!("{} has no key material", key.arn)));
    };
    let header = header_over(material.id)?;
    let random = call.kms.random();
    let cipher = &material.cipher;
    let blob = match header.origin() {
        Origin::AwsKms | Origin::AwsCloudHsm => {
            ciphertext::seal_blob(cipher, random, &header, context, plaintext)?
        }
        Origin::ExternalKeyStore => {
            let inner = ciphertext::seal(cipher, random, &header, context, plaintext)?;
            let aad = ciphertext::aad(Layer::Outer, &header, context)
                .as_bytes()
                .to_vec();
            let outer = call.encrypt_externally(admitted, inner, aad).await?;
            under_external_key(&header, &outer)
                .map_err(|_| Failure::internal("the proxy's answer makes the ciphertext too long"))?
        }
    };
    Ok((blob.into(), shown_material(key, &header)))
}

/// Undoes [`encrypt`].
pub(super) async fn decrypt(
    call: &mut Call<'_>,
    admitted: &Admitted,
    context: &EncryptionContext,
    parsed: Parsed<'_>,
) -> Result<(SecretBytes, Option<String>), Failure> {
    let key = &admitted.key;
    let Parsed { header, body } = parsed;
    if header.origin() != origin(key) {
        return Err(invalid_ciphertext().into());
    }
    let context = ContextDigest::of(context);
    if let Body::Hsm(encrypted) = body {
        let object = key_object(key).filter(|object| *object == header.material());
        let object = object.ok_or_else(invalid_ciphertext)?;
        let aad = ciphertext::aad(Layer::Hsm, &header, context);
        let plaintext = call
            .decrypt_in_cluster(admitted, object, encrypted, aad.as_bytes())
            .await?;
        return Ok((plaintext, None));
    }
    let Some(material) = key.material(&header.material()) else {
        return Err(invalid_ciphertext().into());
    };
    let plaintext = match body {
        Body::Hsm(_) => return Err(invalid_ciphertext().into()),
        Body::Inner(inner) => ciphertext::open(&material.cipher, &header, context, inner)
            .map_err(|_| Failure::from(invalid_ciphertext()))?,
        Body::Outer(outer) => {
            let aad = ciphertext::aad(Layer::Outer, &header, context)
                .as_bytes()
                .to_vec();
            let inner = call.decrypt_externally(admitted, outer, aad).await?;
            ciphertext::open(&material.cipher, &header, context, inner.expose()).map_err(|_| {
                let message = kms_message(ProxyFailure::InnerLayerInvalid);
                Failure::new(ErrorName::KmsInvalidStateException, message)
            })?
        }
    };
    Ok((plaintext, shown_material(key, &header)))
}

/// AWS says no more about a ciphertext that is not right, or not with this context.
pub(super) const fn invalid_ciphertext() -> KmsError {
    KmsError::bare(ErrorName::InvalidCiphertextException)
}

/// Names the material in the call's CloudTrail record, where AWS does.
pub(super) fn note_material(call: &mut Call<'_>, member: &str, material: Option<&String>) {
    if let Some(material) = material {
        call.trail.additional(member, material.as_str());
    }
}

/// Notes that a key was used.
pub(super) fn used(call: &Call<'_>, key: &Key, operation: UsageOperation) {
    key.usage.note(Usage {
        operation,
        at: call.now,
        event_id: call.event_id.clone(),
        request_id: call.request_id.clone(),
    });
}

fn origin(key: &Key) -> Origin {
    match key.record.origin {
        KeyOrigin::AwsKms => Origin::AwsKms,
        KeyOrigin::ExternalKeyStore { .. } => Origin::ExternalKeyStore,
        KeyOrigin::AwsCloudHsm { .. } => Origin::AwsCloudHsm,
    }
}

/// The key object behind a key in a cluster.
fn key_object(key: &Key) -> Option<MaterialId> {
    MaterialId::parse(key.record.origin.backing_key_id()?)
}

/// `KeyMaterialId`: not of keys in external key stores, as at AWS.
fn shown_material(key: &Key, header: &Header) -> Option<String> {
    matches!(key.record.origin, KeyOrigin::AwsKms).then(|| header.material().to_string())
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::internal(error)
    }
}
