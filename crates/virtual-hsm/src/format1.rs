//! Ciphertext format 1: one key version at work.

use ambient::Random;
use crypto::{Key256, SecretBytes, XAES_NONCE_LEN, XaesKey};
use key_manager::framing::{self, Format};
use key_manager::{AdditionalData, EncryptOutput, EncryptedRef, Iv, KeyManagerError, VersionTag};

const HALF: usize = XAES_NONCE_LEN / 2;

/// A key version ready for use: its key schedule is made once, when the version is loaded.
pub(crate) struct Version {
    tag: VersionTag,
    cipher: XaesKey,
}

impl Version {
    pub(crate) fn new(tag: VersionTag, key: &Key256) -> Self {
        Self {
            tag,
            cipher: key.xaes(),
        }
    }

    pub(crate) const fn tag(&self) -> VersionTag {
        self.tag
    }

    /// Encrypts with exactly 24 fresh random bytes: the nonce extension (in the metadata) and the
    /// IV. Metadata and additional data are authenticated, framed as XKS-AAD-02 says.
    pub(crate) fn encrypt(
        &self,
        random: &dyn Random,
        plaintext: &[u8],
        aad: AdditionalData<'_>,
    ) -> Result<EncryptOutput, KeyManagerError> {
        let mut halves = [[0; HALF]; 2];
        random.fill(halves.as_flattened_mut())?;
        let [extension, iv] = halves;
        let metadata = Format::one(self.tag, &extension);
        let framed = framing::spec(aad, &metadata);
        let mut text = plaintext.to_vec();
        match self.cipher.seal(&nonce(extension, iv), &framed, &mut text) {
            Ok(tag) => Ok(EncryptOutput {
                ciphertext: text,
                iv: Iv::Twelve(iv),
                tag,
                metadata,
            }),
            Err(error) => {
                // It may still hold the plaintext.
                drop(SecretBytes::new(text));
                Err(KeyManagerError::Unavailable(error.to_string()))
            }
        }
    }

    /// Decrypts what this version encrypted with this nonce extension.
    pub(crate) fn decrypt(
        &self,
        extension: [u8; HALF],
        encrypted: EncryptedRef<'_>,
        aad: AdditionalData<'_>,
    ) -> Result<SecretBytes, KeyManagerError> {
        let Iv::Twelve(iv) = encrypted.iv else {
            return Err(KeyManagerError::NotAuthentic);
        };
        let framed = framing::spec(aad, encrypted.metadata);
        let mut plaintext = SecretBytes::zeroed(encrypted.ciphertext.len());
        self.cipher
            .open(
                &nonce(extension, *iv),
                &framed,
                encrypted.ciphertext,
                encrypted.tag,
                plaintext.expose_mut(),
            )
            .map_err(|_| KeyManagerError::NotAuthentic)?;
        Ok(plaintext)
    }
}

/// Nonce = extension ‖ IV.
fn nonce(extension: [u8; HALF], iv: [u8; HALF]) -> [u8; XAES_NONCE_LEN] {
    let mut nonce = [0; XAES_NONCE_LEN];
    let halves = extension.iter().chain(&iv);
    nonce.iter_mut().zip(halves).for_each(|(to, from)| *to = *from);
    nonce
}
