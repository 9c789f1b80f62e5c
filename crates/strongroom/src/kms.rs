//! `kms …`: AWS's side as a process of its own, and the commands that speak to it.

mod client;
pub mod clusters;
mod commands;
pub mod config;
pub(crate) mod identities;
pub(crate) mod init;
mod serve;
pub mod server;

pub(crate) use client::ClientError;

use std::path::PathBuf;

use crate::cli::{KmsCommand, Output};

/// Where a packaged KMS endpoint keeps its data, unless told otherwise.
pub(crate) const DEFAULT_DATA_DIR: &str = "/var/lib/strongroom-kms";

/// What the command line says about where the endpoint is.
pub(crate) struct Place {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) socket: PathBuf,
}

pub(crate) fn run(command: KmsCommand, place: Place, output: &Output) -> anyhow::Result<()> {
    match command {
        KmsCommand::Init { config } => init::run(config.as_deref(), place.data_dir, output),
        KmsCommand::Serve { config } => serve::run(&config, output),
        KmsCommand::Config(command) => config::command(command, output),
        KmsCommand::Status => commands::remote(place.socket, output, commands::status),
        KmsCommand::Explain(arguments) => {
            commands::remote(place.socket, output, |call| commands::explain(arguments, call))
        }
        KmsCommand::Fault(command) => {
            commands::remote(place.socket, output, |call| commands::fault(command, call))
        }
        KmsCommand::Reload => commands::remote(place.socket, output, commands::reload),
        KmsCommand::Metrics => commands::remote(place.socket, output, commands::metrics),
    }
}
