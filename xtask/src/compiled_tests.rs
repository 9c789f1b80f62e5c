//! The tests of the workspace, from the compiled test binaries: a name that the compiler does not
//! see does not count.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::shell;

/// A test function.
#[derive(Clone, Debug)]
pub(crate) struct CompiledTest {
    pub(crate) package: String,
    /// Its path inside the binary: `module::function`.
    pub(crate) path: String,
    ignored: bool,
}

impl CompiledTest {
    /// Its function's name. An ignored test is an error: it proves nothing.
    pub(crate) fn proof(&self) -> Result<&str> {
        ensure!(
            !self.ignored,
            "{} is ignored and proves nothing; run it or remove it",
            self.path
        );
        Ok(self.path.rsplit("::").next().unwrap_or_default())
    }

    #[cfg(test)]
    pub(crate) fn new(package: &str, path: &str, ignored: bool) -> Self {
        let (package, path) = (package.to_owned(), path.to_owned());
        Self {
            package,
            path,
            ignored,
        }
    }
}

/// A test binary that cargo built.
struct Binary {
    package: String,
    path: PathBuf,
}

/// Builds the workspace's tests, once, and returns them.
pub(crate) fn all() -> Result<&'static [CompiledTest]> {
    static ALL: OnceLock<Vec<CompiledTest>> = OnceLock::new();
    if let Some(all) = ALL.get() {
        return Ok(all);
    }
    let found = build_and_list()?;
    Ok(ALL.get_or_init(|| found))
}

fn build_and_list() -> Result<Vec<CompiledTest>> {
    let mut build = shell::cargo([
        "test",
        "--workspace",
        "--no-run",
        "--locked",
        "--message-format",
        "json-render-diagnostics",
    ])?;
    build.stderr(std::process::Stdio::inherit());
    let messages = shell::read(&mut build, "mend what the compiler shows above")?;
    let mut tests = Vec::new();
    for binary in messages.lines().filter_map(binary) {
        let ignored = list(&binary, &["--ignored"])?;
        tests.extend(list(&binary, &[])?.into_iter().map(|path| CompiledTest {
            package: binary.package.clone(),
            ignored: ignored.contains(&path),
            path,
        }));
    }
    Ok(tests)
}

fn list(binary: &Binary, options: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new(&binary.path);
    command.args(["--list", "--format", "terse"]).args(options);
    let text = shell::read(&mut command, "every test binary must understand --list")?;
    let paths = text.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(paths.map(str::to_owned).collect())
}

/// Reads one line of cargo's messages; `None` unless it tells of a test binary.
fn binary(message: &str) -> Option<Binary> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        #[serde(default)]
        manifest_path: PathBuf,
        executable: Option<PathBuf>,
        profile: Option<Profile>,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let message: Message = serde_json::from_str(message).ok()?;
    let is_test = message.reason == "compiler-artifact" && message.profile?.test;
    let package = message
        .manifest_path
        .parent()?
        .file_name()?
        .to_string_lossy()
        .into_owned();
    is_test.then_some(Binary {
        package,
        path: message.executable?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_found_in_cargos_messages() {
        let artifact = |executable: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/crates/proxy/Cargo.toml","executable":{executable},"profile":{{"test":{test}}}}}"#
            )
        };
        assert_eq!(
            binary(&artifact("\"/t/proxy-1\"", true)).unwrap().package,
            "proxy"
        );
        assert!(binary(&artifact("\"/t/strongroom\"", false)).is_none());
        assert!(binary(&artifact("null", true)).is_none());
        assert!(binary(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
