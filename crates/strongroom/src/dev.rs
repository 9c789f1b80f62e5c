//! `dev`: everything on loopback with a throw-away CA, proved, and kept running.
//!
//! What it writes to `dev.json` is a contract with other tools; see [`contract`].

mod ca;
pub mod contract;
mod http;
mod kms;
mod kms_api;
mod print;
mod proof;
mod setup;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use admin::{Actors, Client};
use ambient::{Random, SystemRandom};
use anyhow::{Context, bail};
use listener::BindError;
use seal::harden;
use warden::{Actor, Role};

use crate::cli::{DevArgs, Output};
use crate::config::Config;
use crate::logging::{self, LogFormat, LogLevel, LogSettings};
use crate::serve::{Signal, Signals, runtime};
use crate::server::{Overrides, Server};
use crate::{data_dir, init};
use ca::Certificates;
use contract::Contract;

/// Runs until SIGINT or SIGTERM.
pub(crate) fn run(listen: &DevArgs, data_dir: Option<PathBuf>, output: &Output) -> anyhow::Result<()> {
    for (option, address) in [
        ("--xks-listen", listen.xks_listen),
        ("--kms-listen", listen.kms_listen),
    ] {
        if !address.ip().is_loopback() {
            bail!(
                "{option} {address} is not on loopback: `dev` is for this machine alone, `serve` for others"
            );
        }
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
    listen: &DevArgs,
    dir: &Path,
    hardening: harden::Hardening,
    output: &Output,
) -> anyhow::Result<()> {
    let mut signals = Signals::catch()?;
    let proxy = start_proxy(listen.xks_listen, dir, hardening).await?;
    let kms = tokio::select! {
        started = both(&proxy, listen.kms_listen, dir, hardening, output) => started.map(Some),
        // Asked to stop before it was ready.
        () = signals.stop() => Ok(None),
    };
    let result = match kms {
        Ok(Some(kms)) => {
            while let Signal::Reload = signals.next().await {
                // The log says how it went.
                drop(kms.reload());
            }
            kms.shutdown().await;
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    proxy.shutdown().await;
    result
}

async fn start_proxy(listen: SocketAddr, dir: &Path, hardening: harden::Hardening) -> anyhow::Result<Server> {
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
        init::create(&config, overrides.clock.clone(), overrides.random.clone()).await?;
    }
    Server::start(config, overrides)
        .await
        .map_err(|error| name_option(error, "--xks-listen"))
}

/// An address that is taken is the usual reason; ports of one's own choice are the remedy.
fn name_option(error: anyhow::Error, option: &str) -> anyhow::Error {
    match error.downcast_ref::<BindError>() {
        Some(BindError::Address { .. }) => error.context(format!(
            "start it elsewhere (`{option} 127.0.0.1:0` takes any free port)"
        )),
        _ => error,
    }
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

/// Starts AWS's side over the proxy, proves both, and says what to do next.
async fn both(
    proxy: &Server,
    kms_listen: SocketAddr,
    dir: &Path,
    hardening: harden::Hardening,
    output: &Output,
) -> anyhow::Result<kms::Server> {
    let address = proxy.xks_address().context("there is no XKS listener")?;
    let client = Client::new(proxy.socket());
    let mut contract = setup::key_store(&client, dir, address).await?;
    let proved = proof::round_trip(&contract, address)
        .await
        .context("the self-check of the XKS proxy failed")?;
    let server = kms::start(dir, kms_listen, &contract.xks, address, hardening).await?;
    match prove_kms(&server, dir, &mut contract).await {
        Ok(()) => {}
        Err(error) => {
            server.shutdown().await;
            return Err(error);
        }
    }
    contract.write(dir)?;
    if output.is_json() {
        output.json_line(
            &serde_json::json!({ "ready": true, "dev_json": Contract::path(dir), "pid": contract.pid }),
        )?;
    } else {
        output.write(&print::instructions(&contract, &proved, dir)?)?;
    }
    Ok(server)
}

async fn prove_kms(server: &kms::Server, dir: &Path, contract: &mut Contract) -> anyhow::Result<()> {
    let made = kms::furnish(server, dir, &contract.xks)
        .await
        .context("the external key store cannot be set up")?;
    kms::round_trip(&made, server)
        .await
        .context("the self-check through the KMS endpoint failed")?;
    contract.kms = Some(made);
    Ok(())
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
