//! The JavaScript packages of the client runs, made from
//! `xtask/kms-clients/javascript/package-lock.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::lock;
use crate::shell;

/// The `node_modules` with exactly the locked packages, for `NODE_PATH`.
pub(crate) fn modules() -> Result<PathBuf> {
    let lock = "xtask/kms-clients/javascript/package-lock.json";
    Ok(lock::environment("javascript", lock, make)?.join("node_modules"))
}

fn make(home: &Path, lock: &Path) -> Result<()> {
    println!("making the JavaScript environment, once for this lock file");
    fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
    for file in [lock.to_path_buf(), lock.with_file_name("package.json")] {
        let name = file.file_name().unwrap_or_default();
        fs::copy(&file, home.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    // `ci` takes what the lock file names, with its hashes, and nothing else.
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--omit=dev",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]);
    shell::run(
        npm.current_dir(home),
        "check that the npm registry can be reached, then try again",
    )
}
