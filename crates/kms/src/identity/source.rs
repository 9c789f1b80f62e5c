//! Where identities come from: a file that only its owner may touch, read whole or not at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use super::{Identities, IdentityFileError, limits};

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentitySourceError {
    /// It is not there, or the file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is a link, a directory, a pipe or a device.
    #[error("{0} is not a plain file: name the file itself, not a link to it")]
    NotPlain(PathBuf),
    /// Group or others have rights on it.
    #[error("{path} has mode {mode:04o}, but holds secret access keys: run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("{path} belongs to uid {owner}, but this process runs as uid {ours}: run `chown {ours} {path}`")]
    WrongOwner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Our effective uid.
        ours: u32,
    },
    /// It has more bytes than a file of identities needs.
    #[error("{0} is larger than {limit} bytes", limit = limits::FILE_BYTES)]
    TooLarge(PathBuf),
    /// It does not say what it should.
    #[error("{path}: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: IdentityFileError,
    },
}

/// The identities in force. Readers take a snapshot; a reload replaces the whole.
pub struct IdentitySource {
    path: Option<PathBuf>,
    current: ArcSwap<Identities>,
    reloading: Mutex<()>,
}

impl IdentitySource {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, IdentitySourceError> {
        Ok(Self {
            current: ArcSwap::from_pointee(read(path)?),
            path: Some(path.to_owned()),
            reloading: Mutex::new(()),
        })
    }

    /// Identities that come from no file, and that a reload leaves as they are.
    pub fn fixed(identities: Identities) -> Self {
        Self {
            path: None,
            current: ArcSwap::from_pointee(identities),
            reloading: Mutex::new(()),
        }
    }

    /// The identities as they are now.
    pub fn current(&self) -> Arc<Identities> {
        self.current.load_full()
    }

    /// Reads the file again. If anything in it is refused, everything stays as it is.
    pub fn reload(&self) -> Result<(), IdentitySourceError> {
        if let Some(path) = &self.path {
            // One after the other: each follows the one before it. Nothing is left half done by a panic.
            let _one = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
            let new = read(path)?.following(&self.current.load());
            self.current.store(Arc::new(new));
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Identities, IdentitySourceError> {
    let io = |source: io::Error| IdentitySourceError::Io {
        path: path.to_owned(),
        source,
    };
    // NOFOLLOW: the file that was checked is the file that is read. NONBLOCK: a pipe in its place
    // must not hang us.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err(IdentitySourceError::NotPlain(path.to_owned())),
        Err(error) => return Err(io(error.into())),
    };
    let length = check(path, &file, io)?;
    // Room for the whole and a little more, so that it never moves and leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(length + 64));
    let read = file.take(limits::FILE_BYTES + 1).read_to_string(&mut text);
    if read.map_err(io)? as u64 > limits::FILE_BYTES {
        return Err(IdentitySourceError::TooLarge(path.to_owned()));
    }
    Identities::parse(&text).map_err(|source| IdentitySourceError::Content {
        path: path.to_owned(),
        source,
    })
}

/// Judges the open file, not the name, so that nobody can exchange it in between. Its length, bytes.
fn check(
    path: &Path,
    file: &File,
    io: impl Fn(io::Error) -> IdentitySourceError,
) -> Result<usize, IdentitySourceError> {
    let metadata = file.metadata().map_err(io)?;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let ours = rustix::process::geteuid().as_raw();
    let path = path.to_owned();
    if !metadata.is_file() {
        return Err(IdentitySourceError::NotPlain(path));
    }
    if owner != ours {
        return Err(IdentitySourceError::WrongOwner { path, owner, ours });
    }
    if mode & 0o077 != 0 {
        return Err(IdentitySourceError::Exposed { path, mode });
    }
    if metadata.len() > limits::FILE_BYTES {
        return Err(IdentitySourceError::TooLarge(path));
    }
    Ok(usize::try_from(metadata.len()).unwrap_or_default())
}
