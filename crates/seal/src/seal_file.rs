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
use crate::{KeyFile, KeyFileError, Seal, SealingKeyId};

/// A new seal was not made, or is not in its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealSourceError {
    /// The key file or its directory.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

/// Where the seal in force and the one before it are kept, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The one in force.
    pub place: String,
    /// The one before it, which opens backups made until now.
    pub previous: String,
}

/// Where a server's seal comes from. Calls may block.
pub trait SealSource: Send + Sync + 'static {
    /// The seal in force.
    fn current(&self) -> Arc<dyn Seal>;

    /// Makes a new seal of this id, durably, beside the one in force.
    fn prepare(&self, id: SealingKeyId, random: &dyn Random) -> Result<Arc<dyn Seal>, SealSourceError>;

    /// After the store was sealed with the prepared seal, for good: it is in force. An error says that
    /// it is not in its place yet; the next start puts it there.
    fn replace(&self) -> Result<Replaced, SealSourceError>;
}

/// The seal whose key is in a file.
pub struct SealFile {
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
    /// id, the one of that id beside it. Nothing is moved before [`SealFile::settle`]: until the
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

    fn new(path: PathBuf, current: KeyFile, lies: PathBuf) -> Self {
        let keys = Keys {
            current: Arc::new(current),
            lies,
            prepared: None,
        };
        Self {
            path,
            keys: Mutex::new(keys),
        }
    }

    /// After the roots were opened with [`SealSource::current`]: puts its file in its place, if a
    /// change or a restored backup left it elsewhere. Whether it had to.
    pub fn settle(&self) -> Result<bool, KeyFileError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let elsewhere = keys.lies != self.path;
        if elsewhere {
            put(&keys.lies, &self.path)?;
            keys.lies.clone_from(&self.path);
        }
        Ok(elsewhere)
    }
}

impl SealSource for SealFile {
    fn current(&self) -> Arc<dyn Seal> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys.current) as _
    }

    fn prepare(&self, id: SealingKeyId, random: &dyn Random) -> Result<Arc<dyn Seal>, SealSourceError> {
        self.settle()?;
        let fresh = beside(&self.path, ".new");
        match KeyFile::open(&fresh) {
            Err(KeyFileError::Missing(_)) => {}
            // Of a change that was cut off. A key is never deleted: a store may be sealed with it.
            Ok(left_over) => put(&fresh, &old_name(&self.path, left_over.key_id()))?,
            Err(error) => return Err(error.into()),
        }
        let made = Arc::new(KeyFile::create_as(&fresh, id, random)?);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.prepared = Some(Arc::clone(&made));
        Ok(made)
    }

    fn replace(&self) -> Result<Replaced, SealSourceError> {
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
