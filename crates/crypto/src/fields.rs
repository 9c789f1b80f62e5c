//! The one injective encoding of a domain and fields.

/// A domain string and fields, each behind its length as 4 bytes big-endian, so that no two
/// different sequences share one encoding. What an envelope or a MAC authenticates is written so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(Vec<u8>);

impl Fields {
    /// Starts with the domain: what this is, and in which version.
    pub fn new(domain: &str) -> Self {
        Self(Vec::with_capacity(256)).bytes(domain.as_bytes())
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, field: &[u8]) -> Self {
        // Fields are ids, names and sealed blobs, far below 4 GiB; a longer one saturates and
        // still cannot be confused with a shorter one, for its bytes follow in full.
        let len = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// Adds a number, as 8 bytes big-endian.
    #[must_use]
    pub fn number(self, field: u64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    /// Adds an optional field: one byte that says whether it is there, then the field if it is.
    #[must_use]
    pub fn optional(self, field: Option<&[u8]>) -> Self {
        match field {
            None => self.bytes(&[0]),
            Some(field) => self.bytes(&[1]).bytes(field),
        }
    }

    /// The encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(parts: &[Vec<u8>]) -> Fields {
        parts
            .iter()
            .fold(Fields::new("t"), |fields, part| fields.bytes(part))
    }

    proptest! {
        #[test]
        fn different_sequences_encode_differently(
            a in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..4),
            b in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..4),
        ) {
            prop_assert_eq!(a == b, encode(&a) == encode(&b));
        }
    }

    #[test]
    fn absent_and_empty_differ() {
        assert_ne!(
            Fields::new("d").optional(None),
            Fields::new("d").optional(Some(b""))
        );
    }
}
