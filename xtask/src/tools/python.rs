//! The Python environment of the client runs, made from `xtask/python/requirements.lock`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{debian, lock};
use crate::shell;

/// The interpreter of a virtual environment with exactly the locked packages.
pub(crate) fn environment() -> Result<PathBuf> {
    let home = lock::environment("python", "xtask/python/requirements.lock", make)?;
    Ok(interpreter(&home))
}

fn interpreter(home: &Path) -> PathBuf {
    home.join("bin/python")
}

fn make(home: &Path, lock: &Path) -> Result<()> {
    println!("making the Python environment, once for this lock file");
    let mut venv = Command::new(debian::python());
    venv.args(["-m", "venv", "--clear"]).arg(home);
    shell::run(&mut venv, "install python3-venv, then try again")?;
    let mut pip = Command::new(interpreter(home));
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
