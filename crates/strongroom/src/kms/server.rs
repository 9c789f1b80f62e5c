//! The composition of a KMS endpoint: every part, started in order and stopped in reverse.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ambient::{Clock, Random, SystemClock, SystemRandom, Timestamp};
use anyhow::{Context, bail};
use kms::control;
use kms::control::message::{ListenerStatus, NodeStatus};
use kms::identity::{IdentitySource, IdentitySourceError};
use kms::{Front, Kms};
use listener::{Bound, Control, ListenerConfig};
use pkcs11::WorkerCommand;
use seal::harden::Hardening;
use seal::{KeyFile, Keyring};
use store::{Migrations, Store};
use tokio::task::JoinHandle;

use super::clusters::DeclaredClusters;
use super::config::{self, Config, Places};
use crate::data_dir::Lock;
use crate::hsm::worker;
use crate::server::doors::{self, Doors};
use crate::server::{hardening_lines, raise_limit};
use crate::told::told;

/// Every table of an endpoint's store, in the order in which the crates depend on each other.
pub const MIGRATIONS: &[Migrations] = &[seal::roots::MIGRATIONS, kms::MIGRATIONS];

/// What a test or a benchmark exchanges; by default the real things.
pub struct Overrides {
    /// The clock of everything.
    pub clock: Arc<dyn Clock>,
    /// The randomness of everything.
    pub random: Arc<dyn Random>,
    /// What hardening the process achieved before, for `status`.
    pub hardening: Option<Hardening>,
    /// How the process of a PKCS#11 module is started.
    pub worker: WorkerCommand,
    /// The file that the configuration was read from; without one a reload keeps the configuration
    /// and reads the files that it names.
    pub file: Option<PathBuf>,
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            hardening: None,
            worker: worker::command(),
            file: None,
        }
    }
}

/// An endpoint that serves.
pub struct Server {
    running: Arc<Running>,
    kms: Kms,
    clusters: Arc<DeclaredClusters>,
    /// Deletions and rotations that are due.
    upkeep: JoinHandle<()>,
    store: Store,
    _lock: Lock,
}

/// What a reload touches.
struct Running {
    file: Option<PathBuf>,
    /// The configuration in force. Held while a reload is made, so that one follows the other.
    config: Mutex<Config>,
    kms: Kms,
    control: Arc<control::Server>,
    doors: Doors,
    node: Node,
}

/// What stays the same for as long as the process lives.
struct Node {
    started: Timestamp,
    hardening: Option<Hardening>,
}

