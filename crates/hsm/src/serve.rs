//! A request on its way to a token, and to a second one if the first is of no use.

use std::sync::Arc;

use crypto::SecretBytes;
use key_manager::{
    AdditionalData, CiphertextMetadata, EncryptOutput, EncryptedRef, Iv, KeyId, KeyManagerError, Witness,
};
use pkcs11::{KeyObject, Sealed, Token, TokenError};

use crate::error;
use crate::fleet::{Member, is_about_the_object, is_about_the_request};
use crate::manager::Inner;
use crate::rows::version::PROOF_PLAINTEXT;
use crate::version::{Standing, Version};

/// A request is tried on this many tokens.
const TRIES: usize = 2;

/// Whether a call is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Yes,
    No,
}

impl Inner {
    pub(crate) async fn encrypt(
        &self,
        key: &KeyId,
        plaintext: &[u8],
        aad: AdditionalData<'_>,
    ) -> Result<EncryptOutput, KeyManagerError> {
        let version = Arc::clone(self.contents.load().key(key)?.encrypting()?);
        let framed = frame(&version, aad)?;
        let framed = framed.as_slice();
        let sealed = self
            .serve(
                &version,
                Counted::Yes,
                |token: Token, object: KeyObject| async move {
                    token
                        .encrypt(&object, SecretBytes::new(plaintext.to_vec()), framed)
                        .await
                },
            )
            .await?;
        output(sealed, version.metadata())
    }

    pub(crate) async fn encrypt_tried(
        &self,
        key: &KeyId,
        plaintext: &[u8],
        aad: AdditionalData<'_>,
        witness: Witness<'_>,
    ) -> Result<(EncryptOutput, SecretBytes), KeyManagerError> {
        let version = Arc::clone(self.contents.load().key(key)?.encrypting()?);
        let framed = frame(&version, aad)?;
        let framed = framed.as_slice();
        let tried = self
            .serve(
                &version,
                Counted::Yes,
                |token: Token, object: KeyObject| async move {
                    token
                        .encrypt_and_try(&object, SecretBytes::new(plaintext.to_vec()), framed)
                        .await
                },
            )
            .await?;
        let output = output(tried.sealed, version.metadata())?;
        witness(&output);
        // The trial was made where the session is. It vouches for this output only if nothing touched
        // it since, the witness included.
        let digest = crypto::sha256(&[output.iv.as_bytes(), &output.ciphertext, &output.tag]);
        if digest != tried.digest {
            return Err(KeyManagerError::NotAuthentic);
        }
        Ok((output, tried.opened))
    }

    pub(crate) async fn decrypt(
        &self,
        key: &KeyId,
        encrypted: EncryptedRef<'_>,
        aad: AdditionalData<'_>,
    ) -> Result<SecretBytes, KeyManagerError> {
        let version = Arc::clone(self.contents.load().key(key)?.decrypting(encrypted.metadata)?);
        let framed = version.row.framing.frame(aad, encrypted.metadata);
        let framed = framed.ok_or(KeyManagerError::NotAuthentic)?;
        let framed = framed.as_slice();
        self.serve(
            &version,
            Counted::No,
            |token: Token, object: KeyObject| async move {
                let sealed = Sealed {
                    ciphertext: encrypted.ciphertext.to_vec(),
                    iv: encrypted.iv.as_bytes().to_vec(),
                    tag: *encrypted.tag,
                };
                token.decrypt(&object, sealed, framed).await
            },
        )
        .await
    }

    /// Calls one token, and once another if the first answer says nothing about the request.
    async fn serve<T: Send, F: Future<Output = Result<T, TokenError>> + Send>(
        &self,
        version: &Arc<Version>,
        counted: Counted,
        call: impl Fn(Token, KeyObject) -> F + Send + Sync,
    ) -> Result<T, KeyManagerError> {
        let mut last = None;
        for member in self.fleet.candidates(version).into_iter().take(TRIES) {
            if counted == Counted::Yes {
                version.counter.take(|| self.reservations.ask(version)).await?;
            }
            match self.try_on(member, version, &call).await {
                Ok(value) => return Ok(value),
                Err(error) if is_about_the_request(&error) => {
                    return Err(error::token(member.name(), &error));
                }
                Err(error) => last = Some(error::token(member.name(), &error)),
            }
        }
        let nobody = || KeyManagerError::Unavailable(self.fleet.troubles(Some(version)));
        Err(last.unwrap_or_else(nobody))
    }

