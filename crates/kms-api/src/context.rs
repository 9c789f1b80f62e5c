//! The encryption context.

use std::collections::BTreeMap;
use std::collections::btree_map;

/// An encryption context: pairs of text that are authenticated with a ciphertext, in no order that
/// counts. At most [`MAX_BYTES`](Self::MAX_BYTES), which whoever parses a request has checked. Not
/// secret: CloudTrail shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// Bytes of all keys and values together, in UTF-8 (the limit of AAD in the XKS Proxy API, which
    /// KMS must stay within; the API reference of KMS gives none).
    pub const MAX_BYTES: usize = 8192;

    /// The pairs; `None` if they are larger than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(pairs: BTreeMap<String, String>) -> Option<Self> {
        let size: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
        (size <= Self::MAX_BYTES).then_some(Self(pairs))
    }

    /// The pairs, sorted by the bytes of their keys.
    pub fn iter(&self) -> btree_map::Iter<'_, String, String> {
        self.0.iter()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// How many pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pair; to KMS that is the same as no context.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a EncryptionContext {
    type Item = (&'a String, &'a String);
    type IntoIter = btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
