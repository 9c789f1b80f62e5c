//! The AWS CLI lines that `strongroom dev` prints, as they stand, with both versions of the CLI.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::dev_server::DevServer;
use crate::shell;

/// What the lines encrypt and decrypt.
const PLAINTEXT: &str = "Hello World!";
/// Seconds for all of them.
const LIMIT: &str = "60";

/// Runs them in one shell, in which `aws` is `program`.
pub(super) fn run(server: &DevServer, program: &Path) -> Result<()> {
    let lines = aws_lines(server.printed());
    ensure!(
        lines.iter().any(|line| line.contains(" encrypt ")),
        "`strongroom dev` printed no AWS CLI lines:\n{}",
        server.printed().join("\n")
    );
    let script = format!(
        "set -eu -o pipefail\naws() {{ {} \"$@\"; }}\n{}\n",
        program.display(),
        lines.join("\n")
    );
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after", "5", LIMIT, "bash", "-c", &script])
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let answer = shell::read(&mut command, "the AWS CLI lines must work as printed")?;
    ensure!(
        answer.contains(PLAINTEXT),
        "the lines that `strongroom dev` prints decrypt to something else: {answer}"
    );
    println!("{}: {} printed lines work", program.display(), lines.len());
    Ok(())
}

/// The lines that set up or call the AWS CLI.
fn aws_lines(printed: &[String]) -> Vec<&str> {
    let lines = printed.iter().map(|line| line.trim());
    lines
        .filter(|line| line.starts_with("export AWS_") || line.contains("aws --endpoint-url "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_aws_cli_are_told_from_others() {
        let printed = [
            "Use the AWS CLI:",
            "  export AWS_ACCESS_KEY_ID=A",
            "printf x | aws --endpoint-url http://y kms encrypt",
            "curl https://aws.example",
        ]
        .map(str::to_owned);
        assert_eq!(
            aws_lines(&printed),
            [
                "export AWS_ACCESS_KEY_ID=A",
                "printf x | aws --endpoint-url http://y kms encrypt"
            ]
        );
    }
}
