//! A node of its own: configuration, data directory, certificates, and one key store.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::certificates::{Ca, Pair};
use super::process::Process;
use super::xks::{Access, tls};
use super::{BINARY, command, json, stdout, text};

/// What a test starts from: `init` was run, nothing is served yet.
pub(crate) struct Node {
    dir: TempDir,
    pub(crate) ca: Ca,
    pub(crate) server: Pair,
    environment: Vec<(String, PathBuf)>,
}

/// A server that serves.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Node {
    /// With ourselves as an administrator and an XKS listener on a port that the system chooses.
    pub(crate) fn new() -> Self {
        let node = Self::without_data();
        node.configure(&node.config("admin", ""));
        stdout(&["init", "--config", node.path("config.toml").to_str().unwrap()]);
        node
    }

    pub(crate) fn without_data() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = Ca::new(dir.path(), "server-ca");
        let server = ca.issue(dir.path(), "server");
        Self {
            dir,
            ca,
            server,
            environment: Vec::new(),
        }
    }

    /// Gives every server of this node a variable, which PKCS#11 modules read.
    pub(crate) fn set(&mut self, (variable, value): (&str, PathBuf)) {
        self.environment.push((variable.to_owned(), value));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A configuration that gives our uid this role; `more` goes into the XKS listener's table.
    pub(crate) fn config(&self, role: &str, more: &str) -> String {
        let uid = rustix::process::geteuid().as_raw();
        self.config_of(
            &format!("uid = {uid}\nname = \"tester\"\nrole = \"{role}\"\n"),
            more,
        )
    }

    pub(crate) fn config_of(&self, actor: &str, more: &str) -> String {
        format!(
            "data_dir = {data:?}\n\n[audit.limits]\nsegment_bytes = 8388608\n\n[[listeners.xks]]\nname = \"xks\"\n\
             address = \"127.0.0.1:0\"\ntls.certificate_file = {certificate:?}\ntls.private_key_file = {key:?}\n\
             {more}\n[[actors]]\n{actor}",
            data = self.path("data"),
            certificate = self.server.certificate,
            key = self.server.key,
        )
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("config.toml"), text).unwrap();
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn serve(&self) -> Running {
        let config = self.path("config.toml");
        let mut command = command(&["serve", "--config", config.to_str().unwrap()]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Self::running(command)
    }

    /// The same, in a process that may have this many files open unless it asks for more.
    pub(crate) fn serve_with_soft_limit_on_files(&self, files: u32) -> Running {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -S -n {files} && exec \"$0\" serve --config \"$1\"");
        shell.args(["-c", &script, BINARY]).arg(self.path("config.toml"));
        Self::running(shell)
    }

    pub(crate) fn running(command: Command) -> Running {
        let process = Process::spawn(command);
        let lines = process.wait_for(|line| line == "ready");
        let prefix = "listening: xks xks on ";
        let address = lines.iter().find_map(|line| line.strip_prefix(prefix)).unwrap();
        Running {
            address: address.parse().unwrap(),
            process,
        }
    }

    /// Runs a command against this node's server.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        json(
            &self
                .arguments(arguments)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
    }

    /// `--json --data-dir DIR` and more.
    pub(crate) fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let data = self.path("data").display().to_string();
        let first = ["--json".to_owned(), "--data-dir".to_owned(), data];
        first
            .into_iter()
            .chain(arguments.iter().map(ToString::to_string))
            .collect()
    }

    /// Makes a virtual HSM, a key, a key store, a binding and a credential.
    pub(crate) fn populate(&self, address: SocketAddr) -> Access {
        self.json(&["vhsm", "create", "hsm"]);
        self.json(&["key", "create", "key", "--vhsm", "hsm"]);
        let store = self.json(&["key-store", "create", "store"]);
        self.json(&[
            "key-store",
            "bind",
            "store",
            "key",
            "--external-key-id",
            "external",
        ]);
        let (access_key_id, secret) = self.add_credential();
        Access {
            address,
            tls: tls(&self.ca.file, None),
            uri_path: text(&store, "/uri_path").to_owned(),
            external_key_id: "external".to_owned(),
            access_key_id,
            secret,
        }
    }

    pub(crate) fn add_credential(&self) -> (String, String) {
        let issued = self.json(&["credential", "add", "store"]);
        (
            text(&issued, "/access_key_id").to_owned(),
            text(&issued, "/secret_access_key").to_owned(),
        )
    }
}
