//! `serve`: the server as a process.

use std::path::Path;

use anyhow::Context;
use seal::harden;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Output;
use crate::config::Config;
use crate::logging;
use crate::server::{Overrides, Server};
use crate::told::told;

pub(crate) fn run(file: &Path, output: &Output) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let log = logging::start(config.log)?;
    // Before any secret is read.
    let hardening = harden::process();
    let result = runtime()?.block_on(serve(file, config, hardening, output));
    log.close();
    result
}

/// A worker for each processor.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

async fn serve(
    file: &Path,
    config: Config,
    hardening: harden::Hardening,
    output: &Output,
) -> anyhow::Result<()> {
    // Caught from here on, so that a signal during the start is not lost.
    let mut signals = Signals::catch()?;
    let overrides = Overrides {
        hardening: Some(hardening),
        ..Overrides::default()
    };
    let server = Server::start(config, overrides).await?;
    announce(&server, output);
    let mut is_ready = server.sealed().is_none();
    if is_ready {
        ready(output);
    }
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Stop => break,
                Signal::Reload => reload(&server, file),
            },
            () = server.unsealed(), if !is_ready => {
                ready(output);
                is_ready = true;
            }
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.shutdown() => tracing::info!("stopped"),
        () = signals.stop() => tracing::warn!("stopped at once by a second signal"),
    }
    Ok(())
}

/// The doors, and whether it is sealed. A server whose standard output is gone
/// serves all the same.
fn announce(server: &Server, output: &Output) {
    for door in server.doors() {
        let address = match &door.address {
            listener::Bound::Tcp(address) => address.to_string(),
            listener::Bound::Unix(path) => format!("unix:{}", path.display()),
        };
        tracing::info!(kind = door.kind, listener = door.name, address, "listening");
        if !output.is_json() {
            drop(output.write(&format!("listening: {} {} on {address}\n", door.kind, door.name)));
        }
    }
    if let Some(reason) = server.sealed() {
        drop(if output.is_json() {
            output.json_line(
                &serde_json::json!({ "ready": false, "sealed": reason, "pid": std::process::id() }),
            )
        } else {
            output.write(&format!(
                "sealed: {reason}\nit unseals by itself once that is mended\n"
            ))
        });
    }
}

/// The line that service managers and tests wait for. A server that starts sealed says it later.
fn ready(output: &Output) {
    tracing::info!("ready");
    drop(if output.is_json() {
        output.json_line(&serde_json::json!({ "ready": true, "pid": std::process::id() }))
    } else {
        output.write("ready\n")
    });
}

fn reload(server: &Server, file: &Path) {
    match Config::read(file).and_then(|config| server.reload(config)) {
        Ok(()) => tracing::info!(file = %file.display(), "the configuration was reloaded"),
        Err(error) => tracing::error!(error = told(&error), "the configuration was not reloaded"),
    }
}

/// What the process is asked for.
pub(crate) enum Signal {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The signals that we answer.
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn catch() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    pub(crate) async fn stop(&mut self) {
        while let Signal::Reload = self.next().await {}
    }
}
