//! `kms serve`: the endpoint as a process.

use std::path::Path;

use seal::harden;

use super::config::Config;
use super::server::{Overrides, Server};
use crate::cli::Output;
use crate::logging;
use crate::serve::{Signal, Signals, runtime};

pub(crate) fn run(file: &Path, output: &Output) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    let log = logging::start(config.log)?;
    // Before any secret is read.
    let hardening = harden::process();
    let result = runtime()?.block_on(serve(file, config, hardening, output));
    log.close();
    result
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
        file: Some(file.to_owned()),
        ..Overrides::default()
    };
    let server = Server::start(config, overrides).await?;
    announce(&server, output);
    loop {
        match signals.next().await {
            Signal::Stop => break,
            Signal::Reload => drop(server.reload()),
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.shutdown() => tracing::info!("stopped"),
        () = signals.stop() => tracing::warn!("stopped at once by a second signal"),
    }
    Ok(())
}

/// The line that service managers and tests wait for. An endpoint whose standard output is gone
/// serves all the same.
fn announce(server: &Server, output: &Output) {
    for (kind, name, address) in server.doors() {
        tracing::info!(kind, listener = name, address, "listening");
        if !output.is_json() {
            drop(output.write(&format!("listening: {kind} {name} on {address}\n")));
        }
    }
    tracing::info!("ready");
    drop(if output.is_json() {
        output.json_line(&serde_json::json!({ "ready": true, "pid": std::process::id() }))
    } else {
        output.write("ready\n")
    });
}
