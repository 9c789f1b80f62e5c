//! Types that own secrets: wiped when dropped, printed by nobody.

use ambient::{Random, RandomUnavailable};
use aws_lc_rs::cmac;
use zeroize::{Zeroize, Zeroizing};

use crate::{Fields, XaesKey, hash};

/// A 256-bit key. Wiped on drop; without `Debug`, `Clone` and serialisation, so that a copy or a
/// print has to be written out and can be seen in review.
pub struct Key256(Box<Zeroizing<[u8; 32]>>);

impl Key256 {
    /// A fresh key from `random`.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        random.fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// Takes over key bytes; `None` unless there are exactly 32. The caller wipes the source.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        if bytes.len() != key.0.len() {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// The key bytes, for a cipher or an envelope and nothing else.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// This key made ready for XAES-256-GCM.
    pub fn xaes(&self) -> XaesKey {
        XaesKey::new(self)
    }

    /// A key of its own for one purpose: HMAC-SHA-256 under this key of a domain and fields
    /// (a KDF in counter-less PRF form, one block, NIST SP 800-108 section 4).
    pub fn derive(&self, purpose: &Fields) -> Self {
        let mut bytes = Zeroizing::new(hash::hmac_sha256(self.expose(), &[purpose.as_bytes()]));
        let key = Self(Box::new(Zeroizing::new(*bytes)));
        bytes.zeroize();
        key
    }

    /// What this key is recognised by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }
}

/// Recognises a key without revealing it: CMAC-AES-256 of a fixed domain under the key, cut to
/// 8 bytes. Safe to store and to show; two keys share one with probability 2^-64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    fn of(key: &Key256) -> Self {
        let tag = cmac::Key::new(cmac::AES_256, key.expose())
            .and_then(|key| cmac::sign(&key, b"strongroom key fingerprint v1"));
        let mut short = [0; 8];
        // Unwrap safety: AES-256 takes any 32-byte key and CMAC any message; were AWS-LC out of
        // memory, an all-zero fingerprint would recognise nothing, which is the safe answer.
        if let Ok(tag) = tag {
            short
                .iter_mut()
                .zip(tag.as_ref())
                .for_each(|(to, from)| *to = *from);
        }
        Self(short)
    }

    /// The 8 bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hash::hex(&self.0))
    }
}

/// Secret bytes of any length (a plaintext, a SigV4 secret). Wiped on drop; without `Debug`,
/// `Clone` and serialisation. Never grows in place, so that no reallocation leaves a copy behind.
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over a buffer; its whole capacity is wiped on drop.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// `len` zero bytes, to be written into.
    pub fn zeroed(len: usize) -> Self {
        Self::new(vec![0; len])
    }

    /// `len` fresh random bytes.
    pub fn generate(random: &dyn Random, len: usize) -> Result<Self, RandomUnavailable> {
        let mut bytes = Self::zeroed(len);
        random.fill(bytes.expose_mut())?;
        Ok(bytes)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to write into; the length is fixed.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares without an early exit; the lengths are not secret.
    pub fn constant_time_eq(&self, other: &Self) -> bool {
        hash::constant_time_eq(&self.0, &other.0)
    }
}

/// Wipes the whole capacity, at the speed of `memset`: messages of 64 KiB are wiped on the request
/// path, where `zeroize`'s byte by byte would take longer than their encryption. The barrier keeps
/// the compiler from leaving the stores out.
impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.clear();
        self.0.resize(self.0.capacity(), 0);
        zeroize::optimization_barrier(self.0.as_mut_slice());
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::{FailingRandom, SeededRandom};

    #[test]
    fn derived_keys_differ_by_purpose_and_from_their_parent() {
        let key = Key256::generate(&SeededRandom::new(1)).unwrap();
        let a = key.derive(&Fields::new("a"));
        let b = key.derive(&Fields::new("b"));
        assert_ne!(a.expose(), b.expose());
        assert_ne!(a.expose(), key.expose());
        assert_eq!(a.expose(), key.derive(&Fields::new("a")).expose());
    }

    #[test]
    fn no_key_comes_from_a_failing_source() {
        assert!(Key256::generate(&FailingRandom).is_err());
        assert!(SecretBytes::generate(&FailingRandom, 32).is_err());
    }

    #[test]
    fn a_key_is_exactly_32_bytes() {
        for len in [0, 16, 31, 33] {
            assert!(Key256::from_slice(&vec![0; len]).is_none());
        }
        assert!(Key256::from_slice(&[0; 32]).is_some());
    }

    #[test]
    fn fingerprints_recognise() {
        let (a, b) = (
            Key256::from_slice(&[1; 32]).unwrap(),
            Key256::from_slice(&[2; 32]).unwrap(),
        );
        assert_eq!(
            a.fingerprint(),
            Key256::from_slice(&[1; 32]).unwrap().fingerprint()
        );
        assert_ne!(a.fingerprint(), b.fingerprint());
        assert_ne!(a.fingerprint().as_bytes(), &[0; 8]);
    }
}
