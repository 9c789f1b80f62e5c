//! Where a server's seal comes from, and how it is exchanged for another.

use std::sync::{Arc, Mutex, PoisonError};

use ambient::Random;

use crate::{Boxed, KeyFileError, Seal, SealingKeyId};

/// A seal was not found or made, or is not in its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealSourceError {
    /// The key file or its directory.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The HSM. Says what to do.
    #[error("{0}")]
    Hsm(String),
    /// The configuration has no seal of this kind.
    #[error("no seal of the kind {0} is configured: name it in [seal] of the configuration, and restart")]
    NotConfigured(String),
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopping,
}

/// Where the seal in force and the one before it are kept, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The one in force.
    pub place: String,
    /// The one before it, which opens backups made until now.
    pub previous: String,
}

/// Where a server's seal comes from.
///
/// The seal is changed in three steps, any of which a crash may follow: a new one is made beside the
/// one in force, the store is sealed with it in one transaction, and it takes the old one's place. The
/// store alone says which seal is in force.
pub trait SealSource: Send + Sync + 'static {
    /// The seal in force.
    fn current(&self) -> Arc<dyn Seal>;

    /// Where the seal in force is kept, for people.
    fn place(&self) -> String;

    /// After the roots were opened with the seal in force: puts it in its place, if a change that was
    /// cut off or a restored backup left it elsewhere. Whether it had to.
    fn settle(&self) -> Boxed<'_, Result<bool, SealSourceError>>;

    /// Makes a new seal of this id, durably, beside the one in force: of the same kind, or of `kind`.
    fn prepare<'a>(
        &'a self,
        kind: Option<&'a str>,
        id: SealingKeyId,
        random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn Seal>, SealSourceError>>;

    /// After the store was sealed with the prepared seal, for good: it is in force. An error says that
    /// it is not in its place yet; the next start puts it there.
    fn replace(&self) -> Boxed<'_, Result<Replaced, SealSourceError>>;
}

/// One kind of seal, as the configuration places it.
pub trait SealKind: Send + Sync + 'static {
    /// The kind, as [`Seal::kind`].
    fn kind(&self) -> &'static str;

    /// A source whose seal in force is the one of this id.
    fn open<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>>;

    /// A source whose seal in force is one made here, durably. Once the store is sealed with it,
    /// [`SealSource::settle`] puts it in its place.
    fn make<'a>(
        &'a self,
        id: SealingKeyId,
        random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>>;
}

/// A seal that can be exchanged for one of another kind, of all that the configuration places.
pub struct Seals {
    kinds: Vec<Arc<dyn SealKind>>,
    sources: Mutex<Sources>,
}

struct Sources {
    current: Arc<dyn SealSource>,
    /// Of another kind, made for a change under way.
    next: Option<Arc<dyn SealSource>>,
}

impl Seals {
    /// The seal of this kind and id, which the store names.
    pub async fn open(kinds: Vec<Arc<dyn SealKind>>, kind: &str, id: &str) -> Result<Self, SealSourceError> {
        let current = find(&kinds, kind)?.open(id).await?;
        let sources = Mutex::new(Sources { current, next: None });
        Ok(Self { kinds, sources })
    }

    fn source(&self) -> Arc<dyn SealSource> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&sources.current)
    }

    /// The prepared source of another kind is in force; it and the one before, if there is one.
    fn take_over(&self) -> Option<(Arc<dyn SealSource>, Arc<dyn SealSource>)> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let next = sources.next.take()?;
        let previous = std::mem::replace(&mut sources.current, Arc::clone(&next));
        Some((next, previous))
    }

    fn set_next(&self, next: Option<Arc<dyn SealSource>>) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).next = next;
    }
}

fn find<'k>(kinds: &'k [Arc<dyn SealKind>], kind: &str) -> Result<&'k Arc<dyn SealKind>, SealSourceError> {
    let found = kinds.iter().find(|known| known.kind() == kind);
    found.ok_or_else(|| SealSourceError::NotConfigured(kind.to_owned()))
}

impl SealSource for Seals {
    fn current(&self) -> Arc<dyn Seal> {
        self.source().current()
    }

    fn place(&self) -> String {
        self.source().place()
    }

    fn settle(&self) -> Boxed<'_, Result<bool, SealSourceError>> {
        Box::pin(async move { self.source().settle().await })
    }

    fn prepare<'a>(
        &'a self,
        kind: Option<&'a str>,
        id: SealingKeyId,
        random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn Seal>, SealSourceError>> {
        Box::pin(async move {
            self.set_next(None);
            let source = self.source();
            let Some(other) = kind.filter(|kind| *kind != source.current().kind()) else {
                return source.prepare(None, id, random).await;
            };
            let next = find(&self.kinds, other)?.make(id, random).await?;
            let seal = next.current();
            self.set_next(Some(next));
            Ok(seal)
        })
    }

    fn replace(&self) -> Boxed<'_, Result<Replaced, SealSourceError>> {
        Box::pin(async move {
            let Some((current, previous)) = self.take_over() else {
                return self.source().replace().await;
            };
            current.settle().await?;
            Ok(Replaced {
                place: current.place(),
                previous: previous.place(),
            })
        })
    }
}
