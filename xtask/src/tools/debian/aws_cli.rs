//! Version 2 of the AWS CLI, which is on no package index; version 1 comes with the Python
//! environment and may be what `aws` means.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell;

/// Where Debian puts it.
const DEBIANS: &str = "/usr/bin/aws";

/// Its path: Debian's, or the first on the PATH that is of version 2.
pub(crate) fn version_2() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let others = env::split_paths(&path).map(|directory| directory.join("aws"));
    std::iter::once(PathBuf::from(DEBIANS))
        .chain(others)
        .find(|program| program.is_file() && is_version_2(program))
}

fn is_version_2(program: &Path) -> bool {
    shell::read(Command::new(program).arg("--version"), "").is_ok_and(|text| says_version_2(&text))
}

fn says_version_2(text: &str) -> bool {
    text.starts_with("aws-cli/2.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_told_apart() {
        assert!(says_version_2(
            "aws-cli/2.9.19 Python/3.11.2 Linux/6.1 source/x86_64.debian.12"
        ));
        assert!(!says_version_2(
            "aws-cli/1.46.3 Python/3.11.2 Linux/6.1 botocore/1.43.62"
        ));
        assert!(!says_version_2(""));
    }
}
