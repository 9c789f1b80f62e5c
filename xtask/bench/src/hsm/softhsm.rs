//! A SoftHSM token for a measurement.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Where Debian's package puts it.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// The token's label.
pub(crate) const LABEL: &str = "bench";
/// The user's PIN; the token lives as long as the measurement.
pub(crate) const PIN: &str = "1234";

/// A token in a directory of its own.
pub(crate) struct SoftHsm {
    config: PathBuf,
}

impl SoftHsm {
    /// Makes one with `softhsm2-util`.
    pub(crate) fn make(directory: &Path) -> Result<Self> {
        let tokens = directory.join("tokens");
        fs::create_dir_all(&tokens)?;
        let config = directory.join("softhsm2.conf");
        fs::write(
            &config,
            format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()),
        )?;
        let made = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                LABEL,
                "--so-pin",
                "567890",
                "--pin",
                PIN,
            ])
            .env("SOFTHSM2_CONF", &config)
            .output()
            .context("cannot run softhsm2-util: `cargo xtask test` installs it")?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "softhsm2-util failed: {said}");
        Ok(Self { config })
    }

    /// What `SOFTHSM2_CONF` must name.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }
}