    async fn try_on<T: Send, F: Future<Output = Result<T, TokenError>> + Send>(
        &self,
        member: &Member,
        version: &Version,
        call: &(impl Fn(Token, KeyObject) -> F + Send + Sync),
    ) -> Result<T, TokenError> {
        let (_, epoch) = member.standing();
        let (token, object) = self.proved(member, epoch, version).await?;
        let in_flight = member.begin(self.shared.clock.as_ref());
        let result = call(token, object).await;
        drop(in_flight);
        if let Err(error) = &result {
            member.note(epoch, error);
            if is_about_the_object(error) {
                unfit(version, member, epoch, error);
            }
        }
        result
    }

    /// The version's object on this token, proved to be the key: it decrypts what the first token's object
    /// encrypted when the version was made. Once for each time that the token comes back.
    pub(crate) async fn proved(
        &self,
        member: &Member,
        epoch: u64,
        version: &Version,
    ) -> Result<(Token, KeyObject), TokenError> {
        let token = member.token().ok_or(TokenError::TokenGone)?;
        let place = version.place(member.index).ok_or(TokenError::TokenGone)?;
        if let Some(object) = place.ready(epoch) {
            return Ok((token, object));
        }
        let _one_at_a_time = place.proving.lock().await;
        if let Some(object) = place.ready(epoch) {
            return Ok((token, object));
        }
        // Whoever was first found it gone; the others do not wait for that one after the other.
        if member.standing().1 != epoch {
            return Err(TokenError::TokenGone);
        }
        let in_flight = member.begin(self.shared.clock.as_ref());
        let found = find_and_prove(&token, version).await;
        drop(in_flight);
        match found {
            Ok(object) => {
                place.set(Standing::Ready {
                    epoch,
                    object: object.clone(),
                });
                Ok((token, object))
            }
            Err(error) => {
                member.note(epoch, &error);
                if is_about_the_object(&error) {
                    unfit(version, member, epoch, &error);
                }
                Err(error)
            }
        }
    }
}

/// An answer about the ciphertext is believed of a token that passed this, and of no other.
async fn find_and_prove(token: &Token, version: &Version) -> Result<KeyObject, TokenError> {
    let unsuitable = |why: &str| TokenError::Unsuitable(why.to_owned());
    let selector = version
        .row
        .selector()
        .ok_or_else(|| unsuitable("it has no name"))?;
    let proof = version.proof().ok_or_else(|| unsuitable("its proof is none"))?;
    let (sealed, aad) = (proof.sealed.clone(), proof.aad.clone());
    // From now on the sessions ask for it too: the name may be given to another object while this token
    // serves, or its module be restarted without anybody's notice.
    let object = token.find(&selector).await?.proved_by(proof);
    match token.decrypt(&object, sealed, &aad).await {
        Ok(opened) if opened.expose() == PROOF_PLAINTEXT => Ok(object),
        Ok(_) | Err(TokenError::NotAuthentic) => Err(TokenError::AnotherKey),
        Err(error) => Err(error),
    }
}

fn unfit(version: &Version, member: &Member, epoch: u64, error: &TokenError) {
    let why = format!("the object {}: {error}", version.row.object());
    tracing::error!(
        key = version.key.as_str(),
        version = %version.row.tag,
        token = member.name(),
        "the token does not serve this key: {why}"
    );
    if let Some(place) = version.place(member.index) {
        place.set(Standing::Unfit { epoch, why });
    }
}

fn frame(version: &Version, aad: AdditionalData<'_>) -> Result<Vec<u8>, KeyManagerError> {
    let unframed = || KeyManagerError::KeyRefused("its framing has no place for metadata".to_owned());
    version
        .row
        .framing
        .frame(aad, &version.metadata())
        .ok_or_else(unframed)
}

fn output(sealed: Sealed, metadata: CiphertextMetadata) -> Result<EncryptOutput, KeyManagerError> {
    let iv = Iv::from_slice(&sealed.iv).map_err(|error| KeyManagerError::Unavailable(error.to_string()))?;
    Ok(EncryptOutput {
        ciphertext: sealed.ciphertext,
        iv,
        tag: sealed.tag,
        metadata,
    })
}
