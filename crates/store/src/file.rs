//! The database file: ours alone, and there after a power loss.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Makes sure that `path` is a plain file which nobody but its owner can open, creating it empty
/// with mode 0600 if it is absent. SQLite gives its journal files the mode of this one.
pub(crate) fn prepare(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(file) => {
            file.sync_all().map_err(|error| io_error(path, error))?;
            sync_directory(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check(path),
        Err(error) => Err(io_error(path, error)),
    }
}

/// Makes the names in the file's directory durable: the database's and its journal's.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let directory = directory_of(path);
    File::open(&directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| io_error(&directory, error))
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn check(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(|error| io_error(path, error))?;
    let problem = if !metadata.is_file() {
        "is not a plain file (a link or a directory); name the database file itself"
    } else if metadata.mode() & 0o077 != 0 {
        "others than its owner may open it; run chmod 600 on it"
    } else {
        return Ok(());
    };
    Err(StoreError::Unsafe {
        path: path.to_owned(),
        problem,
    })
}

fn io_error(path: &Path, source: io::Error) -> StoreError {
    if source.kind() == io::ErrorKind::StorageFull {
        return StoreError::Full;
    }
    StoreError::Io {
        path: path.to_owned(),
        source,
    }
}
