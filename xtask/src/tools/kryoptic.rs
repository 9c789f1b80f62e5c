//! Kryoptic, the second PKCS#11 module of the tests: built once per `xtask/kryoptic/Cargo.lock`,
//! which names its version, into the user's cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{debian, lock};
use crate::shell;

const MANIFEST: &str = "xtask/kryoptic/Cargo.toml";
const MODULE: &str = "libkryoptic_pkcs11.so";

/// The variable that tells tests where the module is (`testkit::hsm`).
pub(crate) const VARIABLE: &str = "STRONGROOM_KRYOPTIC";

/// The path of the module.
pub(crate) fn module() -> Result<PathBuf> {
    Ok(lock::environment("kryoptic", "xtask/kryoptic/Cargo.lock", make)?.join(MODULE))
}

fn make(home: &Path, _: &Path) -> Result<()> {
    debian::install_kryoptic_packages()?;
    println!("building Kryoptic, once for this lock file (90 CPU-seconds)");
    let build = home.join("build");
    let mut command = shell::cargo([
        "build",
        "--release",
        "--locked",
        "--message-format",
        "json-render-diagnostics",
        "--manifest-path",
        MANIFEST,
    ])?;
    command
        .env("CARGO_TARGET_DIR", &build)
        .stderr(std::process::Stdio::inherit());
    let messages = shell::read(
        &mut command,
        "it needs libclang, OpenSSL 3 and SQLite with their headers (Debian: libclang-dev, libssl-dev, \
         libsqlite3-dev, pkg-config), and the Rust registry",
    )?;
    let built = messages
        .lines()
        .filter_map(shared_library)
        .next_back()
        .context("cargo built no module of Kryoptic")?;
    let module = home.join(MODULE);
    fs::copy(&built, &module)
        .with_context(|| format!("cannot copy {} to {}", built.display(), module.display()))?;
    // Hundreds of megabytes that nobody needs again; if they stay, nothing is wrong.
    let _ = fs::remove_dir_all(&build);
    Ok(())
}

/// The shared library of the package `kryoptic`, if one line of cargo's messages tells of it.
fn shared_library(message: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        target: Target,
        filenames: Vec<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let message: Message = serde_json::from_str(message).ok()?;
    let mut files = message.filenames.into_iter();
    (message.target.name == "kryoptic_pkcs11")
        .then(|| files.find(|file| file.extension().is_some_and(|end| end == "so")))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_in_cargos_messages() {
        let line = |name: &str, file: &str| {
            format!(r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"filenames":["{file}"]}}"#)
        };
        let module = "/t/deps/libkryoptic_pkcs11-1.so";
        assert_eq!(
            shared_library(&line("kryoptic_pkcs11", module)),
            Some(PathBuf::from(module))
        );
        assert_eq!(shared_library(&line("asn1_derive", "/t/libasn1_derive.so")), None);
        assert_eq!(
            shared_library(r#"{"reason":"build-finished","success":true}"#),
            None
        );
    }
}
