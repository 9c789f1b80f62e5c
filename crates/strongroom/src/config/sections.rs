//! The sections that belong to the composition.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use hsm_seal::HsmSealConfig;
use listener::ListenerConfig;
use serde::Deserialize;

/// `[store]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// The SQLite database. Default: `store.db` in the data directory.
    pub path: Option<PathBuf>,
}

/// `[seal]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SealSection {
    /// The key file. Default: `seal.key` in the data directory; better on another disk.
    pub key_file: Option<PathBuf>,
    /// An HSM with the key, instead of a file. Beside one only to change from one to the other.
    pub hsm: Option<HsmSealConfig>,
}

/// `[seal]` where an HSM cannot be the seal: at the KMS endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyFileSection {
    /// The key file. Default: `seal.key` in the data directory; better on another disk.
    pub key_file: Option<PathBuf>,
}

impl SealSection {
    /// Whether the root keys may be protected by a key file.
    pub const fn has_key_file(&self) -> bool {
        self.key_file.is_some() || self.hsm.is_none()
    }
}

/// `[audit]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// The directory of its segments. Default: `audit` in the data directory.
    pub directory: Option<PathBuf>,
    /// Sizes and bounds.
    pub limits: audit::LogConfig,
}

/// `[warden]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WardenSection {
    /// See [`warden::Settings::max_in_flight`].
    pub max_in_flight: u32,
    /// See [`warden::Settings::max_in_flight_per_key_store`].
    pub max_in_flight_per_key_store: u32,
    /// See [`warden::Settings::recorded_refusals_per_minute`].
    pub recorded_refusals_per_minute: u32,
    /// See [`warden::Settings::min_deletion_wait`].
    #[serde(deserialize_with = "listener::units::duration")]
    pub min_deletion_wait: Duration,
}

impl Default for WardenSection {
    fn default() -> Self {
        let usual = warden::Settings::default();
        Self {
            max_in_flight: usual.max_in_flight,
            max_in_flight_per_key_store: usual.max_in_flight_per_key_store,
            recorded_refusals_per_minute: usual.recorded_refusals_per_minute,
            min_deletion_wait: usual.min_deletion_wait,
        }
    }
}

impl WardenSection {
    /// Refuses what would make the server useless, or a mistake irreparable.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.max_in_flight == 0 || self.max_in_flight_per_key_store == 0 {
            bail!(
                "warden.max_in_flight and warden.max_in_flight_per_key_store are at least 1: 0 would refuse everything"
            );
        }
        if !warden::Settings::MIN_DELETION_WAITS.contains(&self.min_deletion_wait) {
            bail!(
                "warden.min_deletion_wait is 24h to 720h: shorter, nobody would notice in time that a key is missed"
            );
        }
        Ok(())
    }

    /// As the warden takes it.
    pub fn settings(&self) -> warden::Settings {
        warden::Settings {
            max_in_flight: self.max_in_flight,
            max_in_flight_per_key_store: self.max_in_flight_per_key_store,
            recorded_refusals_per_minute: self.recorded_refusals_per_minute,
            min_deletion_wait: self.min_deletion_wait,
            ..warden::Settings::default()
        }
    }
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSection {
    /// The socket. Default: `admin.sock` in the data directory, which only the server's own user
    /// can reach; place it elsewhere for other users.
    pub socket: Option<PathBuf>,
    /// Permission bits of the socket, octal text. Default `"0660"`.
    #[serde(deserialize_with = "listener::units::file_mode")]
    pub socket_mode: u32,
    /// How long an orderly end waits for requests under way. Default 10 s, as a service manager
    /// kills after 90 s at the latest.
    #[serde(deserialize_with = "listener::units::duration")]
    pub shutdown_grace: Duration,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self {
            socket: None,
            socket_mode: 0o660,
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// `[[listeners.xks]]` and `[[listeners.health]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenersSection {
    /// Those that serve the XKS Proxy API.
    pub xks: Vec<ListenerConfig>,
    /// Those for the probes of load balancers alone.
    pub health: Vec<ListenerConfig>,
}

impl ListenersSection {
    /// All of them with their kinds.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &ListenerConfig)> {
        let xks = self.xks.iter().map(|listener| ("xks", listener));
        xks.chain(self.health.iter().map(|listener| ("health", listener)))
    }
}
