//! The data directory: what lies where, and that only one server uses it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

/// Where a packaged server keeps its data, unless told otherwise.
pub const DEFAULT: &str = "/var/lib/strongroom";

/// The paths inside a data directory, where the configuration names no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Of this directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// The key file of the seal.
    pub fn seal_key(&self) -> PathBuf {
        self.0.join("seal.key")
    }

    /// The directory of the audit log's segments.
    pub fn log(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// The socket of the management API.
    pub fn socket(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// Makes the directory (mode 0700) with its parents, or accepts one that exists and is ours
    /// alone.
    pub fn create(&self) -> anyhow::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .with_context(|| {
                format!(
                    "cannot make the data directory {}; name another with --data-dir or `data_dir`, or be a user \
                     who may",
                    self.0.display()
                )
            })?;
        self.check()
    }

    /// Refuses a directory that others can enter, or that somebody else owns.
    pub fn check(&self) -> anyhow::Result<()> {
        let shown = self.0.display();
        let metadata = match fs::metadata(&self.0) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!(
                    "the data directory {shown} does not exist: run `strongroom init` first, or `strongroom kms init` for a KMS endpoint"
                );
            }
            Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        };
        let ours = rustix::process::geteuid().as_raw();
        if metadata.uid() != ours {
            bail!(
                "the data directory {shown} belongs to uid {}, but this process runs as uid {ours}: start the \
                 server as its owner",
                metadata.uid()
            );
        }
        if metadata.mode() & 0o077 != 0 {
            bail!(
                "the data directory {shown} has mode {:04o}, so others than its owner may enter it: run `chmod \
                 700 {shown}`",
                metadata.mode() & 0o7777
            );
        }
        Ok(())
    }

    /// Takes the directory for this process; [`Lock`] gives it back.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        let path = self.0.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => bail!(
                "another server uses {}: stop it first, or name another data directory",
                self.0.display()
            ),
            Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }
}

/// The data directory belongs to this process for as long as this value lives. The kernel ends
/// the lock with the process, however that ends.
pub struct Lock {
    _file: File,
}

/// Replaces or makes a file of mode 0600 so that readers see the old content or the new, never
/// half of it.
pub fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let write = || -> io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_one_server_uses_a_directory_and_nobody_else_enters_it() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::new(parent.path().join("data"));
        assert!(dir.check().unwrap_err().to_string().contains("strongroom init"));
        dir.create().unwrap();
        assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o700);

        let lock = dir.lock().unwrap();
        assert!(dir.lock().err().unwrap().to_string().contains("another server"));
        drop(lock);
        dir.lock().unwrap();

        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        assert!(dir.check().unwrap_err().to_string().contains("chmod 700"));
    }

    #[test]
    fn a_private_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dev.json");
        for content in ["one", "two"] {
            write_private(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
