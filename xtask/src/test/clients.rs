//! Clients that know nothing of our code: curl with its own SigV4, and botocore's signer.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::dev_server::{DevServer, Xks};
use crate::shell;

/// Runs every `curl` line that `strongroom dev` printed, as it stands.
pub(super) fn printed_lines(server: &DevServer) -> Result<()> {
    let lines = curl_lines(server.printed());
    ensure!(
        !lines.is_empty(),
        "`strongroom dev` printed no curl line:\n{}",
        server.printed().join("\n")
    );
    for line in &lines {
        let answer = shell::read(
            Command::new("bash").args(["-c", line]),
            "the line above must work as printed",
        )?;
        ensure!(
            !answer.is_empty() && !answer.contains("errorName"),
            "a line that `strongroom dev` prints was refused: {answer}"
        );
    }
    println!("curl: {} printed lines work", lines.len());
    Ok(())
}

/// The commands that begin with `curl`, their continuations (`\` at the end) joined.
fn curl_lines(printed: &[String]) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = printed.iter().map(|line| line.trim());
    while let Some(line) = lines.next() {
        if !line.trim_start_matches("$ ").starts_with("curl ") {
            continue;
        }
        let mut command = line.trim_start_matches("$ ").to_owned();
        while command.ends_with('\\') {
            command.pop();
            command.push_str(lines.next().unwrap_or_default());
        }
        commands.push(command);
    }
    commands
}

/// A health check signed by curl, and a `GET`, signed and not.
pub(super) fn curl(xks: &Xks) -> Result<()> {
    let url = format!("https://localhost{}/health", xks.uri_path);
    let body = r#"{"requestMetadata":{"kmsRequestId":"curl","kmsOperation":"KmsHealthCheck"}}"#;
    let posted = curl_once(xks, &url, &["--data-binary", body], true)?;
    ensure!(
        posted.ends_with("200 application/json"),
        "curl's signed health check was answered {posted}"
    );
    ensure!(
        posted.contains("xksProxyFleetSize"),
        "not a health answer: {posted}"
    );
    for signed in [true, false] {
        let got = curl_once(xks, &url, &[], signed)?;
        ensure!(
            got.contains("405 "),
            "curl's GET (signed: {signed}) was answered {got}"
        );
    }
    println!("curl: signed by --aws-sigv4, 3 requests as expected");
    Ok(())
}

/// One request; returns the body, then status and content type. The secret goes through
/// standard input, so that it shows in no list of processes.
fn curl_once(xks: &Xks, url: &str, options: &[&str], signed: bool) -> Result<String> {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--config", "-", "--cacert"])
        .arg(&xks.ca_certificate);
    command.args(["--header", "Content-Type: application/json"]);
    command
        .args(["--write-out", "%{http_code} %{content_type}"])
        .args(options)
        .arg(url);
    command.args(["--connect-to", &connect_to(xks)?]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start curl")?;
    let mut input = child.stdin.take().context("the child has no input")?;
    if signed {
        writeln!(input, "aws-sigv4 = \"aws:amz:{}:kms-xks-proxy\"", xks.region)?;
        writeln!(
            input,
            "user = \"{}:{}\"",
            xks.access_key_id, xks.secret_access_key
        )?;
    }
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "`{}` ended with {}",
        shell::line(&command),
        output.status
    );
    String::from_utf8(output.stdout).context("curl wrote something other than UTF-8")
}

/// Makes curl reach the server behind the URL's default port: before 8.0, curl signs no other
/// port, though it sends it.
pub(super) fn connect_to(xks: &Xks) -> Result<String> {
    let (_, port) = xks
        .endpoint
        .rsplit_once(':')
        .context("the endpoint has no port")?;
    Ok(format!("localhost:443:127.0.0.1:{port}"))
}

/// The four operations and their errors, signed by botocore (`xtask/python/clients.py`). `contract`
/// says how to reach the proxy, as `dev.json` does.
pub(super) fn botocore(contract: &Path, python: &Path) -> Result<()> {
    let mut command = shell::command(python)?;
    command.arg("xtask/python/clients.py").arg(contract);
    shell::run(&mut command, "the lines above name the check that failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_are_one_command() {
        let printed = [
            "ready",
            "",
            "  curl --cacert a \\",
            "    https://x",
            "then",
            "$ curl y",
        ]
        .map(str::to_owned);
        assert_eq!(curl_lines(&printed), ["curl --cacert a https://x", "curl y"]);
    }
}
