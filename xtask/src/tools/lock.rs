//! Environments that are made once for each lock file.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::shell;

/// The directory for what `lock` (a path below the workspace's root) pins, made by `make` unless
/// it is there. It lies in the user's cache under `kind` and the lock file's hash, so that a
/// changed lock makes a new one and clones share it.
pub(super) fn environment(
    kind: &str,
    lock: &str,
    make: impl FnOnce(&Path, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let lock = shell::root()?.join(lock);
    let text = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let home = shell::cache()?.join(kind).join(name(&text));
    let finished = home.join("finished");
    if !finished.is_file() {
        make(&home, &lock)?;
        fs::write(&finished, b"").with_context(|| format!("cannot write {}", finished.display()))?;
    }
    Ok(home)
}

/// A directory name for this lock file; the installers check the packages' own hashes, so this
/// one only has to tell lock files apart.
fn name(lock: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(lock);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_lock_file_is_another_environment() {
        assert_eq!(name(b"botocore==1"), name(b"botocore==1"));
        assert_ne!(name(b"botocore==1"), name(b"botocore==2"));
    }
}
