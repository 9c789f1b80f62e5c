//! How large the values of a request may be.

use crate::json::base64_len;

/// The proxy's own limits, in decoded bytes, the same on Encrypt and Decrypt. A value above its
/// limit is `UnsupportedOperationException` (501).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    plaintext: usize,
    aad: usize,
}

/// A limit outside what the specification and the formats allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSizeLimits {
    /// The plaintext limit is not within 4,300 to 65,535 bytes.
    #[error("the plaintext limit must be between 4300 and 65535 bytes")]
    Plaintext,
    /// The AAD limit is not within 8,192 to 65,535 bytes.
    #[error("the AAD limit must be between 8192 and 65535 bytes")]
    Aad,
}

/// The plaintext, in bytes, that every proxy must handle (XKS-ENC-01, XKS-DEC-01).
pub const MIN_PLAINTEXT_LIMIT: usize = 4_300;
/// The AAD, in bytes, that every proxy must handle (XKS-ENC-05, XKS-DEC-04).
pub const MIN_AAD_LIMIT: usize = 8_192;
/// The most AAD that can be framed: its length is written in two bytes (XKS-AAD-02).
pub const MAX_AAD_LIMIT: usize = 65_535;
/// The most plaintext that may be configured, in bytes. Ours: fifteen times what KMS sends, and
/// little enough that a few dozen requests at once do not count in memory.
pub const MAX_PLAINTEXT_LIMIT: usize = 65_535;
/// The longest value in `requestMetadata`, in characters: that of an ARN (XKS-GEN-05). The
/// specification bounds no other member; one bound for all keeps every record bounded.
pub const MAX_METADATA_CHARS: usize = 2_048;

impl SizeLimits {
    /// Limits for plaintext (and ciphertext, which is as long) and for AAD, in bytes.
    pub const fn new(plaintext: usize, aad: usize) -> Result<Self, InvalidSizeLimits> {
        if plaintext < MIN_PLAINTEXT_LIMIT || plaintext > MAX_PLAINTEXT_LIMIT {
            Err(InvalidSizeLimits::Plaintext)
        } else if aad < MIN_AAD_LIMIT || aad > MAX_AAD_LIMIT {
            Err(InvalidSizeLimits::Aad)
        } else {
            Ok(Self { plaintext, aad })
        }
    }

    /// The most plaintext of an Encrypt and ciphertext of a Decrypt, in bytes.
    pub const fn plaintext(self) -> usize {
        self.plaintext
    }

    /// The most AAD, in bytes.
    pub const fn aad(self) -> usize {
        self.aad
    }

    /// A bound for request bodies, in bytes: no body above it could be within these limits, save one
    /// that wastes the space on white space, escapes or members of the future beyond 16 KiB.
    pub const fn max_body_bytes(self) -> usize {
        const KNOWN_METADATA_MEMBERS: usize = 7;
        const SLACK: usize = 16 * 1024;
        // Base64 with each slash escaped would be longer, which the slack pays for at usual sizes.
        base64_len(self.plaintext)
            + base64_len(self.aad)
            + KNOWN_METADATA_MEMBERS * MAX_METADATA_CHARS
            + SLACK
    }
}

/// What the specification demands and not a byte more: KMS sends nothing larger.
impl Default for SizeLimits {
    fn default() -> Self {
        Self {
            plaintext: MIN_PLAINTEXT_LIMIT,
            aad: MIN_AAD_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_lie_between_the_specification_and_the_framing() {
        assert_eq!(SizeLimits::new(4_300, 8_192), Ok(SizeLimits::default()));
        assert!(SizeLimits::new(65_535, 65_535).is_ok());
        assert_eq!(SizeLimits::new(4_299, 8_192), Err(InvalidSizeLimits::Plaintext));
        assert_eq!(SizeLimits::new(65_536, 8_192), Err(InvalidSizeLimits::Plaintext));
        assert_eq!(SizeLimits::new(4_300, 8_191), Err(InvalidSizeLimits::Aad));
        assert_eq!(SizeLimits::new(4_300, 65_536), Err(InvalidSizeLimits::Aad));
    }

    #[test]
    fn the_largest_body_within_the_limits_is_within_the_bound() {
        let limits = SizeLimits::default();
        // 5736 and 10924 are the specification's own figures.
        assert!(limits.max_body_bytes() > 5_736 + 10_924 + 7 * 2_048 + 1_024);
    }
}
