//! Identifiers of the warden's own things.

use std::fmt;
use std::sync::Arc;

use ambient::{Random, RandomUnavailable};

/// Names one key store for good: `ks-` and 24 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KeyStoreId(Arc<str>);

impl KeyStoreId {
    /// A fresh random id.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self(format!("ks-{}", crypto::hex(&random.bytes::<12>()?)).into()))
    }

    /// Takes over an id that was read from a row; whether the row is ours, its tag decides.
    pub(crate) fn from_row(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyStoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
