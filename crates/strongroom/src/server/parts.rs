//! What lies behind the doors: seal, store, log, key managers, warden.

use std::path::Path;
use std::sync::Arc;

use ambient::Random;
use anyhow::{Context, bail};
use audit::{Directory, Log, Medium};
use hsm::Hsms;
use key_manager::{KeyManagerProvider, ObjectName};
use seal::Seals;
use store::{Migrations, Store};
use virtual_hsm::VirtualHsms;
use warden::Warden;

use super::Overrides;
use super::keeper::Core;
use super::seal::{Locked, Unlocked};
use crate::config::Config;

/// Every table of a server's store, in the order in which the crates depend on each other.
pub const MIGRATIONS: &[Migrations] = &[
    seal::roots::MIGRATIONS,
    virtual_hsm::MIGRATIONS,
    hsm::MIGRATIONS,
    warden::MIGRATIONS,
];

/// The warden and what it stands on.
pub(super) struct Parts {
    pub(super) warden: Arc<Warden>,
    pub(super) seals: Arc<Seals>,
    hsms: Hsms,
    store: Store,
}

/// What came of a start.
pub(super) enum Started {
    Parts(Box<Parts>),
    /// Nothing is open.
    Sealed(Locked),
}

impl Parts {
    /// Whatever does not start leaves nothing open.
    pub(super) async fn start(core: &Core) -> anyhow::Result<Started> {
        let store = open_store(&core.places.store).await?;
        let started = Self::start_over(&store, core).await;
        if !matches!(started, Ok(Started::Parts(_))) {
            store.close().await;
        }
        started
    }

    async fn start_over(store: &Store, core: &Core) -> anyhow::Result<Started> {
        let (keyring, seals) = match core.kinds.unlock(store).await? {
            Unlocked::Keyring(keyring, seals) => (keyring, seals),
            Unlocked::Sealed(locked) => return Ok(Started::Sealed(locked)),
        };
        let Core {
            config,
            places,
            overrides,
            ..
        } = core;
        let Overrides { clock, random, .. } = overrides;
        let medium = match &overrides.medium {
            Some(medium) => Arc::clone(medium),
            None => open_directory(&places.log)?,
        };
        let log = open_log(Arc::clone(&medium), config, overrides).await?;
        let virtual_hsms = VirtualHsms::new(
            store.clone(),
            Arc::clone(&keyring),
            Arc::clone(random),
            Arc::clone(clock),
        );
        let hsms = Hsms::new(
            store.clone(),
            Arc::clone(&keyring),
            Arc::clone(random),
            Arc::clone(clock),
            config.hsm.clone(),
            Some(overrides.worker.clone()),
        );
        hsms.reserve(seal_object(config));
        hsms.remember_in(Arc::clone(&core.refused_pins));
        let providers: Vec<Arc<dyn KeyManagerProvider>> =
            vec![Arc::new(virtual_hsms.clone()), Arc::new(hsms.clone())];
        let warden = Warden::start(warden::Parts {
            store: store.clone(),
            keyring,
            seal: Arc::clone(&seals) as _,
            sealed: vec![Arc::new(virtual_hsms), Arc::new(hsms.clone())],
            log,
            medium,
            providers,
            clock: Arc::clone(clock),
            random: Arc::clone(random),
            settings: config.warden.settings(),
        });
        match warden.await.context("the warden cannot start") {
            Ok(warden) => Ok(Started::Parts(Box::new(Self {
                warden,
                seals,
                hsms,
                store: store.clone(),
            }))),
            Err(error) => {
                hsms.close().await;
                Err(error)
            }
        }
    }

    pub(super) async fn stop(&self) {
        self.warden.shutdown().await;
        // Some modules crash if the process ends with their sessions open.
        self.hsms.close().await;
        self.store.close().await;
    }
}

async fn open_store(path: &Path) -> anyhow::Result<Store> {
    // Opening would make one; a server without its store must not come up empty.
    if !path.exists() {
        bail!(
            "the store {} does not exist: run `strongroom init`, or restore it from a backup",
            path.display()
        );
    }
    Store::open(path, MIGRATIONS)
        .await
        .with_context(|| format!("cannot open the store {}", path.display()))
}

fn open_directory(path: &Path) -> anyhow::Result<Arc<dyn Medium>> {
    let directory = Directory::open_existing(path).with_context(|| {
        format!(
            "cannot open the audit log's directory {}: run `strongroom init`, or restore it",
            path.display()
        )
    })?;
    Ok(Arc::new(directory))
}

async fn open_log(medium: Arc<dyn Medium>, config: &Config, overrides: &Overrides) -> anyhow::Result<Log> {
    let (clock, random): (_, Arc<dyn Random>) = (Arc::clone(&overrides.clock), Arc::clone(&overrides.random));
    let limits = config.audit.limits;
    // Reads the last segment whole.
    let opened = tokio::task::spawn_blocking(move || Log::open(medium, clock, &*random, limits));
    let (log, recovery) = opened.await?.context("cannot open the audit log")?;
    if let Some(cut) = recovery.cut {
        tracing::warn!(
            bytes = cut.bytes,
            "an unfinished batch at the end of the audit log was cut off; nobody had been told of it"
        );
    }
    Ok(log)
}

/// The object that an administrator gave the seal, which has a name of his choice. Adopted as a key, it
/// would decrypt the root keys for whoever may use that key.
fn seal_object(config: &Config) -> Option<ObjectName> {
    let object = config.seal.hsm.as_ref()?.object.as_ref()?;
    Some(ObjectName {
        label: object.label.clone(),
        id: object.id.as_deref().and_then(crypto::unhex),
    })
}
