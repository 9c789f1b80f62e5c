//! Byte values with lengths of their own.

use std::fmt;

/// Bytes of an authentication tag (XKS-ENC-13, XKS-DEC-05).
pub const TAG_BYTES: usize = 16;

/// An initialization vector: 12 or 16 bytes (XKS-ENC-12, XKS-DEC-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iv {
    /// 96 bits, the usual size.
    Bytes12([u8; 12]),
    /// 128 bits, as some HSMs choose it.
    Bytes16([u8; 16]),
}

/// Neither 12 nor 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an initialization vector has 12 or 16 bytes")]
pub struct InvalidIv;

impl Iv {
    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes12(bytes) => bytes,
            Self::Bytes16(bytes) => bytes,
        }
    }
}

impl TryFrom<&[u8]> for Iv {
    type Error = InvalidIv;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidIv> {
        bytes
            .try_into()
            .map(Self::Bytes12)
            .or_else(|_| bytes.try_into().map(Self::Bytes16))
            .map_err(|_| InvalidIv)
    }
}

/// Ciphertext metadata: at most 20 bytes (XKS-ENC-11, XKS-DEC-02), kept in place. Empty and absent
/// are the same: both mean the empty string to the framing (XKS-AAD-03) and to the CDIV.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CiphertextMetadata {
    len: u8,
    bytes: [u8; Self::MAX_BYTES],
}

/// More than 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ciphertext metadata has at most 20 bytes")]
pub struct CiphertextMetadataTooLong;

impl CiphertextMetadata {
    /// The most bytes, counted before Base64.
    pub const MAX_BYTES: usize = 20;

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl TryFrom<&[u8]> for CiphertextMetadata {
    type Error = CiphertextMetadataTooLong;

    fn try_from(source: &[u8]) -> Result<Self, CiphertextMetadataTooLong> {
        let mut bytes = [0; Self::MAX_BYTES];
        let len = u8::try_from(source.len()).map_err(|_| CiphertextMetadataTooLong)?;
        bytes
            .get_mut(..source.len())
            .ok_or(CiphertextMetadataTooLong)?
            .copy_from_slice(source);
        Ok(Self { len, bytes })
    }
}

impl fmt::Debug for CiphertextMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CiphertextMetadata")
            .field(&self.as_bytes())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xks_enc_12_only_12_and_16_bytes_are_an_iv() {
        for len in 0..=32 {
            let bytes = vec![7; len];
            let iv = Iv::try_from(bytes.as_slice());
            assert_eq!(iv.is_ok(), len == 12 || len == 16, "{len} bytes");
            assert!(iv.is_err() || iv.unwrap().as_bytes() == bytes);
        }
    }

    #[test]
    fn xks_enc_11_no_more_than_20_bytes_are_ciphertext_metadata() {
        for len in [0, 1, 19, 20] {
            let bytes = vec![7; len];
            assert_eq!(
                CiphertextMetadata::try_from(bytes.as_slice()).unwrap().as_bytes(),
                bytes
            );
        }
        for len in [21, 255, 256, 300] {
            assert_eq!(
                CiphertextMetadata::try_from(vec![7; len].as_slice()),
                Err(CiphertextMetadataTooLong)
            );
        }
    }
}
