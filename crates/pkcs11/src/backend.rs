//! Where a token's calls go: to threads of this process, or to its worker process.

use std::sync::{Arc, Mutex};

use ambient::{Clock, Random};

use crate::calls::{Answer, Call};
use crate::config::{Isolation, Pin, TokenConfig};
use crate::error::{OpenError, TokenError};
use crate::login::{Gate, Keeper as _, Pins};
use crate::module::Module;
use crate::pool::{Callers, Pool};
use crate::session::Shared;
use crate::worker::Worker;

pub(crate) enum Backend {
    InProcess(InProcess),
    Worker(Worker),
}

pub(crate) struct InProcess {
    pins: Arc<Pins>,
    pool: Pool<Callers>,
    sessions: usize,
}

impl Backend {
    /// Loads the module, there or here.
    pub(crate) async fn start(
        config: TokenConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        match config.isolation.clone() {
            Isolation::InProcess => InProcess::start(config, clock, random).await.map(Self::InProcess),
            Isolation::Worker(command) => Worker::start(config, command, clock).await.map(Self::Worker),
        }
    }

    pub(crate) async fn run(&self, call: Call) -> Result<Answer, TokenError> {
        match self {
            Self::InProcess(here) => here.pool.run(call).await,
            Self::Worker(worker) => worker.run(call).await,
        }
    }

    /// Why no call can succeed, if that is so.
    pub(crate) fn unavailable(&self) -> Option<TokenError> {
        match self {
            Self::InProcess(here) => here.pins.refused().or_else(|| {
                let hang = here.pool.count().all_hang(here.sessions);
                hang.then_some(TokenError::Hung)
            }),
            Self::Worker(worker) => worker.unavailable(),
        }
    }

    /// How many sessions hang.
    pub(crate) fn hung(&self) -> usize {
        match self {
            Self::InProcess(here) => here.pool.count().hung,
            Self::Worker(worker) => worker.hung(),
        }
    }

    pub(crate) fn set_pin(&self, pin: Option<Pin>) {
        match self {
            Self::InProcess(here) => here.pins.set(pin),
            Self::Worker(worker) => worker.set_pin(pin),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::InProcess(here) => here.pool.close().await,
            Self::Worker(worker) => worker.close().await,
        }
    }
}

impl InProcess {
    async fn start(
        config: TokenConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let path = config.module;
        // The first call into a vendor's library may hang as any other; its thread is left behind.
        let loading = tokio::task::spawn_blocking(move || Module::load(&path));
        let module = tokio::time::timeout(config.deadline, loading)
            .await
            .map_err(|_| OpenError::Module("it did not start in time".to_owned()))?
            .map_err(|_| OpenError::Module("it could not be loaded".to_owned()))??;
        let pins = Arc::new(Pins::new(config.pin));
        let shared = Arc::new(Shared {
            module,
            token: config.token,
            profile: config.profile,
            requirements: config.requirements,
            gate: Gate::new(Arc::clone(&pins) as _),
            handles: Mutex::default(),
            clock,
            random,
        });
        let sessions = config.sessions;
        let pool = Pool::new(Arc::new(Callers), shared, sessions, config.queue, config.deadline);
        Ok(Self { pins, pool, sessions })
    }
}
