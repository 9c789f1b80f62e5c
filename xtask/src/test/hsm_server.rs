//! A `strongroom serve` over a token in software: its configuration, certificate, key manager, key,
//! key store and credential.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use software_hsm::SoftwareHsm;
use tempfile::TempDir;

use crate::dev_server::Xks;
use crate::shell;

/// Of the HSM and the key store alike.
const NAME: &str = "hsm";
const KEY: &str = "key";
/// The token that the server uses.
pub(super) const TOKEN: &str = "one";
/// What all clients sign for.
const REGION: &str = "us-east-1";

/// Killed when dropped, unless stopped in order before.
pub(super) struct HsmServer {
    child: Child,
    directory: TempDir,
    strongroom: PathBuf,
    xks: Xks,
}

impl HsmServer {
    /// Over the token [`TOKEN`] of `hsm`.
    pub(super) fn start(strongroom: &Path, hsm: &SoftwareHsm) -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        certificate(directory.path())?;
        let config = directory.path().join("config.toml");
        fs::write(&config, configuration(directory.path(), hsm)).context("cannot write a configuration")?;
        let mut init = Command::new(strongroom);
        init.args(["init", "--config"]).arg(&config);
        shell::read(&mut init, "see the message above")?;
        let (variable, value) = hsm.environment();
        let mut child = Command::new(strongroom)
            .args(["serve", "--config"])
            .arg(&config)
            .env(variable, value)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(directory.path().join("log"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", strongroom.display()))?;
        let output = child.stdout.take().context("the child has no output")?;
        let mut server = Self {
            child,
            xks: Xks {
                endpoint: String::new(),
                uri_path: String::new(),
                access_key_id: String::new(),
                secret_access_key: String::new(),
                region: REGION.to_owned(),
                external_key_id: KEY.to_owned(),
                ca_certificate: directory.path().join("certificate.pem"),
            },
            directory,
            strongroom: strongroom.to_owned(),
        };
        server.xks.endpoint = server.endpoint(BufReader::new(output).lines().map_while(Result::ok))?;
        server.populate()?;
        Ok(server)
    }

    /// Reads what it prints until it is ready.
    fn endpoint(&self, lines: impl Iterator<Item = String>) -> Result<String> {
        let mut address = None;
        for line in lines {
            if let Some(found) = line.strip_prefix("listening: xks xks on ") {
                address = Some(found.to_owned());
            }
            if line == "ready" {
                let address = address.context("it is ready and listens nowhere")?;
                let (_, port) = address.rsplit_once(':').context("its address has no port")?;
                return Ok(format!("https://localhost:{port}"));
            }
        }
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        bail!("`strongroom serve` did not start; its log:\n{log}")
    }

    fn populate(&mut self) -> Result<()> {
        self.admin(&["hsm", "create", NAME])?;
        let store = self.admin(&["key-store", "create", NAME])?;
        self.xks.uri_path = text(&store, "/uri_path")?;
        self.key(KEY, "encrypt,decrypt")?;
        let issued = self.admin(&["credential", "add", NAME])?;
        self.xks.access_key_id = text(&issued, "/access_key_id")?;
        self.xks.secret_access_key = text(&issued, "/secret_access_key")?;
        Ok(())
    }

    /// Makes a key in the HSM, for this usage, and binds it to an external key id of its name.
    pub(super) fn key(&self, name: &str, usage: &str) -> Result<()> {
        self.admin(&["key", "create", name, "--hsm", NAME, "--usage", usage])?;
        self.admin(&["key-store", "bind", NAME, name, "--external-key-id", name])?;
        Ok(())
    }

    fn admin(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.strongroom);
        command
            .arg("--json")
            .arg("--data-dir")
            .arg(self.directory.path().join("data"))
            .args(arguments);
        let answer = shell::read(&mut command, "see the message above")?;
        serde_json::from_str(&answer).with_context(|| format!("no JSON: {answer}"))
    }

    /// How to reach the proxy.
    pub(super) const fn xks(&self) -> &Xks {
        &self.xks
    }

    /// A file that tells clients the same, as `dev.json` does.
    pub(super) fn contract(&self) -> Result<PathBuf> {
        let xks = &self.xks;
        let contract = serde_json::json!({ "xks": {
            "endpoint": xks.endpoint,
            "uri_path": xks.uri_path,
            "access_key_id": xks.access_key_id,
            "secret_access_key": xks.secret_access_key,
            "region": xks.region,
            "external_key_id": xks.external_key_id,
            "ca_certificate": xks.ca_certificate,
        } });
        let path = self.directory.path().join("contract.json");
        fs::write(&path, contract.to_string()).context("cannot write the clients' contract")?;
        Ok(path)
    }

    /// Ends it as a service manager does.
    pub(super) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM).context("`strongroom serve` had ended")?;
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "`strongroom serve` ended with {status} after SIGTERM"
        );
        Ok(())
    }
}

impl Drop for HsmServer {
    fn drop(&mut self) {
        // Already gone after `stop`; then both are refused, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate for localhost that signed itself, made by the `openssl` command.
fn certificate(directory: &Path) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(directory.join("private-key.pem"))
        .arg("-out")
        .arg(directory.join("certificate.pem"));
    shell::read(&mut openssl, "see the message above").map(drop)
}

fn configuration(directory: &Path, hsm: &SoftwareHsm) -> String {
    format!(
        "data_dir = {data:?}\n\
         [[listeners.xks]]\nname = \"xks\"\naddress = \"127.0.0.1:0\"\n\
         tls.certificate_file = {certificate:?}\ntls.private_key_file = {key:?}\n\
         [[actors]]\nuid = {uid}\nname = \"clients\"\nrole = \"admin\"\n\
         [[hsm]]\nname = \"{NAME}\"\nmodule = {module:?}\nprofile = {profile:?}\n\
         [[hsm.tokens]]\nname = \"{TOKEN}\"\nlabel = \"{TOKEN}\"\npin_file = {pin:?}\n",
        data = directory.join("data"),
        certificate = directory.join("certificate.pem"),
        key = directory.join("private-key.pem"),
        uid = rustix::process::geteuid().as_raw(),
        module = hsm.module(),
        profile = hsm.product().profile(),
        pin = hsm.pin_file(),
    )
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("no text at {pointer} of {value}"))
}
