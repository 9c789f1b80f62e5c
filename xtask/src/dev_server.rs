//! A running `strongroom dev` and what it tells tools about itself (`DIR/dev.json`).

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

/// How long a debug build may take to start, prove itself and say "ready".
const START: Duration = Duration::from_secs(60);

/// Killed when dropped, unless stopped in order before.
pub struct DevServer {
    child: Child,
    data: PathBuf,
    /// Removed with the server, unless the directory is the caller's.
    _temporary: Option<TempDir>,
    contract: Contract,
    /// What it printed until it was ready.
    printed: Vec<String>,
}

/// The part of `dev.json` that the clients need.
#[derive(Deserialize)]
struct Contract {
    xks: Xks,
    kms: Kms,
}

/// How to reach the proxy and its one key store.
#[derive(Clone, Deserialize)]
pub struct Xks {
    /// `https://<host>:<port>`.
    pub endpoint: String,
    /// `/<prefix>/kms/xks/v1`.
    pub uri_path: String,
    /// Of the key store's credential.
    pub access_key_id: String,
    /// The credential's secret.
    pub secret_access_key: String,
    /// The Region to sign for.
    pub region: String,
    /// The one key.
    pub external_key_id: String,
    /// PEM; what signed the server's certificate.
    pub ca_certificate: PathBuf,
}

/// How to reach the KMS endpoint, and its first key.
#[derive(Clone, Deserialize)]
pub struct Kms {
    /// `http://<host>:<port>`.
    pub endpoint: String,
    /// The Region to sign for.
    pub region: String,
    /// Of an administrator of the account.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: String,
    /// A KMS key in the external key store.
    pub key_arn: String,
}

impl DevServer {
    /// Starts `strongroom dev` on free ports in a directory of its own and waits for "ready".
    ///
    /// # Errors
    /// It cannot be started, ends early, or says nothing for a minute; with what it printed.
    pub fn start(strongroom: &Path) -> Result<Self> {
        let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
        let mut server = Self::start_in(strongroom, &temporary.path().join("data"))?;
        server._temporary = Some(temporary);
        Ok(server)
    }

    /// The same in a directory that stays; it is made if it is not there.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_in(strongroom: &Path, data: &Path) -> Result<Self> {
        let mut log = tempfile::tempfile().context("cannot make a file for its log")?;
        let mut child = Command::new(strongroom)
            .args([
                "dev",
                "--xks-listen",
                "127.0.0.1:0",
                "--kms-listen",
                "127.0.0.1:0",
            ])
            .arg("--data-dir")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}", strongroom.display()))?;
        let output = child.stdout.take().context("the child has no output")?;
        let printed = match wait_until_ready(&lines(output)) {
            Ok(printed) => printed,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let mut text = String::new();
                log.rewind()?;
                log.read_to_string(&mut text)?;
                return Err(error.context(format!("`strongroom dev` did not start; its log:\n{text}")));
            }
        };
        let path = data.join("dev.json");
        let text = fs::read(&path).with_context(|| format!("`strongroom dev` left no {}", path.display()))?;
        let contract = serde_json::from_slice(&text).context("dev.json lacks a member of its contract")?;
        Ok(Self {
            child,
            data: data.to_owned(),
            _temporary: None,
            contract,
            printed,
        })
    }

    /// Where it keeps its data, `dev.json` among them.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// How to reach the proxy.
    pub fn xks(&self) -> &Xks {
        &self.contract.xks
    }

    /// How to reach the KMS endpoint.
    pub fn kms(&self) -> &Kms {
        &self.contract.kms
    }

    /// What it printed until it was ready, line by line.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as Ctrl-C does.
    ///
    /// # Errors
    /// It had ended before, or ends with a status other than 0.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("no process id")?;
        kill_process(pid, Signal::INT).context("`strongroom dev` ended before it was told to")?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("`strongroom dev` ended with {status} after Ctrl-C");
        }
        Ok(())
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        // Already gone after `stop`; then both are refused, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its output line by line; read to the end, so that it never blocks on a full pipe.
pub(crate) fn lines(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody listens any more once it was ready.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Waits for the word, and returns what was printed until then.
pub(crate) fn wait_until_ready(lines: &Receiver<String>) -> Result<Vec<String>> {
    let mut printed = Vec::new();
    loop {
        match lines.recv_timeout(START) {
            Ok(line) => {
                let ready = line
                    .split_whitespace()
                    .next()
                    .is_some_and(|word| word.starts_with("ready"));
                printed.push(line);
                if ready {
                    // The lines to type next may stand before or after the word.
                    while let Ok(line) = lines.recv_timeout(Duration::from_millis(500)) {
                        printed.push(line);
                    }
                    return Ok(printed);
                }
            }
            Err(RecvTimeoutError::Timeout) => bail!(
                "no \"ready\" within {} s:\n{}",
                START.as_secs(),
                printed.join("\n")
            ),
            Err(RecvTimeoutError::Disconnected) => bail!("ended without \"ready\":\n{}", printed.join("\n")),
        }
    }
}
