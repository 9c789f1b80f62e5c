//! Starts a token's worker, and starts it again when it died.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::Clock;
use tokio::sync::{Notify, oneshot};

use super::connection::{self, End};
use super::process::Process;
use super::wire::{Outgoing, PinAnswer, Setup, ToWorker, WireError};
use crate::calls::{Answer, Call};
use crate::config::{Pin, TokenConfig, WorkerCommand};
use crate::error::{OpenError, TokenError};
use crate::login::{Judgement, Keeper as _, Pins};
use crate::module::lock;
use crate::object::KeyObject;
use crate::pool::Reply;

/// The first pause after a worker that did not live for [`HEALTHY`]; the one after it is twice as
/// long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A worker that lived so long was well: the next one is started at once.
const HEALTHY: Duration = Duration::from_secs(10);

/// Most keys of a list, and most bytes of their names.
const MAX_LISTED: usize = 100_000;
const MAX_LISTED_BYTES: usize = 64 << 20;

/// Most bytes that wait for a worker to read them. One that reads nothing and talks on stays alive, and
/// calls that nobody waits for any more are among them.
const MAX_UNREAD: usize = 64 << 20;

/// A token's worker. Dropped, it ends the process.
pub(crate) struct Worker(Arc<Shared>);

/// What the callers, the supervisor and the connection share.
pub(super) struct Shared {
    config: TokenConfig,
    command: WorkerCommand,
    pins: Pins,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    called: Notify,
    ended: Notify,
}

struct State {
    phase: Phase,
    /// Calls that were not yet encoded: the worker is not there.
    early: VecDeque<(u64, Call)>,
    frames: Outgoing,
    waiting: HashMap<u64, Waiting>,
    next: u64,
    hung: usize,
    closed: bool,
    /// Why the last worker died.
    died: Option<String>,
    /// Whoever opened the token, until the module is there or is not.
    started: Option<oneshot::Sender<Result<(), OpenError>>>,
}

struct Waiting {
    reply: oneshot::Sender<Reply>,
    /// The parts of a list so far, and the weight of their names.
    keys: Vec<KeyObject>,
    weight: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Up,
    Pausing(Duration),
    Ended,
}

impl Worker {
    /// Starts the process and waits until it has loaded the module.
    pub(crate) async fn start(
        mut config: TokenConfig,
        command: WorkerCommand,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let (started, first) = oneshot::channel();
        let worker = Self(Arc::new(Shared {
            pins: Pins::new(config.pin.take()),
            config,
            command,
            clock,
            state: Mutex::new(State {
                phase: Phase::Starting,
                early: VecDeque::new(),
                frames: Outgoing::new(),
                waiting: HashMap::new(),
                next: 0,
                hung: 0,
                closed: false,
                died: None,
                started: Some(started),
            }),
            called: Notify::new(),
            ended: Notify::new(),
        }));
        let shared = Arc::clone(&worker.0);
        tokio::spawn(async move { shared.supervise().await });
        match first.await {
            Ok(result) => result.map(|()| worker),
            Err(_) => Err(OpenError::Module("its worker was closed".to_owned())),
        }
    }