impl Server {
    /// Starts everything that `config` says. When this returns, every door is open. Must be called
    /// in a multi-threaded Tokio runtime, on a data directory that `kms init` made.
    pub async fn start(config: Config, overrides: Overrides) -> anyhow::Result<Self> {
        config.check()?;
        for danger in config.dangers() {
            tracing::warn!(danger, "a setting weakens security");
        }
        raise_limit(config.listeners.iter());
        let places = config.places();
        places.data_dir.check()?;
        let lock = places.data_dir.lock()?;
        let identities = read_identities(&places.identities)?;
        let clusters = Arc::new(DeclaredClusters::new(
            &config.clusters,
            &overrides.worker,
            &overrides.clock,
            &overrides.random,
        )?);
        let store = open_store(&places.store).await?;
        let started = async {
            let keyring = load_keyring(&store, &places).await?;
            let kms = open(&config, &store, keyring, (identities, &clusters), &overrides).await?;
            let front = Arc::new(Front::new(kms.clone(), &*overrides.random)?);
            let running = open_doors(config, &places, overrides, &kms, &front)?;
            anyhow::Ok((kms, running))
        };
        match started.await {
            Ok((kms, running)) => Ok(Self {
                running,
                upkeep: tokio::spawn({
                    let kms = kms.clone();
                    async move { kms.run_upkeep().await }
                }),
                kms,
                clusters,
                store,
                _lock: lock,
            }),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// Every door: kind, name and address, the control socket last.
    pub fn doors(&self) -> Vec<(&'static str, String, String)> {
        let doors = self.running.doors.list().into_iter();
        doors
            .map(|door| (door.kind, door.name, address(&door.address)))
            .collect()
    }

    /// Where the first listener is bound.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.running.doors.list().first()?.address.tcp()
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.running.config().places().socket
    }

    /// The endpoint, to be asked in-process.
    pub const fn kms(&self) -> &Kms {
        &self.kms
    }

    /// Reads configuration, identities and certificates anew, whole or not at all; the log tells
    /// how it went, and so does the result.
    pub fn reload(&self) -> Result<(), String> {
        self.running.reload()
    }

    /// Closes the doors, lets requests under way finish within the configured grace, and stops
    /// everything. All that was acknowledged is durable long before.
    pub async fn shutdown(self) {
        let grace = self.running.config().admin.shutdown_grace;
        self.running.doors.close(grace).await;
        self.upkeep.abort();
        // What keys were used for since the last time is written down.
        if let Err(error) = self.kms.upkeep().await {
            tracing::error!(%error, "upkeep of KMS keys failed");
        }
        self.kms.trail().flush().await;
        self.clusters.close().await;
        self.store.close().await;
    }
}

async fn open_store(path: &Path) -> anyhow::Result<Store> {
    // Opening would make one; an endpoint without its store must not come up empty.
    if !path.exists() {
        bail!(
            "the store {} does not exist: run `strongroom kms init`, or restore it from a backup",
            path.display()
        );
    }
    Store::open(path, MIGRATIONS)
        .await
        .with_context(|| format!("cannot open the store {}", path.display()))
}

async fn load_keyring(store: &Store, places: &Places) -> anyhow::Result<Keyring> {
    let seal = KeyFile::open(&places.seal_key)?;
    let mut snapshot = store.read().await?;
    Ok(seal::roots::load(&mut snapshot, &seal).await?)
}

async fn open(
    config: &Config,
    store: &Store,
    keyring: Keyring,
    (identities, clusters): (IdentitySource, &Arc<DeclaredClusters>),
    overrides: &Overrides,
) -> anyhow::Result<Kms> {
    let opened = Kms::open(kms::Parts {
        config: config.kms.clone(),
        store: store.clone(),
        keyring,
        identities,
        clusters: Arc::clone(clusters) as _,
        trail_directory: config.data_dir.join("cloudtrail"),
        clock: Arc::clone(&overrides.clock),
        random: Arc::clone(&overrides.random),
    });
    opened.await.context("the KMS endpoint cannot start")
}

pub(super) fn read_identities(path: &Path) -> anyhow::Result<IdentitySource> {
    IdentitySource::open(path).map_err(|error| {
        let missing = matches!(
            &error,
            IdentitySourceError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound
        );
        anyhow::Error::new(error).context(if missing {
            "there are no identities; `strongroom kms init` makes some to start from"
        } else {
            "the identities cannot be used"
        })
    })
}

fn open_doors(
    config: Config,
    places: &Places,
    overrides: Overrides,
    kms: &Kms,
    front: &Arc<Front>,
) -> anyhow::Result<Arc<Running>> {
    let listeners = config.listeners.iter().map(|listener| ("kms", listener));
    let bound = doors::bind(listeners, &config.admin, &places.socket, &overrides.clock)?;
    let node = Node {
        started: overrides.clock.now(),
        hardening: overrides.hardening,
    };
    let status = node.status(&config, &bound.controls());
    Ok(Arc::new_cyclic(|running: &Weak<Running>| {
        let running = Weak::clone(running);
        let reload: control::Reload = Arc::new(move || match running.upgrade() {
            Some(running) => running.reload(),
            None => Err("the endpoint is stopping".to_owned()),
        });
        let owner = rustix::process::geteuid().as_raw();
        let control = Arc::new(control::Server::new(kms.clone(), owner, status, reload));
        let doors = bound.open(|kind, listener| match kind {
            "kms" => doors::serve(listener, Arc::clone(front)),
            _ => doors::serve(listener, Arc::clone(&control)),
        });
        Running {
            file: overrides.file,
            config: Mutex::new(config),
            kms: kms.clone(),
            control,
            doors,
            node,
        }
    }))
}

impl Running {
    fn config(&self) -> Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reload(&self) -> Result<(), String> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        match self.take_over(&config) {
            Ok(new) => {
                *config = new;
                tracing::info!("configuration, identities and certificates were reloaded");
                Ok(())
            }
            Err(error) => {
                let error = told(&error);
                tracing::error!(error, "nothing was reloaded");
                Err(error)
            }
        }
    }

    /// Everything is read and tried before anything is taken over.
    fn take_over(&self, old: &Config) -> anyhow::Result<Config> {
        let new = match &self.file {
            Some(file) => Config::read(file)?,
            None => old.clone(),
        };
        config::fixed_differences(old, &new)?;
        drop(read_identities(&new.places().identities)?);
        let listeners = |config: &'_ Config| -> Vec<ListenerConfig> { config.listeners.clone() };
        let (before, after) = (listeners(old), listeners(&new));
        let (before, after): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
        self.doors.reload(&before, &after)?;
        // Read a moment ago; who changes it just now is told that it was not taken over.
        self.kms
            .reload_identities()
            .context("the identities; the listeners were reloaded")?;
        self.control
            .set_node(self.node.status(&new, self.doors.controls()));
        Ok(new)
    }
}

impl Node {
    fn status(&self, config: &Config, controls: &[(&'static str, Control)]) -> NodeStatus {
        NodeStatus {
            pid: std::process::id(),
            started: self.started.to_string(),
            data_dir: config.data_dir.display().to_string(),
            listeners: controls
                .iter()
                .map(|(_, control)| listener(config, control))
                .collect(),
            hardening: hardening_lines(self.hardening.as_ref()),
            dangers: config.dangers(),
        }
    }
}

fn listener(config: &Config, control: &Control) -> ListenerStatus {
    let named = |listener: &&ListenerConfig| listener.name == control.name();
    ListenerStatus {
        name: control.name().to_owned(),
        address: address(control.local_addr()),
        tls: config
            .listeners
            .iter()
            .find(named)
            .is_some_and(|listener| listener.tls.is_some()),
        certificate_expires: control
            .certificate()
            .map(|certificate| certificate.not_after.to_string()),
    }
}

fn address(bound: &Bound) -> String {
    match bound {
        Bound::Tcp(address) => address.to_string(),
        Bound::Unix(path) => format!("unix:{}", path.display()),
    }
}
