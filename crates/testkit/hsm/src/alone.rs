//! A test in a process of its own.

use std::ffi::OsString;
use std::process::Command;

use super::{Product, SoftwareHsm};

const DIRECTORY: &str = "STRONGROOM_TEST_HSM";

/// Makes tokens of these labels, and starts the running test binary again, for the test named `path`
/// alone and with the environment that the module needs, `more` included. There the same call runs
/// `body`. `path` is `concat!(module_path!(), "::", "the test's name")`.
///
/// # Panics
/// If the test fails there.
pub fn alone(
    path: &str,
    product: Product,
    labels: &[&str],
    more: &[(&str, OsString)],
    body: impl FnOnce(SoftwareHsm),
) {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return body(SoftwareHsm::at(product, directory.as_ref()));
    }
    let hsm = SoftwareHsm::new(product, labels);
    let (variable, file) = hsm.environment();
    let (_, name) = path.split_once("::").unwrap();
    let run = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--include-ignored", "--nocapture"])
        .env(variable, file)
        .env(DIRECTORY, hsm.path())
        .envs(more.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{name} on {product:?}, {}\n{said}\n{}",
        run.status,
        String::from_utf8_lossy(&run.stderr)
    );
}
