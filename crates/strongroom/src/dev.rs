//! `dev`: everything on loopback with a throw-away CA, proved, and kept running.
//!
//! What it writes to `dev.json` is a contract with other tools; see [`contract`].

mod ca;
pub mod contract;
mod https;
mod print;
mod proof;
mod setup;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use admin::{Actors, Client};
use ambient::{Random, SystemRandom};
use anyhow::{Context, bail};
use seal::harden;
use warden::{Actor, Role};

use crate::cli::Output;
use crate::config::Config;
use crate::logging::{self, LogFormat, LogLevel, LogSettings};
use crate::serve::{Signal, Signals, runtime};
use crate::server::{Overrides, Server};
use crate::{data_dir, init};
use ca::Certificates;
use contract::Contract;

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(listen: SocketAddr, data_dir: Option<PathBuf>, output: &Output) -> anyhow::Result<()> {
    if !listen.ip().is_loopback() {
        bail!(
            "--xks-listen {listen} is not on loopback: `dev` is for this machine alone, `serve` for others"
        );
    }
    let dir = Dir::new(data_dir)?;
    let log = logging::start(LogSettings {
        format: LogFormat::Human,
        level: LogLevel::Info,
    })?;
    let hardening = harden::process();
    let result = runtime()?.block_on(serve(listen, dir.path(), hardening, output));
    log.close();
    result
}

async fn serve(
    listen: SocketAddr,
    dir: &Path,
    hardening: harden::Hardening,
    output: &Output,
) -> anyhow::Result<()> {
    let mut signals = Signals::catch()?;
    let config = configuration(dir, listen)?;
    let overrides = Overrides {
        hardening: Some(hardening),
        actors: Some(Actors::single(Actor {
            name: "dev".to_owned(),
            uid: rustix::process::geteuid().as_raw(),
            role: Role::Admin,
        })),
        ..Overrides::default()
    };
    let places = config.places();
    if !places.store.exists() {
        init::create(
            &places,
            config.audit.limits,
            overrides.clock.clone(),
            &*overrides.random,
        )
        .await?;
    }
    let server = Server::start(config, overrides).await?;
    let result = tokio::select! {
        result = prove_and_print(&server, dir, output) => result,
        // Asked to stop before it was ready.
        () = signals.stop() => Ok(()),
    };
    if result.is_ok() {
        while let Signal::Reload = signals.next().await {}
    }
    server.shutdown().await;
    result
}

fn configuration(dir: &Path, listen: SocketAddr) -> anyhow::Result<Config> {
    data_dir::DataDir::new(dir).create()?;
    let certificates = Certificates::load_or_create(dir)?;
    let mut config = Config::new(dir);
    // A quarter of the usual: a throw-away directory need not take up 128 MiB.
    config.audit.limits.segment_bytes = 16 << 20;
    let mut listener = listener::ListenerConfig::new("xks", listener::Address::Tcp(listen));
    listener.tls = Some(listener::TlsConfig {
        certificate_file: certificates.certificate,
        private_key_file: certificates.key,
        names: vec!["localhost".to_owned()],
    });
    config.listeners.xks.push(listener);
    Ok(config)
}

async fn prove_and_print(server: &Server, dir: &Path, output: &Output) -> anyhow::Result<()> {
    let address = server.xks_address().context("there is no XKS listener")?;
    let client = Client::new(server.socket());
    let contract = setup::key_store(&client, dir, address).await?;
    let proved = proof::round_trip(&contract, address)
        .await
        .context("the self-check failed")?;
    contract.write(dir)?;
    if output.is_json() {
        output.json_line(
            &serde_json::json!({ "ready": true, "dev_json": Contract::path(dir), "pid": contract.pid }),
        )
    } else {
        output.write(&print::instructions(&contract, &proved, dir)?)
    }
}

/// The data directory: one that is kept, or one that goes with the process.
enum Dir {
    Kept(PathBuf),
    ThrowAway(PathBuf),
}

impl Dir {
    fn new(chosen: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(dir) = chosen {
            return Ok(Self::Kept(std::path::absolute(dir)?));
        }
        let random: &dyn Random = &SystemRandom;
        let name = format!("strongroom-dev-{}", crypto::hex(&random.bytes::<6>()?));
        Ok(Self::ThrowAway(std::env::temp_dir().join(name)))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::ThrowAway(path) => path,
        }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if let Self::ThrowAway(path) = self {
            // What cannot be removed is for the system's own cleaning of temporary files.
            drop(fs::remove_dir_all(path));
        }
    }
}
