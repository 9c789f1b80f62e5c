//! XAES-256-GCM (C2SP, `XAES-256-GCM.md`): AES-256-GCM under a key derived from the first half of
//! a 24-byte nonce.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptingKey, UnboundCipherKey};
use zeroize::{Zeroize, Zeroizing};

use crate::Key256;

/// Nonce length in bytes: random for every message.
pub const XAES_NONCE_LEN: usize = 24;
/// Tag length in bytes.
pub const TAG_LEN: usize = 16;

/// Encryption failed: AWS-LC was out of memory, or the message is past AES-GCM's 64 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encryption failed")]
pub struct SealError;

/// The ciphertext, its tag, nonce or additional data is not what was encrypted under this key.
/// Deliberately says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext is not authentic")]
pub struct OpenError;

/// A 256-bit key made ready for XAES-256-GCM.
pub struct XaesKey {
    /// AES-256 under the input key, to derive message keys. `None` only if AWS-LC had no memory
    /// for the key schedule; every use then fails.
    block: Option<EncryptingKey>,
    /// CMAC's first subkey K1 (RFC 4493, section 2.3).
    k1: Zeroizing<[u8; 16]>,
}

impl XaesKey {
    /// Precomputes the key schedule and CMAC's K1.
    pub fn new(key: &Key256) -> Self {
        let block = UnboundCipherKey::new(&cipher::AES_256, key.expose())
            .and_then(EncryptingKey::ecb)
            .ok();
        let mut k1 = Zeroizing::new([0; 16]);
        if let Some(block) = &block {
            // A failure leaves zeros, and `message_key` then fails in the same way.
            let _ = block.encrypt(k1.as_mut_slice());
        }
        *k1 = double(*k1);
        Self { block, k1 }
    }

    /// Encrypts in place and returns the tag. The nonce must be fresh and random.
    pub fn seal(
        &self,
        nonce: &[u8; XAES_NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; TAG_LEN], SealError> {
        let (key, nonce) = self.message_key(nonce).ok_or(SealError)?;
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)
            .map_err(|_| SealError)?;
        tag.as_ref().try_into().map_err(|_| SealError)
    }

    /// Decrypts `ciphertext` into `plaintext`, which has its length. On failure `plaintext` is
    /// zero.
    pub fn open(
        &self,
        nonce: &[u8; XAES_NONCE_LEN],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG_LEN],
        plaintext: &mut [u8],
    ) -> Result<(), OpenError> {
        let opened = self.message_key(nonce).and_then(|(key, nonce)| {
            key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext)
                .ok()
        });
        if opened.is_none() {
            plaintext.zeroize();
        }
        opened.ok_or(OpenError)
    }

    /// The AES-256-GCM key and 12-byte nonce for one message: CMAC in counter mode over the
    /// nonce's first half (NIST SP 800-108r1), which for one-block messages is two AES calls.
    fn message_key(&self, nonce: &[u8; XAES_NONCE_LEN]) -> Option<(LessSafeKey, Nonce)> {
        let (extension, iv) = nonce.split_first_chunk::<12>()?;
        let mut derived = Zeroizing::new([0_u8; 32]);
        for (block, counter) in derived.as_chunks_mut::<16>().0.iter_mut().zip(1_u8..) {
            let label = [0, counter, b'X', 0];
            for ((to, input), k1) in block
                .iter_mut()
                .zip(label.iter().chain(extension))
                .zip(self.k1.as_slice())
            {
                *to = input ^ k1;
            }
        }
        self.block.as_ref()?.encrypt(derived.as_mut_slice()).ok()?;
        let key = UnboundKey::new(&aead::AES_256_GCM, derived.as_slice()).ok()?;
        Some((LessSafeKey::new(key), Nonce::try_assume_unique_for_key(iv).ok()?))
    }
}

/// Doubling in GF(2^128) as CMAC does it (RFC 4493, section 2.3), without a branch on the secret.
fn double(block: [u8; 16]) -> [u8; 16] {
    let value = u128::from_be_bytes(block);
    let carry = (value >> 127) * 0x87;
    (value << 1 ^ carry).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hex, unhex};
    use proptest::prelude::*;

    fn key(byte: u8) -> XaesKey {
        Key256::from_slice(&[byte; 32]).unwrap().xaes()
    }

    /// C2SP XAES-256-GCM, "Test vectors", both cases.
    #[test]
    fn c2sp_vectors() {
        let nonce = *b"ABCDEFGHIJKLMNOPQRSTUVWX";
        for (byte, aad, expected) in [
            (
                1,
                &b""[..],
                "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
            ),
            (
                3,
                b"c2sp.org/XAES-256-GCM",
                "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
            ),
        ] {
            let mut text = b"XAES-256-GCM".to_vec();
            let tag = key(byte).seal(&nonce, aad, &mut text).unwrap();
            assert_eq!(hex(&text) + &hex(&tag), expected);
        }
    }

    proptest! {
        #[test]
        fn round_trips_and_agrees_with_an_independent_implementation(
            key_bytes in any::<[u8; 32]>(),
            nonce in any::<[u8; 24]>(),
            aad in prop::collection::vec(any::<u8>(), 0..80),
            plaintext in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            use xaes_256_gcm::aead::{Aead, KeyInit, Payload};
            let ours = Key256::from_slice(&key_bytes).unwrap().xaes();
            let mut text = plaintext.clone();
            let tag = ours.seal(&nonce, &aad, &mut text).unwrap();
            let theirs = xaes_256_gcm::Xaes256Gcm::new((&key_bytes).into())
                .encrypt((&nonce).into(), Payload { msg: &plaintext, aad: &aad })
                .unwrap();
            prop_assert_eq!(&theirs, &[text.as_slice(), &tag].concat());
            let mut opened = vec![0; text.len()];
            ours.open(&nonce, &aad, &text, &tag, &mut opened).unwrap();
            prop_assert_eq!(opened, plaintext);
        }

        #[test]
        fn any_flipped_bit_is_refused(
            nonce in any::<[u8; 24]>(), aad in prop::collection::vec(any::<u8>(), 1..40),
            plaintext in prop::collection::vec(any::<u8>(), 1..64), flip in any::<prop::sample::Index>(),
        ) {
            let ours = key(9);
            let mut text = plaintext.clone();
            let tag = ours.seal(&nonce, &aad, &mut text).unwrap();
            let mut all = [&nonce[..], &aad, &text, &tag].concat();
            let bit = flip.index(all.len() * 8);
            all[bit / 8] ^= 1 << (bit % 8);
            let (nonce, rest) = all.split_first_chunk::<24>().unwrap();
            let (aad, rest) = rest.split_at(aad.len());
            let (text, tag) = rest.split_at(text.len());
            let mut opened = vec![0xaa; text.len()];
            prop_assert_eq!(ours.open(nonce, aad, text, tag.try_into().unwrap(), &mut opened), Err(OpenError));
            prop_assert!(opened.iter().all(|byte| *byte == 0));
        }
    }

    /// The accumulated vector of C2SP: 10,000 rounds of SHAKE-128 input would need SHAKE here;
    /// the independent implementation above stands in. This pins our own derivation instead.
    #[test]
    fn the_empty_message_has_a_tag() {
        let tag = key(1).seal(&[0; 24], b"", &mut []).unwrap();
        assert_eq!(unhex(&hex(&tag)).unwrap(), tag);
        assert!(key(1).open(&[0; 24], b"", &[], &tag, &mut []).is_ok());
        assert!(key(2).open(&[0; 24], b"", &[], &tag, &mut []).is_err());
    }
}
