//! The configuration file of a KMS endpoint: what this node is.

mod check;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::SystemClock;
use anyhow::bail;
use kms::KmsConfig;
use kms::quotas::Quotas;
use listener::ListenerConfig;
use serde::Deserialize;

pub(crate) use check::command;

use super::clusters::ClusterConfig;
use crate::config::{AdminSection, KeyFileSection, StoreSection, read_with};
use crate::data_dir::DataDir;
use crate::logging::LogSettings;

/// A configuration to start from; `kms config check` accepts it.
pub const EXAMPLE: &str = include_str!("config/example.toml");

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
    pub seal: KeyFileSection,
    /// The control socket.
    #[serde(default)]
    pub admin: AdminSection,
    /// The endpoint itself.
    #[serde(default)]
    pub kms: KmsConfig,
    /// The HSM clusters of AWS CloudHSM key stores.
    #[serde(default)]
    pub clusters: Vec<ClusterConfig>,
    /// The doors.
    #[serde(default)]
    pub listeners: Vec<ListenerConfig>,
}

impl Config {
    /// A configuration with every default and no listener.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            log: LogSettings::default(),
            store: StoreSection::default(),
            seal: KeyFileSection::default(),
            admin: AdminSection::default(),
            kms: KmsConfig::default(),
            clusters: Vec::new(),
            listeners: Vec::new(),
        }
    }

    /// Reads a file and checks all that can be checked without opening what it names.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        read_with(path, "strongroom kms config example", Self::parse)
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
            identities: or(&self.kms.identities, self.data_dir.join("identities.toml")),
            socket: or(&self.admin.socket, dir.socket()),
            data_dir: dir,
        }
    }

    /// Settings that weaken security, as `status` shows them.
    pub fn dangers(&self) -> Vec<String> {
        let plain = self
            .listeners
            .iter()
            .filter(|listener| listener.danger_plain_http);
        plain
            .map(|listener| format!("listeners {}: danger_plain_http", listener.name))
            .chain(self.clusters.iter().flat_map(ClusterConfig::dangers))
            .collect()
    }

    /// Checks every section, and that they fit together.
    pub fn check(&self) -> anyhow::Result<()> {
        let places = self.places();
        for (setting, path) in [
            ("data_dir", &self.data_dir),
            ("store.path", &places.store),
            ("seal.key_file", &places.seal_key),
            ("kms.identities", &places.identities),
            ("admin.socket", &places.socket),
        ] {
            if !path.is_absolute() {
                bail!("{setting} {} is not an absolute path", path.display());
            }
        }
        self.kms.trail.check()?;
        Quotas::new(&self.kms.quotas, Arc::new(SystemClock))?;
        let mut clusters = HashSet::new();
        for cluster in &self.clusters {
            cluster.check()?;
            if !clusters.insert(&cluster.id) {
                bail!("two clusters have the id {:?}", cluster.id);
            }
        }
        let mut names = HashSet::new();
        for listener in &self.listeners {
            listener.check()?;
            if !names.insert(&listener.name) {
                bail!(
                    "two listeners are called {:?}: give each a name of its own",
                    listener.name
                );
            }
        }
        Ok(())
    }
}

/// The files and directories of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The data directory.
    pub data_dir: DataDir,
    /// The database.
    pub store: PathBuf,
    /// The seal's key file.
    pub seal_key: PathBuf,
    /// The file of accounts, users and roles.
    pub identities: PathBuf,
    /// The control socket.
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
        admin,
        kms,
        clusters,
        listeners,
    } = new;
    let doors = |listeners: &[ListenerConfig]| -> Vec<(String, String)> {
        let door = |listener: &ListenerConfig| (listener.name.clone(), listener.address.to_string());
        listeners.iter().map(door).collect()
    };
    let fixed = [
        ("data_dir", *data_dir == old.data_dir),
        ("[log]", *log == old.log),
        ("[store]", *store == old.store),
        ("[seal]", *seal == old.seal),
        ("[admin]", *admin == old.admin),
        ("[kms]", *kms == old.kms),
        ("[[clusters]]", *clusters == old.clusters),
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
