//! Unix sockets: bound with their mode already set, never stolen from a living server.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::error::BindError;

/// The socket's file; removed when dropped, if it is still ours.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

/// Binds `path` with permission bits `mode`. A socket that nobody answers on is replaced.
pub(crate) fn bind(path: &Path, mode: u32) -> Result<(UnixListener, SocketFile), BindError> {
    refuse_if_taken(path)?;
    let failed = |source| BindError::Address {
        address: path.display().to_string(),
        source,
    };
    // Bound beside its place and moved there: nobody can connect before the mode is set, and a
    // dead socket is replaced in one step.
    let beside = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    remove(&beside).map_err(failed)?;
    let listener = UnixListener::bind(&beside).map_err(failed)?;
    let placed = fs::set_permissions(&beside, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::symlink_metadata(&beside))
        .and_then(|metadata| fs::rename(&beside, path).map(|()| metadata));
    let metadata = placed.map_err(|error| {
        // Best effort: the error that matters is the first.
        drop(remove(&beside));
        failed(error)
    })?;
    let file = SocketFile {
        path: path.to_owned(),
        device_and_inode: (metadata.dev(), metadata.ino()),
    };
    Ok((listener, file))
}

fn refuse_if_taken(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    // Only "connection refused" proves that no process listens.
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(BindError::SocketInUse(path.to_owned())),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.device_and_inode);
        if ours {
            // A socket left behind is replaced at the next start.
            drop(remove(&self.path));
        }
    }
}
