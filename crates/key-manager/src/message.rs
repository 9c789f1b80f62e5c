//! What goes into a key manager and comes out of it.

/// A part is longer than its place in the format allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct LengthError {
    what: &'static str,
    rule: &'static str,
}

/// Additional authenticated data: absent, or 0 to 65,535 bytes (what a 2-byte length can say).
/// Absent and empty are different values, though formats 1 and 2 frame them alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdditionalData<'a>(Option<&'a [u8]>);

impl<'a> AdditionalData<'a> {
    /// The most bytes it can have.
    pub const MAX_LEN: usize = 65_535;

    /// Refuses more than [`Self::MAX_LEN`] bytes.
    pub const fn new(bytes: Option<&'a [u8]>) -> Result<Self, LengthError> {
        match bytes {
            Some(bytes) if bytes.len() > Self::MAX_LEN => Err(LengthError {
                what: "additional data",
                rule: "at most 65535 bytes",
            }),
            bytes => Ok(Self(bytes)),
        }
    }

    /// The bytes, if there are any to speak of.
    pub const fn get(self) -> Option<&'a [u8]> {
        self.0
    }

    /// The bytes; absent is empty.
    pub fn bytes(self) -> &'a [u8] {
        self.0.unwrap_or_default()
    }
}

/// An initialisation vector of 12 or 16 bytes (XKS-ENC-12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Iv {
    /// 96 bits.
    Twelve([u8; 12]),
    /// 128 bits.
    Sixteen([u8; 16]),
}

impl Iv {
    /// Takes exactly 12 or 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, LengthError> {
        let error = LengthError {
            what: "an initialisation vector",
            rule: "12 or 16 bytes",
        };
        match bytes.len() {
            12 => bytes.try_into().map(Self::Twelve).map_err(|_| error),
            16 => bytes.try_into().map(Self::Sixteen).map_err(|_| error),
            _ => Err(error),
        }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Twelve(bytes) => bytes,
            Self::Sixteen(bytes) => bytes,
        }
    }
}

/// Ciphertext metadata: 0 to 20 bytes that select the key version (XKS-ENC-10, XKS-ENC-11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CiphertextMetadata {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl CiphertextMetadata {
    /// The most bytes it can have.
    pub const MAX_LEN: usize = 20;

    /// Refuses more than [`Self::MAX_LEN`] bytes.
    pub fn from_slice(from: &[u8]) -> Result<Self, LengthError> {
        let error = LengthError {
            what: "ciphertext metadata",
            rule: "at most 20 bytes",
        };
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..from.len()).ok_or(error)?.copy_from_slice(from);
        Ok(Self {
            bytes,
            len: u8::try_from(from.len()).map_err(|_| error)?,
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// What encryption gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncryptOutput {
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
    /// Chosen by the key manager.
    pub iv: Iv,
    /// The authentication tag.
    pub tag: [u8; 16],
    /// Selects the key version; authenticated.
    pub metadata: CiphertextMetadata,
}

impl EncryptOutput {
    /// The same, borrowed, to decrypt it again.
    pub fn as_ref(&self) -> EncryptedRef<'_> {
        EncryptedRef {
            ciphertext: &self.ciphertext,
            iv: &self.iv,
            tag: &self.tag,
            metadata: &self.metadata,
        }
    }
}

/// What is to be decrypted.
#[derive(Clone, Copy, Debug)]
pub struct EncryptedRef<'a> {
    /// The ciphertext without its tag.
    pub ciphertext: &'a [u8],
    /// The initialisation vector.
    pub iv: &'a Iv,
    /// The authentication tag.
    pub tag: &'a [u8; 16],
    /// The metadata that came with it, empty if none.
    pub metadata: &'a CiphertextMetadata,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_held_at_their_exact_values() {
        assert!(AdditionalData::new(Some(&[0; 65_535])).is_ok());
        assert!(AdditionalData::new(Some(&[0; 65_536])).is_err());
        assert!(CiphertextMetadata::from_slice(&[7; 20]).is_ok_and(|m| m.as_bytes() == [7; 20]));
        assert!(CiphertextMetadata::from_slice(&[7; 21]).is_err());
        for len in 0..40 {
            assert_eq!(Iv::from_slice(&vec![1; len]).is_ok(), len == 12 || len == 16);
        }
    }

    #[test]
    fn absent_and_empty_additional_data_differ() {
        assert_ne!(AdditionalData::new(None), AdditionalData::new(Some(&[])));
        assert_eq!(AdditionalData::new(None).unwrap().bytes(), b"");
    }
}
