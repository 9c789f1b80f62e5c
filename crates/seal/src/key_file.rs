//! The key-file seal: one line of text that only we can read.
//!
//! `strongroom-seal-key-1:<id, 16 hex digits>:<key, 64 hex digits>` and a line feed. It protects
//! against theft of the database alone (a backup, a disk); who can read both has the keys.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ambient::{Random, RandomUnavailable};
use crypto::{Fields, Key256};
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::roots::{ProtectFailed, RevealFailed};
use crate::{Boxed, Seal, SealingKey, SealingKeyId};

const PREFIX: &str = "strongroom-seal-key-1:";
/// Prefix, id, colon, key, line feed.
const FILE_LEN: usize = PREFIX.len() + 16 + 1 + 64 + 1;

/// The key file cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is none.
    #[error(
        "{0} does not exist: restore the seal key file from its backup, or run `strongroom init` for a new \
         installation"
    )]
    Missing(PathBuf),
    /// There is one already; it is never overwritten.
    #[error("{0} exists already and is never overwritten: use it, or name another file")]
    Exists(PathBuf),
    /// It is a symbolic link, a directory, a pipe or a device.
    #[error("{0} is not a plain file: name the seal key file itself, not a link to it")]
    NotPlain(PathBuf),
    /// Group or others have rights on it.
    #[error("{path} has mode {mode:04o}, so others than its owner may use it: run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error(
        "{path} belongs to uid {owner}, but this process runs as uid {ours}: run `chown {ours} {path}`, or \
         start the server as its owner"
    )]
    WrongOwner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Our effective uid.
        ours: u32,
    },
    /// It does not read as a key file.
    #[error(
        "{0} is not a seal key file of {FILE_LEN} bytes starting with \"{PREFIX}\": restore it from its backup"
    )]
    Malformed(PathBuf),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The seal whose key is in a file.
pub struct KeyFile(SealingKey);

impl KeyFile {
    /// The kind of this seal.
    pub const KIND: &'static str = "key-file";

    /// Makes a fresh key and writes it to a new file (mode 0600), durably.
    pub fn create(path: &Path, random: &dyn Random) -> Result<Self, KeyFileError> {
        Self::create_as(path, SealingKeyId::generate(random)?, random)
    }

    /// The same, with an id that was announced before.
    pub fn create_as(path: &Path, id: SealingKeyId, random: &dyn Random) -> Result<Self, KeyFileError> {
        let key = SealingKey::new(id, Key256::generate(random)?);
        let hex = Zeroizing::new(crypto::hex(key.key().expose()));
        let mut line = Zeroizing::new(String::with_capacity(FILE_LEN));
        for part in [PREFIX, &key.id().to_string(), ":", &hex, "\n"] {
            line.push_str(part);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = open(path, flags)?;
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory(path))
            .map_err(|source| io_error(path, source))?;
        Ok(Self(key))
    }

    /// Reads an existing file, after checking that it is a plain file, ours, and closed to others.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        // NONBLOCK: a pipe in its place must not hang us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = open(path, flags)?;
        check(path, &file)?;
        // One more than fits, so that a longer file is seen; never grown, so that no copy stays.
        let mut text = Zeroizing::new([0_u8; FILE_LEN + 1]);
        let mut len = 0;
        while let Some(rest) = text.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match file.read(rest).map_err(|source| io_error(path, source))? {
                0 => break,
                read => len += read,
            }
        }
        let key = text.get(..len).and_then(parse);
        key.map(Self)
            .ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
    }

    /// The seal key's id, which is in the file and beside every root that it protects.
    pub const fn key_id(&self) -> SealingKeyId {
        self.0.id()
    }
}

impl Seal for KeyFile {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn id(&self) -> SealingKeyId {
        self.0.id()
    }

    fn protect<'a>(
        &'a self,
        random: &'a dyn Random,
        context: &'a Fields,
        root: &'a Key256,
    ) -> Boxed<'a, Result<Vec<u8>, ProtectFailed>> {
        Box::pin(async move { Ok(self.0.seal(random, context, root.expose())?) })
    }

    fn reveal<'a>(
        &'a self,
        context: &'a Fields,
        protected: &'a [u8],
    ) -> Boxed<'a, Result<Key256, RevealFailed>> {
        Box::pin(async move {
            let bytes = self.0.open(context, protected)?;
            Key256::from_slice(bytes.expose()).ok_or(RevealFailed::NotAuthentic)
        })
    }
}

fn open(path: &Path, flags: OFlags) -> Result<File, KeyFileError> {
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
    let error = match opened {
        Ok(file) => return Ok(File::from(file)),
        Err(errno) => io::Error::from(errno),
    };
    Err(match error.kind() {
        io::ErrorKind::NotFound if !flags.contains(OFlags::CREATE) => KeyFileError::Missing(path.to_owned()),
        io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        // What O_NOFOLLOW says to a symbolic link.
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            KeyFileError::NotPlain(path.to_owned())
        }
        _ => io_error(path, error),
    })
}

/// Judges the open file, not the name, so that nobody can exchange it in between.
fn check(path: &Path, file: &File) -> Result<(), KeyFileError> {
    let metadata = file.metadata().map_err(|source| io_error(path, source))?;
    let path = path.to_owned();
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let ours = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        return Err(KeyFileError::NotPlain(path));
    }
    if owner != ours {
        return Err(KeyFileError::WrongOwner { path, owner, ours });
    }
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path, mode });
    }
    Ok(())
}

fn parse(text: &[u8]) -> Option<SealingKey> {
    let fields = text.strip_prefix(PREFIX.as_bytes())?.strip_suffix(b"\n")?;
    let (id, key) = fields.split_at_checked(16)?;
    let id = SealingKeyId::from_hex(std::str::from_utf8(id).ok()?)?;
    let key = Zeroizing::new(crypto::unhex(std::str::from_utf8(key.strip_prefix(b":")?).ok()?)?);
    Some(SealingKey::new(id, Key256::from_slice(&key)?))
}

pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Io {
        path: path.to_owned(),
        source,
    }
}