    /// Does `call` in the worker, within the deadline.
    pub(crate) async fn run(&self, call: Call) -> Reply {
        let shared = &self.0;
        let deadline = call.deadline(shared.config.deadline);
        let (number, reply) = shared.submit(call)?;
        match tokio::time::timeout(deadline, reply).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(TokenError::Closed),
            Err(_) => {
                lock(&shared.state).waiting.remove(&number);
                Err(TokenError::TimedOut)
            }
        }
    }

    pub(crate) fn set_pin(&self, pin: Option<Pin>) {
        self.0.pins.set(pin);
    }

    /// Why no call can succeed, if that is so.
    pub(crate) fn unavailable(&self) -> Option<TokenError> {
        if let Some(refused) = self.0.pins.refused() {
            return Some(refused);
        }
        let state = lock(&self.0.state);
        let died = state.died.as_deref().unwrap_or("is not there");
        match state.phase {
            Phase::Starting => Some(TokenError::WorkerDied(format!("{died}; another one is starting"))),
            Phase::Pausing(pause) => Some(TokenError::WorkerDied(format!(
                "{died}; another one is started after {pause:?}"
            ))),
            Phase::Ended => Some(TokenError::Closed),
            Phase::Up => None,
        }
    }

    /// How many sessions hang.
    pub(crate) fn hung(&self) -> usize {
        lock(&self.0.state).hung
    }

    /// Ends the process, and waits for that.
    pub(crate) async fn close(&self) {
        self.0.stop();
        loop {
            let ended = self.0.ended.notified();
            if lock(&self.0.state).phase == Phase::Ended {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The callers' side.
impl Shared {
    fn submit(&self, call: Call) -> Result<(u64, oneshot::Receiver<Reply>), TokenError> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        if state.closed {
            return Err(TokenError::Closed);
        }
        if let Phase::Pausing(_) = state.phase {
            return Err(TokenError::WorkerDied(state.died.clone().unwrap_or_default()));
        }
        if state.waiting.len() >= self.config.sessions.saturating_add(self.config.queue) {
            return Err(TokenError::Busy);
        }
        if state.frames.bytes().len() >= MAX_UNREAD {
            return Err(TokenError::Busy);
        }
        let number = state.next;
        state.next += 1;
        if state.phase == Phase::Up {
            let quiet = state.frames.is_empty();
            state.encode(number, call)?;
            if quiet {
                self.called.notify_one();
            }
        } else {
            state.early.push_back((number, call));
        }
        let (reply, receiver) = oneshot::channel();
        let waiting = Waiting {
            reply,
            keys: Vec::new(),
            weight: 0,
        };
        state.waiting.insert(number, waiting);
        Ok((number, receiver))
    }

    fn stop(&self) {
        lock(&self.state).closed = true;
        self.called.notify_one();
    }
}

impl State {
    fn encode(&mut self, number: u64, call: Call) -> Result<(), TokenError> {
        ToWorker::Call { number, call }
            .encode(&mut self.frames)
            .map_err(|_| TokenError::TooLong {
                limit: super::wire::MAX_FRAME,
            })
    }

    /// Answers all who wait.
    fn fail(&mut self, error: &TokenError) {
        self.early.clear();
        self.frames.clear();
        for (_, waiting) in self.waiting.drain() {
            // A caller who went away is none.
            let _ = waiting.reply.send(Err(error.clone()));
        }
    }
}

/// The connection's side.
impl Shared {
    pub(super) fn setup(&self) -> Setup {
        Setup {
            module: self.config.module.clone(),
            token: self.config.token.clone(),
            profile: self.config.profile.source().to_owned(),
            requirements: self.config.requirements.clone(),
            sessions: self.config.sessions,
            queue: self.config.queue,
            deadline: self.config.deadline,
        }
    }

    pub(super) const fn deadline(&self) -> Duration {
        self.config.deadline
    }

    /// Returns when somebody called, or closed the token.
    pub(super) async fn called(&self) {
        self.called.notified().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    pub(super) fn is_waiting(&self) -> bool {
        !lock(&self.state).waiting.is_empty()
    }

    /// What is to be written, in exchange for an empty one.
    pub(super) fn take(&self, empty: &mut Outgoing) {
        std::mem::swap(empty, &mut lock(&self.state).frames);
    }

    pub(super) fn say(&self, message: &ToWorker) {
        // None of them is long.
        let _ = message.encode(&mut lock(&self.state).frames);
        self.called.notify_one();
    }

    /// The worker is ready: what came early goes to it, unless nobody waits for it any more.
    pub(super) fn up(&self) {
        let mut state = lock(&self.state);
        state.phase = Phase::Up;
        if let Some(started) = state.started.take() {
            let _ = started.send(Ok(()));
        }
        for (number, call) in std::mem::take(&mut state.early) {
            if !state.waiting.contains_key(&number) {
                continue;
            }
            if let Err(error) = state.encode(number, call)
                && let Some(waiting) = state.waiting.remove(&number)
            {
                let _ = waiting.reply.send(Err(error));
            }
        }
    }

    pub(super) fn answered(&self, number: u64, reply: Reply) {
        // Late, and nobody waits: nothing.
        let Some(mut waiting) = lock(&self.state).waiting.remove(&number) else {
            return;
        };
        let reply = match reply {
            Ok(Answer::Keys(last)) => {
                waiting.keys.extend(last);
                Ok(Answer::Keys(waiting.keys))
            }
            other => other,
        };
        let _ = waiting.reply.send(reply);
    }

    pub(super) fn listed(&self, number: u64, keys: Vec<KeyObject>) -> Result<(), WireError> {
        let mut state = lock(&self.state);
        let Some(waiting) = state.waiting.get_mut(&number) else {
            return Ok(());
        };
        waiting.weight += keys.iter().map(KeyObject::weight).sum::<usize>();
        waiting.keys.extend(keys);
        if waiting.keys.len() > MAX_LISTED || waiting.weight > MAX_LISTED_BYTES {
            return Err(WireError::Malformed("a list without end"));
        }
        Ok(())
    }

    pub(super) fn pin_wanted(&self) -> Result<(), WireError> {
        if lock(&self.state).frames.bytes().len() >= MAX_UNREAD {
            return Err(WireError::Malformed("it asks and does not read"));
        }
        // The PIN is copied under the gate's lock, once.
        let said = self.pins.with(|number, pin| match pin.map(Pin::copy) {
            Some(pin) => PinAnswer::Present { number, pin },
            None => PinAnswer::NoLogin,
        });
        self.say(&ToWorker::Pin(said.unwrap_or_else(PinAnswer::Refused)));
        Ok(())
    }

    pub(super) fn judged(&self, number: u64, judgement: Judgement) {
        self.pins.judged(number, judgement);
    }

    /// So many sessions hang; whether that is the end of the worker.
    pub(super) fn hang(&self, count: usize) -> bool {
        lock(&self.state).hung = count;
        count >= self.config.sessions
    }
}

/// Why there is no worker any more.
struct Death {
    /// What happened to it; a sentence about the worker process goes on with it.
    why: String,
    /// The module's part in it, where that is known.
    module: Option<String>,
}

impl Death {
    fn of(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            module: None,
        }
    }
}

/// The supervisor.
impl Shared {
    async fn supervise(&self) {
        let mut pause = Duration::ZERO;
        while !self.is_closed() {
            let since = self.clock.moment();
            let death = self.one_life().await;
            if self.is_closed() || self.never_started(&death) {
                break;
            }
            if self.clock.moment().saturating_since(since) >= HEALTHY {
                pause = Duration::ZERO;
            }
            let module = self.config.module.display();
            tracing::warn!(%module, again_after = ?pause, "the worker process {}", death.why);
            if !pause.is_zero() {
                self.over(Phase::Pausing(pause), &death.why);
                self.rest(pause).await;
            }
            self.over(Phase::Starting, &death.why);
            pause = (2 * pause).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        }
        let mut state = lock(&self.state);
        state.phase = Phase::Ended;
        state.closed = true;
        state.started = None;
        state.fail(&TokenError::Closed);
        drop(state);
        self.ended.notify_waiters();
    }

    /// Whether this was the first worker and did not get as far as to load the module. Then whoever
    /// opened the token is told, and there is no second one.
    fn never_started(&self, death: &Death) -> bool {
        let Some(started) = lock(&self.state).started.take() else {
            return false;
        };
        let why = match &death.module {
            Some(why) => why.clone(),
            None => format!(
                "{}: its worker process {}",
                self.config.module.display(),
                death.why
            ),
        };
        let _ = started.send(Err(OpenError::Module(why)));
        true
    }

    /// Waits for the pause to pass, or for the end.
    async fn rest(&self, pause: Duration) {
        let closed = async {
            while !self.is_closed() {
                self.called.notified().await;
            }
        };
        let _ = tokio::time::timeout(pause, closed).await;
    }

    /// One worker, until it is dead.
    async fn one_life(&self) -> Death {
        let (command, environment) = (self.command.clone(), self.config.profile.environment().to_vec());
        let starting = tokio::task::spawn_blocking(move || Process::start(&command, &environment));
        let (process, socket) = match starting.await {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => return Death::of(format!("could not be started: {error}")),
            Err(_) => return Death::of("could not be started"),
        };
        let module = self.config.module.display();
        tracing::info!(%module, process = process.id(), "started a worker process");
        let end = connection::speak(self, socket).await;
        // Nobody who called waits for the process to be gone.
        self.dead();
        let ended = tokio::task::spawn_blocking(move || process.end()).await;
        match end {
            End::Gone | End::Closed => Death::of(ended.unwrap_or_else(|_| "ended".to_owned())),
            End::Failed(why) => Death {
                why: format!("could not load it: {why}"),
                module: Some(why),
            },
            End::NotReady => Death::of("did not load it in time and was killed"),
            End::Silent => Death::of("gave no sign of life and was killed"),
            End::Hung => Death::of("was killed, for every session hung in it"),
            End::Protocol(error) => Death::of(format!("was killed, for it sent {error}")),
        }
    }

    /// The worker is gone, how will show: calls under way fail, later ones wait for the next.
    fn dead(&self) {
        self.pins.lost();
        self.over(Phase::Starting, "died");
    }

    fn over(&self, phase: Phase, why: &str) {
        let mut state = lock(&self.state);
        // Those who came after its death wait for the next, unless that is a while.
        if phase != Phase::Starting || state.phase == Phase::Up {
            state.fail(&TokenError::WorkerDied(why.to_owned()));
        }
        state.phase = phase;
        state.hung = 0;
        state.died = Some(why.to_owned());
    }
}
