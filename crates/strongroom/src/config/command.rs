//! `config check` and `config example`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::{Clock, SystemClock};
use listener::ListenerConfig;
use serde::Serialize;

use super::{Config, EXAMPLE};
use crate::cli::output::counted;
use crate::cli::{ConfigCommand, Output};
use crate::hsm::files;
use crate::hsm::steps::Failure;
use crate::serve::runtime;
use crate::server;

#[derive(Serialize)]
struct Checked {
    accepted: bool,
    listeners: Vec<String>,
    seals: Vec<String>,
    hsms: Vec<String>,
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
    hsm_files(&config, file)?;
    seal_files(&config)?;
    let checked = Checked {
        accepted: true,
        listeners: config
            .listeners
            .all()
            .map(|(kind, listener)| format!("{kind} {} on {}", listener.name, listener.address))
            .collect(),
        seals: seals(&config),
        hsms: config
            .hsm
            .iter()
            .map(|hsm| format!("{} with {}", hsm.name, counted(hsm.tokens.len() as u64, "token")))
            .collect(),
        dangers: config.dangers(),
        remarks: remarks(&config),
    };
    output.show(&checked, |checked| {
        let mut text = format!("{} is accepted\n", file.display());
        for listener in &checked.listeners {
            text.push_str(&format!("  listener: {listener}\n"));
        }
        for seal in &checked.seals {
            text.push_str(&format!("  seal: {seal}\n"));
        }
        for hsm in &checked.hsms {
            text.push_str(&format!("  hsm: {hsm}\n"));
        }
        for danger in &checked.dangers {
            text.push_str(&format!("  danger: {danger}\n"));
        }
        for remark in &checked.remarks {
            text.push_str(&format!("  remark: {remark}\n"));
        }
        text
    })
}

/// Reads the certificates, keys and CAs that are there, as a start would.
fn rehearse(config: &Config) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let mut complete = config
        .listeners
        .all()
        .filter(|(_, listener)| files_of(listener).all(|file| file.exists()));
    complete.try_for_each(|(_, listener)| server::rehearse(listener, &clock))
}

/// The modules and PIN files that the [[hsm]] sections name. Loads nothing: `hsm check` does.
fn hsm_files(config: &Config, file: &Path) -> anyhow::Result<()> {
    for hsm in &config.hsm {
        for token in &hsm.tokens {
            let module = files::module(hsm.module(token)?);
            let pin = token.pin_file.as_deref().map_or(Ok(()), files::pin);
            module.and(pin).map_err(|failure| {
                let place = place_of(file, &hsm.name);
                anyhow::anyhow!(
                    "{place}[[hsm]] {:?}, token {:?}: {}: {}",
                    hsm.name,
                    token.name,
                    failure.what,
                    failure.fix
                )
            })?;
        }
    }
    Ok(())
}

/// The files that [seal.hsm] names, where they are there.
fn seal_files(config: &Config) -> anyhow::Result<()> {
    let Some(hsm) = &config.seal.hsm else {
        return Ok(());
    };
    for token in &hsm.tokens {
        let module = token.module.as_ref().unwrap_or(&hsm.module);
        let there = |path: &Path, look: fn(&Path) -> Result<(), Failure>| match path.exists() {
            true => look(path),
            false => Ok(()),
        };
        let pin = token
            .pin_file
            .as_deref()
            .map_or(Ok(()), |pin| there(pin, files::pin));
        there(module, files::module).and(pin).map_err(|failure| {
            anyhow::anyhow!(
                "[seal.hsm], token {:?}: {}: {}",
                token.name,
                failure.what,
                failure.fix
            )
        })?;
    }
    Ok(())
}

/// What may protect the root keys.
fn seals(config: &Config) -> Vec<String> {
    let seal = &config.seal;
    let hsm = seal.hsm.as_ref();
    let hsm = hsm.map(|hsm| format!("an HSM with {}", counted(hsm.tokens.len() as u64, "token")));
    let file = (hsm.is_none() || seal.key_file.is_some()).then(|| config.places().seal_key);
    let file = file.map(|file| format!("the key file {}", file.display()));
    file.into_iter().chain(hsm).collect()
}

/// The line on which a section with this name begins, if it can be seen.
fn place_of(file: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut section = 0;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("[[hsm]]") {
            section = number + 1;
        }
        let value = line.strip_prefix("name").map(|rest| rest.trim_start());
        let value = value.and_then(|rest| rest.strip_prefix('='));
        let is_it = value.is_some_and(|value| {
            value.trim().strip_prefix(['"', '\'']).is_some_and(|value| {
                value
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['"', '\'']))
            })
        });
        if section > 0 && is_it {
            return format!("{} line {section}: ", file.display());
        }
    }
    format!("{}: ", file.display())
}

pub(crate) fn files_of(listener: &ListenerConfig) -> impl Iterator<Item = &PathBuf> {
    let tls = listener
        .tls
        .iter()
        .flat_map(|tls| [&tls.certificate_file, &tls.private_key_file]);
    tls.chain(listener.mtls.iter().flat_map(|mtls| &mtls.ca_files))
}

/// What is allowed but hardly meant; also what a start on this machine would meet.
fn remarks(config: &Config) -> Vec<String> {
    let mut remarks = Vec::new();
    if config.listeners.xks.is_empty() {
        remarks.push("there is no [[listeners.xks]], so AWS KMS cannot reach this server".to_owned());
    }
    if config.actors.is_empty() {
        remarks.push("there is no [[actors]], so nobody can manage this server".to_owned());
    }
    let places = config.places();
    if !places.data_dir.path().exists() {
        let shown = places.data_dir.path().display();
        remarks.push(format!("{shown} does not exist yet: run `strongroom init`"));
    }
    if let Some(hsm) = &config.seal.hsm {
        if config.seal.key_file.is_some() {
            remarks.push(
                "[seal] names a key file and an HSM: remove the one that the root keys are not protected by after \
                 `strongroom seal change --to`"
                    .to_owned(),
            );
        }
        for file in hsm.files().filter(|file| !file.exists()) {
            remarks.push(format!("{} does not exist (seal.hsm)", file.display()));
        }
    }
    for (_, listener) in config.listeners.all() {
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
