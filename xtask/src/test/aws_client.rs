//! AWS's own test client (`aws-samples/aws-kms-xksproxy-test-client`), run from a checkout that
//! the user names; nothing of it is part of this project.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::clients;
use super::hsm_server::HsmServer;
use crate::dev_server::{DevServer, Xks};
use crate::shell;

/// The variable that tells the client an external key id, that id, and the usage of the key
/// behind it; `-a` asks for all of them.
const KEYS: &[(&str, &str, &str)] = &[
    ("ENCRYPT_ONLY_KEY_ID", "encrypt_only_key", "encrypt"),
    ("DECRYPT_ONLY_KEY_ID", "decrypt_only_key", "decrypt"),
    ("IMPOTENT_KEY_ID", "impotent_key", "none"),
];

/// The name of the virtual HSM and of the key store that `strongroom dev` makes.
const DEV: &str = "dev";

/// Every check of the client with the keys of `strongroom dev`.
pub(super) fn run(server: &DevServer, strongroom: &Path, checkout: &Path) -> Result<()> {
    for (_, name, usage) in KEYS {
        let admin = |arguments: &[&str]| {
            let mut command = Command::new(strongroom);
            command.arg("--data-dir").arg(server.data_dir()).args(arguments);
            shell::read(&mut command, "see the message above")
        };
        admin(&["key", "create", name, "--vhsm", DEV, "--usage", usage])?;
        admin(&["key-store", "bind", DEV, name, "--external-key-id", name])?;
    }
    check(server.xks(), checkout, "a virtual HSM")
}

/// Every check of the client with keys in an HSM.
pub(super) fn run_on_hsm(server: &HsmServer, checkout: &Path, hsm: &str) -> Result<()> {
    for (_, name, usage) in KEYS {
        server.key(name, usage)?;
    }
    check(server.xks(), checkout, hsm)
}

/// Over HTTPS, with the restricted keys that the client wants. `place` is where the keys are.
fn check(xks: &Xks, checkout: &Path, place: &str) -> Result<()> {
    let prefix = xks
        .uri_path
        .strip_suffix("/kms/xks/v1")
        .context("the URI path has an unknown end")?;
    let curl_home = curl_home(xks)?;
    let mut client = Command::new("./test-xks-proxy");
    client
        .arg("-a")
        .current_dir(checkout)
        .env("CURL_HOME", curl_home.path())
        .env("XKS_PROXY_HOST", "localhost")
        .env("URI_PREFIX", prefix.trim_start_matches('/'))
        .env("SIGV4_ACCESS_KEY_ID", &xks.access_key_id)
        .env("SIGV4_SECRET_ACCESS_KEY", &xks.secret_access_key)
        .env("REGION", &xks.region)
        .env("KEY_ID", &xks.external_key_id)
        .env("SECURE", format!("--cacert {}", xks.ca_certificate.display()))
        .env("ANSI_ESCAPE", "0")
        .envs(
            KEYS.iter()
                .map(|(variable, external_key_id, _)| (variable, external_key_id)),
        );
    let report = shell::read(&mut client, "name a checkout of aws-kms-xksproxy-test-client")?;
    let (passed, failed) = counts(&report).with_context(|| format!("no summary in its output:\n{report}"))?;
    ensure!(
        failed == 0,
        "AWS's test client with keys in {place}: {failed} of {} checks failed:\n{report}",
        passed + failed
    );
    println!("AWS's test client with keys in {place}: all {passed} checks passed");
    Ok(())
}

/// A directory with curl's settings for the client, which takes no port: see
/// [`clients::connect_to`].
fn curl_home(xks: &Xks) -> Result<TempDir> {
    let home = tempfile::tempdir().context("cannot make a temporary directory")?;
    fs::write(
        home.path().join(".curlrc"),
        format!("connect-to = \"{}\"\n", clients::connect_to(xks)?),
    )?;
    Ok(home)
}

/// Checks passed and failed, from the client's last line: "All 30 tests PASSED.", "All 30 tests
/// FAILED." or "A total of 28 tests PASSED and 2 tests FAILED."
fn counts(report: &str) -> Option<(u64, u64)> {
    let summary = report.lines().rev().find(|line| line.contains(" tests "))?;
    let words: Vec<&str> = summary.split_whitespace().collect();
    let count = |verdict: &str| {
        let at = words
            .iter()
            .position(|word| word.trim_end_matches('.') == verdict)?;
        words.get(at.checked_sub(2)?)?.parse().ok()
    };
    match (count("PASSED"), count("FAILED")) {
        (None, None) => None,
        (passed, failed) => Some((passed.unwrap_or(0), failed.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_summary_is_understood() {
        assert_eq!(counts("...\n\n√ All 30 tests PASSED.\n"), Some((30, 0)));
        assert_eq!(counts("x All 30 tests FAILED."), Some((0, 30)));
        assert_eq!(
            counts("? A total of 28 tests PASSED and 2 tests FAILED."),
            Some((28, 2))
        );
        assert_eq!(counts("Please install jq"), None);
    }
}
