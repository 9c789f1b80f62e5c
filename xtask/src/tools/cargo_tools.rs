//! Cargo's plug-ins, built once per version into the user's cache.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

/// The path of cargo-deny, which holds dependencies against `deny.toml`.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    installed("cargo-deny", "0.20.2")
}

/// The path of cargo-fuzz, which builds and runs libFuzzer targets.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    installed("cargo-fuzz", "0.13.2")
}

/// `name` at exactly `version`; the version is part of the path, so another one never answers
/// in its place. The build directory is the tool's own: it shares nothing with the workspace.
fn installed(name: &str, version: &str) -> Result<PathBuf> {
    let tools = shell::cache()?.join("tools");
    let home = tools.join(format!("{name}-{version}"));
    let binary = home.join("bin").join(name);
    if binary.is_file() {
        return Ok(binary);
    }
    println!("building {name} {version}, once for this machine (a few minutes)");
    let build = tools.join("build");
    let mut command = shell::cargo(["install", "--quiet", "--locked", "--version", version, name])?;
    command.arg("--root").arg(&home).env("CARGO_TARGET_DIR", &build);
    shell::run(
        &mut command,
        "check that the Rust registry can be reached, then try again",
    )?;
    // Hundreds of megabytes that nobody needs again; if they stay, nothing is wrong.
    let _ = fs::remove_dir_all(&build);
    Ok(binary)
}
