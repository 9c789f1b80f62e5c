//! Running other programs: where the workspace and the cache are, and errors that say what was
//! run and what to do next.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, bail};

/// The workspace's root. Cargo says at run time where the package lies: clones that share a target
/// directory also share this program, so what it was built from may be another clone.
pub(crate) fn root() -> Result<&'static Path> {
    static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        package.parent().map(Path::to_path_buf)
    });
    root.as_deref()
        .context("xtask lies directly below the workspace's root")
}

/// The user's cache directory for this project (`$XDG_CACHE_HOME/strongroom`, otherwise
/// `~/.cache/strongroom`): tools and environments that outlive a clone.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(set) => PathBuf::from(set),
        None => {
            let home =
                env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set; set one of them")?;
            PathBuf::from(home).join(".cache")
        }
    };
    Ok(base.join("strongroom"))
}

/// A command in the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(root()?);
    Ok(command)
}

/// A `cargo` command in the workspace's root, free of what cargo told *this* process about
/// itself: build scripts must see what they see when cargo is called by hand.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Result<Command> {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(program)?;
    command.args(arguments);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "LD_LIBRARY_PATH"
        {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// Runs `command` with its output on ours; an exit status other than 0 is an error that names
/// the command and the `next` step.
pub(crate) fn run(command: &mut Command, next: &str) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command, next))?;
    if !status.success() {
        bail!("`{}` ended with {status}; {next}", line(command));
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to standard output; shows its standard error only
/// if it fails.
pub(crate) fn read(command: &mut Command, next: &str) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(command, next))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
        bail!("`{}` ended with {}; {next}", line(command), output.status);
    }
    String::from_utf8(output.stdout)
        .map_err(|_| anyhow!("`{}` wrote something other than UTF-8", line(command)))
}

/// Whether `command` can be started and ends with status 0; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn cannot_start(command: &Command, next: &str) -> String {
    format!("cannot start `{}`; {next}", line(command))
}

/// The command as one would type it, for messages.
pub(crate) fn line(command: &Command) -> String {
    let mut line = program_name(command);
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

fn program_name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned()
}
