//! The script that docs/tutorials/ci.md gives to pipelines, as it stands there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// Where it is, from the clone's root.
const TUTORIAL: &str = "docs/tutorials/ci.md";
/// Seconds for the script: a start of `strongroom dev` and five calls of the AWS CLI.
const LIMIT: &str = "120";

/// Runs it in a directory of its own, with this `strongroom` and this `aws`.
pub(super) fn ci_script(strongroom: &Path, aws: &Path) -> Result<()> {
    let text = fs::read_to_string(shell::root()?.join(TUTORIAL)).context(TUTORIAL)?;
    let script = first_script(&text).with_context(|| format!("{TUTORIAL} has no script"))?;
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    for (name, program) in [("strongroom", strongroom), ("aws", aws)] {
        let path = directory.path().join(name);
        fs::write(&path, format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    let path = std::env::var("PATH").context("PATH is not set")?;
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after", "5", LIMIT, "sh", "-c", script])
        .current_dir(&directory)
        .env("PATH", format!("{}:{path}", directory.path().display()))
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let said = shell::read(&mut command, "the script of the tutorial must work as it stands")?;
    ensure!(said.ends_with("all passed\n"), "{TUTORIAL}: {said}");
    println!("{TUTORIAL}: the script works with {}", aws.display());
    Ok(())
}

/// The first block of shell.
fn first_script(tutorial: &str) -> Option<&str> {
    let (_, behind) = tutorial.split_once("```sh\n")?;
    Some(behind.split_once("```")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_the_first_block_of_shell() {
        let text = "# A\n```toml\nx = 1\n```\n```sh\n#!/bin/sh\ntrue\n```\n```sh\nfalse\n```\n";
        assert_eq!(first_script(text), Some("#!/bin/sh\ntrue\n"));
        assert_eq!(first_script("none"), None);
    }
}
