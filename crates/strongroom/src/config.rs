//! The configuration file: what this node is.
//!
//! Each crate owns its section; this module puts them together, finds the places of files, and
//! checks what only the whole can tell. Unknown keys are refused, with line and column.

mod check;
mod command;
mod example;
mod sections;
mod users;

use std::fs;
use std::path::{Path, PathBuf};

use admin::{ActorEntry, Actors};
use anyhow::{Context, bail};
use hsm::HsmConfig;
use listener::ListenerConfig;
use serde::Deserialize;

use crate::data_dir::DataDir;
use crate::logging::LogSettings;
pub(crate) use command::{command, files_of};
pub use example::EXAMPLE;
pub use sections::{
    AdminSection, AuditSection, KeyFileSection, ListenersSection, SealSection, StoreSection, WardenSection,
};

/// A whole configuration, checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where data lies that no other section places elsewhere.
    pub data_dir: PathBuf,
    /// The log on standard error.
    #[serde(default)]
    pub log: LogSettings,
    /// The database.
    #[serde(default)]
    pub store: StoreSection,
    /// What protects the root keys.
    #[serde(default)]
    pub seal: SealSection,
    /// The audit log.
    #[serde(default)]
    pub audit: AuditSection,
    /// Bounds on the use of keys.
    #[serde(default)]
    pub warden: WardenSection,
    /// The XKS proxy.
    #[serde(default)]
    pub proxy: proxy::Settings,
    /// The management API.
    #[serde(default)]
    pub admin: AdminSection,
    /// The doors.
    #[serde(default)]
    pub listeners: ListenersSection,
    /// Who may manage.
    #[serde(default)]
    pub actors: Vec<ActorEntry>,
    /// The HSMs.
    #[serde(default)]
    pub hsm: Vec<HsmConfig>,
}

impl Config {
    /// A configuration with every default and no listener.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            log: LogSettings::default(),
            store: StoreSection::default(),
            seal: SealSection::default(),
            audit: AuditSection::default(),
            warden: WardenSection::default(),
            proxy: proxy::Settings::default(),
            admin: AdminSection::default(),
            listeners: ListenersSection::default(),
            actors: Vec::new(),
            hsm: Vec::new(),
        }
    }

    /// Reads a file and checks all that can be checked without opening what it names.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        read_with(path, "strongroom config example", Self::parse)
    }

    /// Reads a text. Errors name line and column and show the place.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Where everything lies.
    pub fn places(&self) -> Places {
        let dir = DataDir::new(&self.data_dir);
        let or = |chosen: &Option<PathBuf>, usual: PathBuf| chosen.clone().unwrap_or(usual);
        Places {
            store: or(&self.store.path, dir.store()),
            seal_key: or(&self.seal.key_file, dir.seal_key()),
            log: or(&self.audit.directory, dir.log()),
            socket: or(&self.admin.socket, dir.socket()),
            data_dir: dir,
        }
    }

    /// The actors, by uid.
    pub fn actors(&self) -> anyhow::Result<Actors> {
        Ok(Actors::new(&self.actors, users::uid_of)?)
    }

    /// Settings that weaken security, as `status` shows them.
    pub fn dangers(&self) -> Vec<String> {
        let plain_http = self
            .listeners
            .all()
            .filter(|(_, listener)| listener.danger_plain_http)
            .map(|(kind, listener)| format!("listeners.{kind} {}: danger_plain_http", listener.name));
        let extractable = self
            .hsm
            .iter()
            .filter(|hsm| hsm.danger_allow_extractable)
            .map(|hsm| format!("hsm {}: danger_allow_extractable", hsm.name));
        plain_http.chain(extractable).collect()
    }
}

/// Reads a configuration file; `example` is the command that prints one.
pub(crate) fn read_with<C>(
    path: &Path,
    example: &str,
    parse: impl FnOnce(&str) -> anyhow::Result<C>,
) -> anyhow::Result<C> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read the configuration {shown}; `{example}` prints one to start from")
    })?;
    parse(&text).with_context(|| format!("the configuration {shown} is refused"))
}

/// The files and directories of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The data directory.
    pub data_dir: DataDir,
    /// The database.
    pub store: PathBuf,
    /// The seal's key file.
    pub seal_key: PathBuf,
    /// The audit log's directory.
    pub log: PathBuf,
    /// The management socket.
    pub socket: PathBuf,
}

/// What a reload may not change, by the name of its section.
pub(crate) fn fixed_differences(old: &Config, new: &Config) -> anyhow::Result<()> {
    // Destructured, so that a new section has to be thought of here.
    let Config {
        data_dir,
        log,
        store,
        seal,
        audit,
        warden,
        proxy,
        admin,
        listeners,
        actors: _,
        hsm,
    } = new;
    let mut hosts_taken_over = old.proxy.clone();
    hosts_taken_over.host_names.clone_from(&proxy.host_names);
    let doors = |section: &ListenersSection| -> Vec<(&'static str, String, String)> {
        let door = |(kind, listener): (&'static str, &ListenerConfig)| {
            (kind, listener.name.clone(), listener.address.to_string())
        };
        section.all().map(door).collect()
    };
    let fixed = [
        ("data_dir", *data_dir == old.data_dir),
        ("[log]", *log == old.log),
        ("[store]", *store == old.store),
        ("[seal]", *seal == old.seal),
        ("[audit]", *audit == old.audit),
        ("[warden]", *warden == old.warden),
        ("[proxy] other than host_names", *proxy == hosts_taken_over),
        ("[admin]", *admin == old.admin),
        ("[[hsm]]", *hsm == old.hsm),
        (
            "the listeners' names and addresses",
            doors(listeners) == doors(&old.listeners),
        ),
    ];
    let changed: Vec<&str> = fixed
        .iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| *name)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    bail!(
        "only a restart changes {}; nothing was reloaded",
        changed.join(", ")
    );
}
