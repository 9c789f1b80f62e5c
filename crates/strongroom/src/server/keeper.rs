//! Sealed and unsealed: a server whose seal is in an HSM starts without it, unseals by itself when it is
//! there, and seals itself when it is gone for long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admin::SealStatus;
use ambient::{Moment, Timestamp};
use hsm_seal::OnLoss;
use proxy::Proxy;
use seal::{SealSource, Seals};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use warden::Warden;

use super::Overrides;
use super::parts::{Parts, Started};
use super::seal::{Locked, SealKinds};
use crate::config::{Config, Places};
use crate::told::told;

/// The pause before a sealed server tries again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest such pause: how late a server may notice that its HSM is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause between two probes of the HSM of an unsealed server.
const PROBE_PAUSE: Duration = Duration::from_secs(10);
/// Probes before an HSM counts as gone.
const PROBES: u32 = 3;
/// How long a server that seals itself waits for requests under way, which have 200 ms.
const DRAIN: Duration = Duration::from_secs(5);
const DRAIN_STEP: Duration = Duration::from_millis(5);

/// What every start of the parts behind the doors needs, and whether they are there.
pub(super) struct Core {
    pub(super) config: Config,
    pub(super) places: Places,
    pub(super) overrides: Overrides,
    pub(super) kinds: SealKinds,
    /// Each try to unseal opens the key managers anew.
    pub(super) refused_pins: Arc<hsm::RefusedPins>,
    state: watch::Sender<State>,
}

/// Whether the root keys are in memory.
#[derive(Clone)]
enum State {
    Unsealed { since: Timestamp, seals: Arc<Seals> },
    Sealed { since: Timestamp, locked: Locked },
}

impl Core {
    pub(super) fn new(config: Config, places: Places, overrides: Overrides, kinds: SealKinds) -> Self {
        let since = overrides.clock.now();
        let locked = Locked {
            kind: String::new(),
            id: String::new(),
            reason: "it is starting".to_owned(),
        };
        let state = watch::Sender::new(State::Sealed { since, locked });
        Self {
            config,
            places,
            overrides,
            kinds,
            refused_pins: Arc::default(),
            state,
        }
    }

    /// Starts everything behind the doors, which [`Keeper`] opens to them; nothing if it is sealed.
    pub(super) async fn start(&self) -> anyhow::Result<Option<Parts>> {
        match Parts::start(self).await? {
            Started::Parts(parts) => Ok(Some(*parts)),
            Started::Sealed(locked) => {
                self.lock(locked);
                Ok(None)
            }
        }
    }

    fn unlocked(&self, seals: Arc<Seals>) {
        let since = self.overrides.clock.now();
        self.state.send_replace(State::Unsealed { since, seals });
    }

    fn lock(&self, locked: Locked) {
        self.state.send_modify(|state| {
            let since = match state {
                State::Sealed { since, .. } => *since,
                State::Unsealed { .. } => self.overrides.clock.now(),
            };
            *state = State::Sealed { since, locked };
        });
    }

    /// Why it is sealed, if it is.
    pub(super) fn sealed(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Sealed { locked, .. } => Some(locked.reason.clone()),
            State::Unsealed { .. } => None,
        }
    }

    /// Waits until it is unsealed.
    pub(super) async fn unsealed(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as this.
        let _ = state
            .wait_for(|state| matches!(state, State::Unsealed { .. }))
            .await;
    }

    /// For `status`.
    pub(super) fn status(&self) -> SealStatus {
        let tokens = self.kinds.tokens();
        match &*self.state.borrow() {
            State::Unsealed { since, seals } => {
                let seal = seals.current();
                SealStatus {
                    kind: seal.kind().to_owned(),
                    id: seal.id().to_string(),
                    state: "unsealed".to_owned(),
                    since: since.to_string(),
                    reason: None,
                    tokens,
                }
            }
            State::Sealed { since, locked } => SealStatus {
                kind: locked.kind.clone(),
                id: locked.id.clone(),
                state: "sealed".to_owned(),
                since: since.to_string(),
                reason: Some(locked.reason.clone()),
                tokens,
            },
        }
    }

    fn seals(&self) -> Option<Arc<Seals>> {
        match &*self.state.borrow() {
            State::Unsealed { seals, .. } => Some(Arc::clone(seals)),
            State::Sealed { .. } => None,
        }
    }
}

/// Keeps the parts behind the doors there for as long as their seal is.
pub(super) struct Keeper {
    inner: Arc<Inner>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

struct Inner {
    core: Arc<Core>,
    parts: Mutex<Option<Parts>>,
    proxy: Arc<Proxy>,
    admin: Arc<admin::Server>,
}

impl Keeper {
    /// Opens what is behind the doors to them, if it is there. Where an HSM is configured, it goes on
    /// looking after it.
    pub(super) fn start(
        core: Arc<Core>,
        parts: Option<Parts>,
        proxy: Arc<Proxy>,
        admin: Arc<admin::Server>,
    ) -> Self {
        let inner = Arc::new(Inner {
            core,
            parts: Mutex::default(),
            proxy,
            admin,
        });
        match parts {
            Some(parts) => inner.unseal(parts),
            None => inner.tell_reason(),
        }
        let (stop, stopping) = watch::channel(false);
        let has_hsm = inner.core.config.seal.hsm.is_some();
        let task = has_hsm.then(|| tokio::spawn(Arc::clone(&inner).keep(stopping)));
        Self { inner, stop, task }
    }

