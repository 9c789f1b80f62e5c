//! The servers under measurement: processes of their own on the server's core.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};
use xtask::dev_server::DevServer;

use crate::machine::Cores;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// hyper and tokio-rustls, bare.
    Null,
    /// Our `listener` with a constant behind it.
    Listener,
    /// The whole proxy.
    Strongroom,
    /// hyper alone, without TLS.
    #[serde(rename = "null-http")]
    NullHttp,
    /// The KMS endpoint, with the proxy behind it where it is asked.
    Kms,
    /// moto's server.
    Moto,
    /// Encryption and trial decryption in the HSM's module, nothing else.
    Module,
    /// The whole proxy, its key in an HSM whose module is in the same process.
    #[serde(rename = "hsm-in-process")]
    HsmInProcess,
    /// The same with the module in a worker process.
    #[serde(rename = "hsm-worker")]
    HsmWorker,
}

impl Kind {
    /// Those of the proxy's rows.
    pub(crate) const ALL: [Self; 3] = [Self::Null, Self::Listener, Self::Strongroom];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Listener => "listener",
            Self::Strongroom => "strongroom",
            Self::NullHttp => "null-http",
            Self::Kms => "kms",
            Self::Moto => "moto",
            Self::Module => "module",
            Self::HsmInProcess => "hsm in-process",
            Self::HsmWorker => "hsm worker",
        }
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// PEM; what signed its certificate.
    pub(crate) ca: PathBuf,
    process: Process,
}

enum Process {
    Own(Child),
    Dev(Box<DevServer>),
}

impl Server {
    /// Starts a constant server (`null` or `listener`) from this binary.
    pub(crate) fn constant(kind: Kind, directory: &Path, ca: &Path, cores: Option<Cores>) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args(["serve", kind.name()])
            .arg(directory)
            .stdout(Stdio::piped());
        let mut child = on_the_servers_core(cores, || command.spawn().context("cannot start a server"))?;
        let address =
            announced(&mut child).with_context(|| format!("the {} server did not start", kind.name()));
        let address = address.inspect_err(|_| drop(child.kill()))?;
        Ok(Self {
            kind,
            address,
            ca: ca.to_owned(),
            process: Process::Own(child),
        })
    }

    /// Starts `strongroom dev`, built beside this binary.
    pub(crate) fn strongroom(cores: Option<Cores>) -> Result<Self> {
        let binary = dev_binary()?;
        let server = on_the_servers_core(cores, || DevServer::start(&binary))?;
        let (_, port) = server
            .xks()
            .endpoint
            .rsplit_once(':')
            .context("the endpoint has no port")?;
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse()?));
        let ca = server.xks().ca_certificate.clone();
        Ok(Self {
            kind: Kind::Strongroom,
            address,
            ca,
            process: Process::Dev(Box::new(server)),
        })
    }

    /// Starts the proxy over a slow disk from this binary, on a data directory that a
    /// `strongroom dev` has left; a line on the returned input stalls the disk.
    pub(crate) fn slow(directory: &Path, ca: &Path, cores: Option<Cores>) -> Result<(Self, ChildStdin)> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args(["serve", "slow"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = on_the_servers_core(cores, || command.spawn().context("cannot start a server"))?;
        let input = child.stdin.take().context("the child has no input")?;
        let address = announced(&mut child).context("the proxy over a slow disk did not start");
        let address = address.inspect_err(|_| drop(child.kill()))?;
        let server = Self {
            kind: Kind::Strongroom,
            address,
            ca: ca.to_owned(),
            process: Process::Own(child),
        };
        Ok((server, input))
    }

    pub(crate) fn pid(&self) -> u32 {
        match &self.process {
            Process::Own(child) => child.id(),
            Process::Dev(server) => server.pid(),
        }
    }

    /// The proxy's own words about itself; `None` for the constant servers.
    pub(crate) fn dev(&self) -> Option<&DevServer> {
        match &self.process {
            Process::Own(_) => None,
            Process::Dev(server) => Some(server),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Process::Own(child) = &mut self.process {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `strongroom`, built beside this binary.
pub(crate) fn dev_binary() -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("strongroom"))
}

/// A child inherits the cores of the thread that starts it.
pub(crate) fn on_the_servers_core<T>(cores: Option<Cores>, start: impl FnOnce() -> Result<T>) -> Result<T> {
    let Some(cores) = cores else { return start() };
    cores.take_servers()?;
    let started = start();
    cores.take_loads()?;
    started
}

/// Tells the parent where this server listens.
#[expect(clippy::print_stdout, reason = "the parent reads the address from our output")]
pub(crate) fn announce(address: SocketAddr) {
    println!("{address}");
}

/// The address that a child of this binary told.
pub(crate) fn announced(child: &mut Child) -> Result<SocketAddr> {
    let output = child.stdout.take().context("the child has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    line.trim().parse().context("it printed no address")
}
