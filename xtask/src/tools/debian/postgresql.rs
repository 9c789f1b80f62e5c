//! PostgreSQL for the tests, which start clusters of their own.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::as_root;
use crate::shell;

/// Brings the server of the version that the release has.
pub(super) const PACKAGE: &str = "postgresql";

/// Debian keeps the server's programs here, not on the PATH.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Read by the package while it is being installed.
const SETTINGS: &str = "/etc/postgresql-common/createcluster.d/strongroom-tests.conf";

/// Whether some version's `initdb` is there.
pub(super) fn is_installed() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    debian
        .map(|version| version.path().join("bin"))
        .chain(env::split_paths(&path))
        .any(|directory| directory.join("initdb").exists())
}

/// Runs `install` while the package is told not to make and start a cluster of the system's own:
/// a developer's machine gets no new service.
///
/// # Errors
/// Those of `install`, or no right to write below `/etc`.
pub(super) fn without_a_cluster_of_the_system(install: impl FnOnce() -> Result<()>) -> Result<()> {
    let own = tempfile::NamedTempFile::new().context("no temporary file")?;
    fs::write(own.path(), "create_main_cluster = false\n").context("cannot write a temporary file")?;
    as_superuser(
        "install",
        &["-D", "-m", "644"],
        &[own.path(), Path::new(SETTINGS)],
    )?;
    let installed = install();
    as_superuser("rm", &["-f"], &[Path::new(SETTINGS)])?;
    installed
}

fn as_superuser(program: &str, options: &[&str], paths: &[&Path]) -> Result<()> {
    let mut command = as_root(program).context("needs root or sudo")?;
    shell::run(
        command.args(options).args(paths),
        "install the package `postgresql` by hand",
    )
}
