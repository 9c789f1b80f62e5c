//! `strongroom serve` with an HSM, in a process of its own, and its key in SoftHSM.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use xtask::dev_server::{DevServer, Xks};

use super::softhsm::{LABEL, MODULE, PIN, SoftHsm};
use crate::connection::Dialer;
use crate::kms::server::{Process, quoted, serve_with};
use crate::machine::{self, Cores, Memory};
use crate::server_process::dev_binary;

/// A proxy whose one key is in the token.
pub(crate) struct HsmServer {
    process: Process,
    xks: Xks,
    address: SocketAddr,
}

impl HsmServer {
    /// On what a `strongroom dev` leaves in a directory: its certificates, key store and credential.
    pub(crate) fn start(
        directory: &Path,
        softhsm: &SoftHsm,
        isolation: &str,
        cores: Option<Cores>,
    ) -> Result<Self> {
        let data = directory.join(isolation);
        let dev = DevServer::start_in(&dev_binary()?, &data)?;
        let mut xks = dev.xks().clone();
        dev.stop()?;
        let pin = data.join("pin");
        write_private(&pin, PIN)?;
        let file = data.join("bench.toml");
        fs::write(&file, configuration(&data, &pin, isolation))?;
        let environment = [("SOFTHSM2_CONF", softhsm.config())];
        let (process, address) = serve_with(&["serve"], &file, &environment, cores)?;
        let key = format!("bench-{isolation}");
        run(&data, &["hsm", "create", "bench"])?;
        run(&data, &["key", "create", &key, "--hsm", "bench"])?;
        run(
            &data,
            &["key-store", "bind", "dev", &key, "--external-key-id", "in-hsm"],
        )?;
        xks.external_key_id = "in-hsm".to_owned();
        Ok(Self {
            process,
            xks,
            address,
        })
    }

    /// How to sign for it.
    pub(crate) const fn xks(&self) -> &Xks {
        &self.xks
    }

    pub(crate) fn dialer(&self) -> Result<Dialer> {
        Dialer::new(self.address, &self.xks.ca_certificate)
    }

    /// The server's process and its workers.
    pub(crate) fn pids(&self) -> Result<Vec<u32>> {
        let server = self.process.id();
        let mut pids = vec![server];
        pids.extend(machine::children(server)?);
        Ok(pids)
    }

    /// Of all processes together.
    pub(crate) fn memory(&self) -> Result<Memory> {
        machine::memory_of_all(&self.pids()?)
    }
}

fn configuration(data: &Path, pin: &Path, isolation: &str) -> String {
    format!(
        "data_dir = {}\n[[listeners.xks]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\n\
         tls.certificate_file = {}\ntls.private_key_file = {}\n\
         [[hsm]]\nname = \"bench\"\nmodule = \"{MODULE}\"\nprofile = \"softhsm\"\nisolation = \"{isolation}\"\n\
         [[hsm.tokens]]\nname = \"one\"\nlabel = \"{LABEL}\"\npin_file = {}\n\
         [[actors]]\nuid = {}\nname = \"bench\"\nrole = \"admin\"\n",
        quoted(data),
        quoted(&data.join("server.pem")),
        quoted(&data.join("server.key")),
        quoted(pin),
        rustix::process::getuid().as_raw(),
    )
}

fn write_private(path: &PathBuf, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// One command of the CLI against the server.
fn run(data: &Path, arguments: &[&str]) -> Result<()> {
    let done = Command::new(dev_binary()?)
        .arg("--data-dir")
        .arg(data)
        .args(arguments)
        .output()
        .context("cannot run strongroom")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(
        done.status.success(),
        "strongroom {}: {said}",
        arguments.join(" ")
    );
    Ok(())
}
