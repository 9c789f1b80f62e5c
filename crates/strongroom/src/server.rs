//! The composition: every part of a server, started in order and stopped in reverse.

mod descriptors;
pub(crate) mod doors;
mod keeper;
mod node;
mod parts;
pub(crate) mod seal;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ::seal::harden::Hardening;
use admin::Actors;
use ambient::{Clock, Random, SystemClock, SystemRandom};
use anyhow::Context;
use audit::Medium;
use pkcs11::WorkerCommand;
use proxy::{HealthEndpoints, Proxy};
use warden::Warden;

use crate::config::{self, Config};
use crate::data_dir::Lock;
pub(crate) use descriptors::raise_limit;
pub use doors::Door;
use doors::Doors;
pub(crate) use doors::rehearse;
use keeper::{Core, Keeper};
pub(crate) use node::hardening_lines;
pub use parts::MIGRATIONS;
use seal::SealKinds;

/// What a test or a benchmark exchanges; by default the real things.
pub struct Overrides {
    /// The clock of everything.
    pub clock: Arc<dyn Clock>,
    /// The randomness of everything.
    pub random: Arc<dyn Random>,
    /// Where the audit log lies, instead of in its directory.
    pub medium: Option<Arc<dyn Medium>>,
    /// Who may manage, instead of the configuration's actors.
    pub actors: Option<Actors>,
    /// What hardening the process achieved before, for `status`.
    pub hardening: Option<Hardening>,
    /// How the process for a vendor's PKCS#11 module is started.
    pub worker: WorkerCommand,
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            medium: None,
            actors: None,
            hardening: None,
            worker: crate::hsm::worker::command(),
        }
    }
}

/// A server that serves, or is sealed.
pub struct Server {
    core: Arc<Core>,
    keeper: Keeper,
    proxy: Arc<Proxy>,
    admin: Arc<admin::Server>,
    doors: Doors,
    node: node::Node,
    /// The configuration in force.
    config: Mutex<Config>,
    _lock: Lock,
}

impl Server {
    /// Starts everything that `config` says. When this returns, every door is open; the server may be
    /// sealed all the same ([`Server::sealed`]), if its seal is in an HSM. Must be called in a
    /// multi-threaded Tokio runtime, on a data directory that [`crate::init`] made.
    pub async fn start(config: Config, mut overrides: Overrides) -> anyhow::Result<Self> {
        config.check()?;
        for danger in config.dangers() {
            tracing::warn!(danger, "a setting weakens security");
        }
        raise_limit(config.listeners.all().map(|(_, listener)| listener));
        let places = config.places();
        places.data_dir.check()?;
        let lock = places.data_dir.lock()?;
        let (clock, random) = (&overrides.clock, &overrides.random);
        let worker = Some(overrides.worker.clone());
        let kinds = SealKinds::of(&config, &places, worker, clock, random);
        let node = node::Node::new(clock.now(), overrides.hardening);
        let actors = overrides.actors.take();
        let core = Arc::new(Core::new(config.clone(), places, overrides, kinds));
        let parts = match core.start().await {
            Ok(parts) => parts,
            Err(error) => {
                core.kinds.close().await;
                return Err(error);
            }
        };
        match Self::open_doors(&core, &node, actors) {
            Ok((proxy, admin, doors)) => Ok(Self {
                keeper: Keeper::start(Arc::clone(&core), parts, Arc::clone(&proxy), Arc::clone(&admin)),
                core,
                proxy,
                admin,
                doors,
                node,
                config: Mutex::new(config),
                _lock: lock,
            }),
            Err(error) => {
                if let Some(parts) = parts {
                    parts.stop().await;
                }
                core.kinds.close().await;
                Err(error)
            }
        }
    }

    /// Sealed until the keeper unseals them.
    fn open_doors(
        core: &Arc<Core>,
        node: &node::Node,
        actors: Option<Actors>,
    ) -> anyhow::Result<(Arc<Proxy>, Arc<admin::Server>, Doors)> {
        let config = &core.config;
        let Overrides { clock, random, .. } = &core.overrides;
        let proxy = Proxy::sealed(&config.proxy, Arc::clone(clock), &**random)?;
        let proxy = Arc::new(proxy);
        let socket = &core.places.socket;
        let bound = doors::bind(config.listeners.all(), &config.admin, socket, clock)?;
        let actors = match actors {
            Some(actors) => actors,
            None => config.actors()?,
        };
        let status = node.status(config, &bound.controls());
        let seal = Arc::clone(core);
        let admin = Arc::new(admin::Server::new(
            Arc::clone(clock),
            Arc::clone(random),
            actors,
            status,
            Arc::new(move || seal.status()),
        ));
        let doors = bound.open(|kind, listener| match kind {
            "xks" => doors::serve(listener, Arc::clone(&proxy)),
            "health" => doors::serve(listener, Arc::new(HealthEndpoints::new(Arc::clone(&proxy)))),
            _ => doors::serve(listener, Arc::clone(&admin)),
        });
        Ok((proxy, admin, doors))
    }

    /// Every door with its kind and address, the management socket last.
    pub fn doors(&self) -> Vec<Door> {
        self.doors.list()
    }

    /// The address of the first XKS listener.
    pub fn xks_address(&self) -> Option<SocketAddr> {
        self.doors().iter().find(|door| door.kind == "xks")?.address.tcp()
    }

    /// The management socket.
    pub fn socket(&self) -> PathBuf {
        self.config().places().socket
    }

    /// Why the server is sealed, if it is: no key can be used, and it waits for its HSM.
    pub fn sealed(&self) -> Option<String> {
        self.core.sealed()
    }

    /// Waits until the server is unsealed.
    pub async fn unsealed(&self) {
        self.core.unsealed().await;
    }

    /// The warden, to be asked in-process; none while sealed.
    pub fn warden(&self) -> Option<Arc<Warden>> {
        self.keeper.warden()
    }

    /// The proxy's counters.
    pub fn metrics(&self) -> &proxy::Metrics {
        self.proxy.metrics()
    }

    /// Takes over a new configuration, whole or not at all: certificates, client authentication,
    /// limits and deadlines of listeners, host names, and actors.
    pub fn reload(&self, new: Config) -> anyhow::Result<()> {
        let old = self.config();
        new.check()?;
        config::fixed_differences(&old, &new)?;
        let actors = new.actors()?;
        let listeners = |config: &'_ Config| -> Vec<_> {
            config
                .listeners
                .all()
                .map(|(_, listener)| listener.clone())
                .collect()
        };
        let (before, after) = (listeners(&old), listeners(&new));
        let (before, after): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
        self.doors
            .reload(&before, &after)
            .context("nothing was reloaded")?;
        self.proxy.set_host_names(&new.proxy)?;
        self.admin.set_actors(actors);
        self.admin.set_node(self.node.status(&new, self.doors.controls()));
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Closes the doors, lets requests under way finish within the configured grace, and stops
    /// everything. All that was acknowledged is durable long before.
    pub async fn shutdown(self) {
        let grace = self.config().admin.shutdown_grace;
        self.doors.close(grace).await;
        self.keeper.shutdown().await;
    }

    fn config(&self) -> Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
