//! The servers of the KMS rows: processes of their own on the servers' core.

use std::env;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result};
use xtask::dev_server::DevServer;

use super::endpoint::Endpoint;
use super::server;
use crate::connection::Dialer;
use crate::machine::{self, Cores, Memory};
use crate::server_process::{Kind, announced, dev_binary, on_the_servers_core};

/// A running server, of one process or two.
pub(super) struct Peer {
    pub(super) kind: Kind,
    address: SocketAddr,
    /// `None` for the null server, which knows no API.
    endpoint: Option<Endpoint>,
    processes: Vec<Process>,
}

/// A process that ends with this value.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(super) const fn new(child: Child) -> Self {
        Self(child)
    }

    pub(super) const fn take_output(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Peer {
    pub(super) fn null(cores: Option<Cores>) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args(["serve", Kind::NullHttp.name(), "."])
            .stdout(Stdio::piped());
        let mut process = started(&mut command, cores)?;
        let address = announced(&mut process.0).context("the null server did not start")?;
        Ok(Self {
            kind: Kind::NullHttp,
            address,
            endpoint: None,
            processes: vec![process],
        })
    }

    /// The KMS endpoint and the proxy, on what a `strongroom dev` leaves in `directory`.
    pub(super) fn kms(directory: &Path, cores: Option<Cores>) -> Result<Self> {
        let dev = DevServer::start_in(&dev_binary()?, directory)?;
        let contract = dev.kms().clone();
        dev.stop()?;
        let (processes, address) = server::start(directory, cores)?;
        Ok(Self {
            kind: Kind::Kms,
            address,
            endpoint: Some(Endpoint::of_dev(&contract, address)),
            processes,
        })
    }

    /// moto's server, from the Python that has it.
    pub(super) fn moto(python: &Path, cores: Option<Cores>) -> Result<Self> {
        let mut command = Command::new(python);
        command
            .args(["-m", "moto.server", "--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = started(&mut command, cores)?;
        let log = process.0.stderr.take().context("the child has no output")?;
        let address = told_by_moto(log)?;
        Ok(Self {
            kind: Kind::Moto,
            address,
            endpoint: Some(Endpoint::of_moto(address)),
            processes: vec![process],
        })
    }

    /// Who answers the KMS API here.
    pub(super) const fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    pub(super) const fn dialer(&self) -> Dialer {
        Dialer::plain(self.address)
    }

    /// Of each process; the first is the one that clients reach.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(|process| process.0.id()).collect()
    }

    /// Of all processes together.
    pub(super) fn memory(&self) -> Result<Memory> {
        machine::memory_of_all(&self.pids())
    }
}

fn started(command: &mut Command, cores: Option<Cores>) -> Result<Process> {
    let program = command.get_program().to_owned();
    let child = on_the_servers_core(cores, || {
        command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))
    })?;
    Ok(Process(child))
}

/// The address in the line `Running on http://127.0.0.1:5000`; what follows is read and dropped, so
/// that its log, a line for each request, never fills the pipe.
fn told_by_moto(log: impl Read + Send + 'static) -> Result<SocketAddr> {
    let mut log = BufReader::new(log);
    let mut said = String::new();
    let address = loop {
        let from = said.len();
        if log.read_line(&mut said)? == 0 {
            anyhow::bail!("moto's server did not start: {said}");
        }
        if let Some(address) = said.get(from..).and_then(address_in) {
            break address;
        }
    };
    thread::spawn(move || {
        // It ends with the server.
        let _ = std::io::copy(&mut log, &mut std::io::sink());
    });
    Ok(address)
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("Running on http://")?;
    address.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn motos_address_is_found_in_its_log() {
        let line = " * Running on http://127.0.0.1:40821\n";
        assert_eq!(address_in(line), Some(SocketAddr::from(([127, 0, 0, 1], 40821))));
        assert_eq!(address_in("Press CTRL+C to quit"), None);
        assert!(told_by_moto(&b"WARNING\n * Running on http://127.0.0.1:1\nmore\n"[..]).is_ok());
        assert!(told_by_moto(&b"No module named moto\n"[..]).is_err());
    }
}
