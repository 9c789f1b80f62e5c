//! What in the database depends on which root key, and how it gets from an older root to the
//! current one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use store::{Snapshot, StoreError};

use crate::{Envelope, Keyring, SealingKeyId};

/// A boxed future, so that the trait can be used as an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Nothing more was sealed anew, for this reason. What was done stays done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResealFailed(pub String);

impl From<StoreError> for ResealFailed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// An owner of tables whose rows are sealed or tagged under the root keys.
///
/// A root is rotated in three steps, any of which a crash may follow: the new root is stored, every
/// owner [adopts](UnderRoots::adopt) the keyring that has it, and each owner [seals anew](UnderRoots::reseal)
/// portion by portion until nothing is left. All roots open meanwhile, so requests go on.
pub trait UnderRoots: Send + Sync + 'static {
    /// Takes over the root keys: from now on the current one of these seals and tags.
    fn adopt(&self, keyring: Arc<Keyring>);

    /// Seals and tags one portion of the rows anew that depend on an older root, in one bounded
    /// transaction. `true` if there were any: ask again. Rows that do not verify are left as they are.
    fn reseal(&self) -> Boxed<'_, Result<bool, ResealFailed>>;

    /// Notes for each row in the database which root it depends on, whether it verifies or not.
    fn dependents<'a>(
        &'a self,
        reader: &'a mut Snapshot,
        found: &'a mut Dependents,
    ) -> Boxed<'a, Result<(), StoreError>>;
}

/// The rows of one table that depend on one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependentRows {
    /// How many.
    pub count: u64,
    /// The key of the first that was seen.
    pub first: String,
}

/// Which rows depend on which root, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependents(BTreeMap<(SealingKeyId, &'static str), DependentRows>);

impl Dependents {
    /// Notes a row by its tag and by the envelopes in it. One that depends on a root twice counts once.
    pub fn note(&mut self, table: &'static str, row: &str, tag: Option<&[u8]>, envelope: Option<&[u8]>) {
        let tagged = tag.and_then(|tag| tag.first_chunk().copied());
        let tagged = tagged.map(SealingKeyId::from_bytes);
        let sealed = envelope.and_then(|envelope| Envelope::parse(envelope).ok());
        let sealed = sealed.map(|envelope| envelope.key_id());
        let second = sealed.filter(|sealed| Some(*sealed) != tagged);
        for root in tagged.into_iter().chain(second) {
            let rows = self.0.entry((root, table)).or_insert_with(|| DependentRows {
                count: 0,
                first: row.to_owned(),
            });
            rows.count = rows.count.saturating_add(1);
        }
    }

    /// What depends on one root, by table.
    pub fn of(&self, root: SealingKeyId) -> impl Iterator<Item = (&'static str, &DependentRows)> {
        let of_root = self.0.iter().filter(move |((id, _), _)| *id == root);
        of_root.map(|((_, table), rows)| (*table, rows))
    }
}
