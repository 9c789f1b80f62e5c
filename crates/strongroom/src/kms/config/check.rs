//! `kms config check` and `kms config example`.

use std::path::Path;
use std::sync::Arc;

use ambient::{Clock, SystemClock};
use listener::ListenerConfig;
use serde::Serialize;

use super::{Config, EXAMPLE};
use crate::cli::{ConfigCommand, Output};
use crate::config::files_of;
use crate::serve::runtime;
use crate::server;

#[derive(Serialize)]
struct Checked {
    accepted: bool,
    listeners: Vec<String>,
    dangers: Vec<String>,
    remarks: Vec<String>,
}

pub(crate) fn command(command: ConfigCommand, output: &Output) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Example => output.write(EXAMPLE),
        ConfigCommand::Check { file } => check(&file, output),
    }
}

fn check(file: &Path, output: &Output) -> anyhow::Result<()> {
    let config = Config::read(file)?;
    rehearse(&config)?;
    let checked = Checked {
        accepted: true,
        listeners: config
            .listeners
            .iter()
            .map(|listener| format!("{} on {}", listener.name, listener.address))
            .collect(),
        dangers: config.dangers(),
        remarks: remarks(&config),
    };
    output.show(&checked, |checked| {
        let mut text = format!("{} is accepted\n", file.display());
        for (what, lines) in [
            ("listener", &checked.listeners),
            ("danger", &checked.dangers),
            ("remark", &checked.remarks),
        ] {
            for line in lines {
                text.push_str(&format!("  {what}: {line}\n"));
            }
        }
        text
    })
}

/// Reads the certificates, keys, CAs and identities that are there, as a start would.
fn rehearse(config: &Config) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let complete = |listener: &&ListenerConfig| files_of(listener).all(|file| file.exists());
    for listener in config.listeners.iter().filter(complete) {
        server::rehearse(listener, &clock)?;
    }
    let identities = config.places().identities;
    if identities.exists() {
        drop(super::super::server::read_identities(&identities)?);
    }
    Ok(())
}

/// What is allowed but hardly meant; also what a start on this machine would meet.
fn remarks(config: &Config) -> Vec<String> {
    let mut remarks = Vec::new();
    if config.listeners.is_empty() {
        remarks.push("there are no [[listeners]], so nobody can reach this endpoint".to_owned());
    }
    let places = config.places();
    for missing in [places.data_dir.path(), places.identities.as_path()] {
        if !missing.exists() {
            let shown = missing.display();
            remarks.push(format!("{shown} does not exist yet: run `strongroom kms init`"));
        }
    }
    for cluster in &config.clusters {
        remarks.extend(cluster.remarks());
        if !cluster.trust_anchor_file.exists() {
            let shown = cluster.trust_anchor_file.display();
            remarks.push(format!("{shown} does not exist (cluster {})", cluster.id));
        }
    }
    for listener in &config.listeners {
        for file in files_of(listener).filter(|file| !file.exists()) {
            remarks.push(format!(
                "{} does not exist (listener {})",
                file.display(),
                listener.name
            ));
        }
    }
    remarks
}
