//! Rows that may change, authenticated; and how a refused row is named.

use std::fmt;

use crypto::{Fields, MacKey};

use crate::{EnvelopeError, SealingKey, SealingKeyId};

/// Why a row was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowRefusal {
    /// A column holds what was never written there.
    #[error("a column holds something that Strongroom does not write")]
    Unreadable,
    /// The tag or envelope names a root key that is not at hand.
    #[error("it was written under the key {0}, which is not here")]
    UnknownKey(SealingKeyId),
    /// The row was changed by other means, or belongs elsewhere.
    #[error("it was changed by other means than Strongroom, or belongs to another row")]
    NotAuthentic,
    /// An earlier version of the row was put back.
    #[error("an earlier version of it was put back")]
    Stale,
    /// The row is gone without having been deleted by us.
    #[error("it is missing")]
    Missing,
    /// The row was put there by other means.
    #[error("it was added by other means than Strongroom")]
    Unexpected,
}

impl From<EnvelopeError> for RowRefusal {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Malformed => Self::Unreadable,
            EnvelopeError::UnknownKey(id) => Self::UnknownKey(id),
            EnvelopeError::NotAuthentic => Self::NotAuthentic,
        }
    }
}

/// The alarm about one row: nothing is granted by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRefused {
    /// The table.
    pub table: &'static str,
    /// The row's key, as printable text.
    pub row: String,
    /// Why.
    pub reason: RowRefusal,
}

impl RowRefused {
    /// Names a row. Whatever is not printable ASCII in its key is shown as `?`, and the key is cut
    /// after 200 characters: somebody else may have written it.
    pub fn new(table: &'static str, row: &str, reason: RowRefusal) -> Self {
        let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let row = row.chars().take(200).map(printable).collect();
        Self { table, row, reason }
    }
}

impl fmt::Display for RowRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}, row {}: {}", self.table, self.row, self.reason)
    }
}

impl std::error::Error for RowRefused {}

/// Tags rows of one purpose. A tag is `root id (8) ‖ HMAC-SHA-256 (32)`.
pub struct RowMac {
    current: (SealingKeyId, MacKey),
    older: Vec<(SealingKeyId, MacKey)>,
}

impl RowMac {
    pub(crate) fn new(purpose: &'static str, current: &SealingKey, older: &[SealingKey]) -> Self {
        let derive = |root: &SealingKey| {
            let purpose = Fields::new("strongroom row mac").number(1).text(purpose);
            (root.id(), MacKey::new(&root.key().derive(&purpose)))
        };
        Self {
            current: derive(current),
            older: older.iter().map(derive).collect(),
        }
    }

    /// The tag for a row's content, under the current root. `row` begins with a domain that names
    /// the table and its version.
    pub fn tag(&self, row: &Fields) -> Vec<u8> {
        let (id, mac) = &self.current;
        [id.as_bytes().as_slice(), &mac.tag(row)].concat()
    }

    /// Whether `tag` belongs to this content.
    pub fn verify(&self, row: &Fields, tag: &[u8]) -> Result<(), RowRefusal> {
        let (id, tag) = tag.split_first_chunk().ok_or(RowRefusal::Unreadable)?;
        let id = SealingKeyId::from_bytes(*id);
        let (_, mac) = std::iter::once(&self.current)
            .chain(&self.older)
            .find(|(known, _)| *known == id)
            .ok_or(RowRefusal::UnknownKey(id))?;
        if mac.verify(row, tag) {
            return Ok(());
        }
        Err(RowRefusal::NotAuthentic)
    }

    /// Whether a tag still depends on an older root and should be made anew.
    pub fn is_outdated(&self, tag: &[u8]) -> bool {
        !tag.starts_with(self.current.0.as_bytes())
    }
}
