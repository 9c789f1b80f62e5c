//! The Python environment of the client runs, made from `xtask/python/requirements.lock`.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::debian;
use crate::shell;

/// The interpreter of a virtual environment with exactly the locked packages. It lies in the
/// user's cache under the lock file's hash, so that a changed lock makes a new one and clones
/// share it.
pub(crate) fn environment() -> Result<PathBuf> {
    let lock = shell::root()?.join("xtask/python/requirements.lock");
    let text = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let home = shell::cache()?.join("python").join(name(&text));
    let interpreter = home.join("bin/python");
    let finished = home.join("finished");
    if !finished.is_file() {
        make(&home, &interpreter, &lock)?;
        fs::write(&finished, b"").with_context(|| format!("cannot write {}", finished.display()))?;
    }
    Ok(interpreter)
}

fn make(home: &Path, interpreter: &Path, lock: &Path) -> Result<()> {
    println!("making the Python environment, once for this lock file");
    let mut venv = Command::new(debian::python());
    venv.args(["-m", "venv", "--clear"]).arg(home);
    shell::run(&mut venv, "install python3-venv, then try again")?;
    let mut pip = Command::new(interpreter);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]);
    pip.arg("--requirement").arg(lock);
    shell::run(
        &mut pip,
        "check that the Python package index can be reached, then try again",
    )
}

/// A directory name for this lock file; pip checks the packages' own hashes, so this one only
/// has to tell lock files apart.
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
