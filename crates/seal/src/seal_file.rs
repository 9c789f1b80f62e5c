//! Which key file a server's store is sealed with, and its exchange for a new one.
//!
//! Beside the key file `F` may lie `F.new`, made for a change under way, and `F.old-ID`, each an
//! earlier one. The store alone says which of them is in force; a start finds it by its id and puts it
//! in the place of `F`. So a change of seal may be cut off anywhere.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Random;

use crate::key_file::{io_error, sync_directory};
use crate::{
    Boxed, KeyFile, KeyFileError, Replaced, Seal, SealKind, SealSource, SealSourceError, SealingKeyId,
};

/// The seal whose key is in a file.
pub struct SealFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    keys: Mutex<Keys>,
}

struct Keys {
    current: Arc<KeyFile>,
    /// Where the current one lies.
    lies: PathBuf,
    prepared: Option<Arc<KeyFile>>,
}

impl SealFile {
    /// Opens the key file that protects the store: the one at `path`; or, if the store names another
    /// id, the one of that id beside it. Nothing is moved before [`SealSource::settle`]: until the
    /// roots were opened, the id is not proven.
    pub fn open(path: &Path, wanted: Option<&str>) -> Result<Self, KeyFileError> {
        let named = KeyFile::open(path);
        let fits = |key: &KeyFile| wanted.is_none_or(|wanted| key.key_id().to_string() == wanted);
        let beside = match (&named, wanted) {
            (Ok(key), _) if fits(key) => None,
            (Err(error), _) if !matches!(error, KeyFileError::Missing(_)) => None,
            (_, None) => None,
            (_, Some(wanted)) => [beside(path, ".new"), beside(path, &format!(".old-{wanted}"))]
                .into_iter()
                .find_map(|other| Some((KeyFile::open(&other).ok().filter(fits)?, other))),
        };
        let (current, lies) = match beside {
            Some(found) => found,
            None => (named?, path.to_owned()),
        };
        Ok(Self::new(path.to_owned(), current, lies))
    }

    /// A key file that was just opened or made at `path`.
    pub fn of(path: &Path, key: KeyFile) -> Self {
        Self::new(path.to_owned(), key, path.to_owned())
    }

    /// Makes a key file beside `path`, whose place it takes at [`SealSource::settle`].
    fn make(path: &Path, id: SealingKeyId, random: &dyn Random) -> Result<Self, KeyFileError> {
        let (key, lies) = make_beside(path, id, random)?;
        Ok(Self::new(path.to_owned(), key, lies))
    }

    fn new(path: PathBuf, current: KeyFile, lies: PathBuf) -> Self {
        let keys = Keys {
            current: Arc::new(current),
            lies,
            prepared: None,
        };
        Self(Arc::new(Inner {
            path,
            keys: Mutex::new(keys),
        }))
    }

    /// Work that waits for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, KeyFileError> + Send + 'static,
    ) -> Result<T, SealSourceError> {
        let inner = Arc::clone(&self.0);
        blocking(move || work(&inner)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyFileError> + Send + 'static,
) -> Result<T, SealSourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| SealSourceError::Stopping)??)
}

impl Inner {
    fn settle(&self) -> Result<bool, KeyFileError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let elsewhere = keys.lies != self.path;
        if elsewhere {
            put(&keys.lies, &self.path)?;
            keys.lies.clone_from(&self.path);
        }
        Ok(elsewhere)
    }

    fn prepare(&self, id: SealingKeyId, random: &dyn Random) -> Result<Arc<KeyFile>, KeyFileError> {
        self.settle()?;
        let (made, _) = make_beside(&self.path, id, random)?;
        let made = Arc::new(made);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.prepared = Some(Arc::clone(&made));
        Ok(made)
    }

    fn replace(&self) -> Result<Replaced, KeyFileError> {
        let previous = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let previous = keys.current.key_id();
            if let Some(prepared) = keys.prepared.take() {
                keys.current = prepared;
                keys.lies = beside(&self.path, ".new");
            }
            previous
        };
        self.settle()?;
        Ok(Replaced {
            place: self.path.display().to_string(),
            previous: old_name(&self.path, previous).display().to_string(),
        })
    }
}

impl SealSource for SealFile {
    fn current(&self) -> Arc<dyn Seal> {
        let keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys.current) as _
    }

    fn place(&self) -> String {
        self.0.path.display().to_string()
    }

    fn settle(&self) -> Boxed<'_, Result<bool, SealSourceError>> {
        Box::pin(self.blocking(Inner::settle))
    }

    fn prepare<'a>(
        &'a self,
        kind: Option<&'a str>,
        id: SealingKeyId,
        random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn Seal>, SealSourceError>> {
        Box::pin(async move {
            if let Some(other) = kind.filter(|kind| *kind != KeyFile::KIND) {
                return Err(SealSourceError::NotConfigured(other.to_owned()));
            }
            let random = Arc::clone(random);
            let made = self.blocking(move |inner| inner.prepare(id, &*random)).await?;
            Ok(made as _)
        })
    }

    fn replace(&self) -> Boxed<'_, Result<Replaced, SealSourceError>> {
        Box::pin(self.blocking(Inner::replace))
    }
}

/// Key files at one place.
pub struct SealFiles(PathBuf);

impl SealFiles {
    /// At this path, and beside it.
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }
}

impl SealKind for SealFiles {
    fn kind(&self) -> &'static str {
        KeyFile::KIND
    }

    fn open<'a>(&'a self, id: &'a str) -> Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>> {
        let (path, id) = (self.0.clone(), id.to_owned());
        Box::pin(async move { Ok(Arc::new(blocking(move || SealFile::open(&path, Some(&id))).await?) as _) })
    }

    fn make<'a>(
        &'a self,
        id: SealingKeyId,
        random: &'a Arc<dyn Random>,
    ) -> Boxed<'a, Result<Arc<dyn SealSource>, SealSourceError>> {
        let (path, random) = (self.0.clone(), Arc::clone(random));
        Box::pin(
            async move { Ok(Arc::new(blocking(move || SealFile::make(&path, id, &*random)).await?) as _) },
        )
    }
}

/// A fresh key file beside `path`, for a change.
fn make_beside(
    path: &Path,
    id: SealingKeyId,
    random: &dyn Random,
) -> Result<(KeyFile, PathBuf), KeyFileError> {
    let fresh = beside(path, ".new");
    match KeyFile::open(&fresh) {
        Err(KeyFileError::Missing(_)) => {}
        // Of a change that was cut off. A key is never deleted: a store may be sealed with it.
        Ok(left_over) => put(&fresh, &old_name(path, left_over.key_id()))?,
        Err(error) => return Err(error),
    }
    Ok((KeyFile::create_as(&fresh, id, random)?, fresh))
}

/// Moves a key file to a place, without a moment at which that place is empty. The key file that was
/// there keeps a name of its own.
fn put(from: &Path, to: &Path) -> Result<(), KeyFileError> {
    match KeyFile::open(to) {
        Ok(there) => {
            let kept = old_name(to, there.key_id());
            match fs::hard_link(to, &kept) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(io_error(&kept, error));
                }
                _ => {}
            }
        }
        Err(KeyFileError::Missing(_)) => {}
        Err(error) => return Err(error),
    }
    fs::rename(from, to)
        .and_then(|()| sync_directory(to))
        .map_err(|source| io_error(to, source))
}

fn old_name(path: &Path, id: SealingKeyId) -> PathBuf {
    beside(path, &format!(".old-{id}"))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