    pub(super) fn warden(&self) -> Option<Arc<Warden>> {
        let parts = self.inner.parts();
        parts.as_ref().map(|parts| Arc::clone(&parts.warden))
    }

    /// Stops everything behind the doors, which are closed.
    pub(super) async fn shutdown(self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task {
            // A task that panicked has nothing left to do.
            let _ = task.await;
        }
        let parts = self.inner.parts().take();
        if let Some(parts) = parts {
            parts.stop().await;
        }
        self.inner.core.kinds.close().await;
    }
}

impl Inner {
    fn parts(&self) -> MutexGuard<'_, Option<Parts>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unseal(&self, parts: Parts) {
        let (warden, seals) = (Arc::clone(&parts.warden), Arc::clone(&parts.seals));
        *self.parts() = Some(parts);
        self.admin.unseal(Arc::clone(&warden));
        self.proxy.unseal(warden);
        // Last: whoever waits for it finds the doors open.
        self.core.unlocked(seals);
    }

    fn tell_reason(&self) {
        if let Some(reason) = self.core.sealed() {
            self.proxy.set_sealed_reason(&reason);
        }
    }

    async fn keep(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let clock = Arc::clone(&self.core.overrides.clock);
        let mut pause = FIRST_PAUSE;
        let mut answered = clock.moment();
        loop {
            let seals = self.core.seals();
            let wait = seals.as_ref().map_or(pause, |_| self.probe_pause());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            match seals {
                Some(seals) => {
                    if let Some(reason) = self.lost(&seals, &mut answered).await {
                        self.seal(&seals, reason).await;
                        pause = FIRST_PAUSE;
                    }
                }
                None if self.try_to_unseal().await => answered = clock.moment(),
                None => pause = pause.saturating_mul(2).min(LONGEST_PAUSE),
            }
        }
    }

    fn probe_pause(&self) -> Duration {
        let hsm = self.core.config.seal.hsm.as_ref();
        hsm.map_or(PROBE_PAUSE, |hsm| (hsm.loss_after / PROBES).min(PROBE_PAUSE))
    }

    /// Whether it is unsealed now. What is wrong beside the seal is tried again as well: an
    /// unattended server has nobody to start it.
    async fn try_to_unseal(&self) -> bool {
        let before = self.core.sealed();
        match self.core.start().await {
            Ok(Some(parts)) => {
                self.unseal(parts);
                tracing::info!("unsealed");
                return true;
            }
            Ok(None) => {}
            Err(error) => {
                let SealStatus { kind, id, .. } = self.core.status();
                let reason = told(&error);
                self.core.lock(Locked { kind, id, reason });
            }
        }
        self.tell_reason();
        let now = self.core.sealed();
        if now != before {
            tracing::error!(reason = now, "still sealed");
        }
        false
    }

    /// Why the server is to seal itself, if it is. `answered` is when the HSM last did.
    async fn lost(&self, seals: &Seals, answered: &mut Moment) -> Option<String> {
        let clock = &self.core.overrides.clock;
        let probed = seals.current().probe().await;
        let Err(error) = probed else {
            *answered = clock.moment();
            return None;
        };
        let hsm = self.core.config.seal.hsm.as_ref()?;
        let gone_for = clock.moment().saturating_since(*answered);
        let is_lost = hsm.on_loss == OnLoss::Seal && gone_for >= hsm.loss_after;
        is_lost.then(|| error.to_string())
    }

    /// No answer leaves any more, and the keys leave the memory with the warden.
    async fn seal(&self, seals: &Seals, reason: String) {
        tracing::error!(reason, "the HSM of the seal is gone: sealed");
        let seal = seals.current();
        self.core.lock(Locked {
            kind: seal.kind().to_owned(),
            id: seal.id().to_string(),
            reason,
        });
        self.tell_reason();
        let parts = self.parts().take();
        if let Some(parts) = &parts {
            parts.warden.seal();
        }
        self.proxy.seal();
        self.admin.seal();
        if let Some(parts) = parts {
            drained(&parts.warden).await;
            parts.stop().await;
        }
    }
}

/// Waits until no request is under way.
async fn drained(warden: &Warden) {
    let empty = async {
        while warden.load().in_flight > 0 {
            tokio::time::sleep(DRAIN_STEP).await;
        }
    };
    if tokio::time::timeout(DRAIN, empty).await.is_err() {
        tracing::warn!("requests were still under way when the server was sealed");
    }
}
