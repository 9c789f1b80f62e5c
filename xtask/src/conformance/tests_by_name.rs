//! The tests that carry a requirement's id in their name, from the compiled test binaries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::shell;

/// A test function `xks_<group>_<number>_…`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NamedTest {
    pub(super) group: String,
    pub(super) number: u8,
    pub(super) package: String,
    pub(super) function: String,
}

impl NamedTest {
    /// Reads a test's path inside its binary, `module::xks_enc_05_aad…`; `None` for a test of
    /// something else.
    pub(super) fn parse(package: &str, path: &str) -> Option<Self> {
        let function = path.rsplit("::").next()?;
        let mut parts = function.strip_prefix("xks_")?.splitn(3, '_');
        let (group, number, _what) = (parts.next()?, parts.next()?, parts.next()?);
        let number = number.parse().ok()?;
        Some(Self {
            group: group.to_owned(),
            number,
            package: package.to_owned(),
            function: function.to_owned(),
        })
    }
}

/// A test binary that cargo built.
struct Binary {
    package: String,
    path: PathBuf,
}

/// Builds the workspace's tests and returns those named after a requirement, sorted.
pub(super) fn compiled() -> Result<Vec<NamedTest>> {
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
        ensure!(
            ignored.is_empty(),
            "ignored tests prove nothing: {}; run them or remove them",
            ignored
                .iter()
                .map(|test| test.function.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        );
        tests.extend(list(&binary, &[])?);
    }
    tests.sort();
    tests.dedup();
    Ok(tests)
}

fn list(binary: &Binary, options: &[&str]) -> Result<Vec<NamedTest>> {
    let mut command = Command::new(&binary.path);
    command.args(["--list", "--format", "terse"]).args(options);
    let text = shell::read(&mut command, "every test binary must understand --list")?;
    let paths = text.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(paths
        .filter_map(|path| NamedTest::parse(&binary.package, path))
        .collect())
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
    fn only_names_with_an_id_count() {
        let test =
            NamedTest::parse("proxy", "wire::encrypt::xks_enc_05_aad_of_8192_bytes_is_handled").unwrap();
        assert_eq!((test.group.as_str(), test.number), ("enc", 5));
        assert_eq!(test.function, "xks_enc_05_aad_of_8192_bytes_is_handled");
        assert_eq!(NamedTest::parse("proxy", "xks_enc_5"), None);
        assert_eq!(NamedTest::parse("proxy", "xks_api_parses"), None);
        assert_eq!(NamedTest::parse("proxy", "wire::something_xks_enc_05_else"), None);
    }

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
