//! The worker's side.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use ambient::{Clock, Moment, Random};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;

use super::outbox::Outbox;
use super::wire::{FromWorker, Inbox, PinAnswer, Setup, ToWorker, WireError};
use crate::error::TokenError;
use crate::login::{Gate, Judgement, Keeper, Presented};
use crate::module::{Module, lock};
use crate::pool::{Pool, TICK};
use crate::profile::Profile;
use crate::session::Shared;

/// How often it is looked whether a thread that hung came back, while there is nothing else to do.
const SELDOM: Duration = Duration::from_millis(100);
/// A process that wants to end and cannot, for the module's own clean-up hangs, is killed after this
/// time.
const GRACE: Duration = Duration::from_secs(5);

/// Why a worker could not work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Somebody started it by hand.
    #[error("a worker is started by its server, which speaks with it over its standard input")]
    NotAWorker,
    /// The operating system refused something.
    #[error("the worker cannot be set up: {0}")]
    System(#[from] io::Error),
    /// The server said something that no server says.
    #[error("the server sent {0}")]
    Protocol(#[from] WireError),
}

/// Serves one token to the process that started this one, until that says to end or is gone. The
/// program does nothing else: it calls this first, before it opens anything or starts a thread, and
/// ends when this returns. To be called from outside any async runtime. Its memory is kept from dumps
/// and tracers; keeping it from swap (`seal::harden`) is the program's part.
///
/// # Errors
/// [`WorkerError`] says why nothing was served.
pub fn run(clock: &Arc<dyn Clock>, random: &Arc<dyn Random>) -> Result<(), WorkerError> {
    let mut socket = socket()?;
    harden();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    ignore_signals(&runtime)?;
    let mut inbox = Inbox::new();
    let Some(setup) = first(&mut socket, &mut inbox)? else {
        return Ok(());
    };
    let outbox = Arc::new(Outbox::new(socket.try_clone()?, Arc::clone(clock)));
    let (pins, answers) = mpsc::channel();
    let worker = Arc::new(Worker {
        outbox: Arc::clone(&outbox),
        pool: OnceLock::new(),
    });
    let keeper = FromServer {
        outbox,
        answers: Mutex::new(answers),
    };
    let loading = {
        let (worker, clock, random) = (Arc::clone(&worker), Arc::clone(clock), Arc::clone(random));
        move || worker.load(*setup, Arc::new(keeper), clock, random)
    };
    // In a thread of its own: should the module hang, the end of the server is still noticed.
    thread::Builder::new()
        .name("pkcs11-load".to_owned())
        .spawn(loading)?;
    let listened = worker.listen(pins, &mut socket, &mut inbox, clock.as_ref());
    worker.end(&runtime);
    listened.map_err(Into::into)
}

/// The standard input, which must be a Unix socket; nobody else finds it there any more.
fn socket() -> Result<UnixStream, WorkerError> {
    let own = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = UnixStream::from(own);
    if socket.peer_addr().is_err() {
        return Err(WorkerError::NotAWorker);
    }
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(nothing).map_err(io::Error::from)?;
    Ok(socket)
}

/// As far as the system allows; the server does the same for itself.
fn harden() {
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = rustix::process::setrlimit(Resource::Core, none);
}

/// The signals that are meant for the server: it ends this process when it has no calls any more.
fn ignore_signals(runtime: &Runtime) -> io::Result<()> {
    let _context = runtime.enter();
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        // Once somebody listens, the signal does nothing else for as long as the process lives.
        drop(tokio::signal::unix::signal(kind)?);
    }
    Ok(())
}

fn first(socket: &mut UnixStream, inbox: &mut Inbox) -> Result<Option<Box<Setup>>, WorkerError> {
    loop {
        if let Some(frame) = inbox.frame()? {
            return match ToWorker::decode(frame)? {
                ToWorker::Setup(setup) => Ok(Some(setup)),
                _ => Err(WireError::Malformed("the setup does not come first").into()),
            };
        }
        match socket.read(inbox.room())? {
            0 => return Ok(None),
            count => inbox.filled(count),
        }
    }
}

/// What the threads of a worker share.
struct Worker {
    outbox: Arc<Outbox>,
    pool: OnceLock<Pool<Outbox>>,
}

impl Worker {
    fn load(&self, setup: Setup, keeper: Arc<dyn Keeper>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) {
        let profile = Profile::parse(&setup.profile).map_err(|error| error.to_string());
        let module = Module::load(&setup.module).map_err(|error| match error {
            crate::OpenError::Module(why) => why,
            other => other.to_string(),
        });
        let (profile, module) = match (profile, module) {
            (Ok(profile), Ok(module)) => (profile, module),
            (Err(why), _) | (_, Err(why)) => return self.outbox.send(&FromWorker::Failed(why)),
        };
        let shared = Arc::new(Shared {
            module,
            token: setup.token,
            profile,
            requirements: setup.requirements,
            gate: Gate::new(keeper),
            handles: Mutex::default(),
            clock,
            random,
        });
        let (sessions, deadline) = (setup.sessions, setup.deadline);
        // The server's bound is tighter. This one counts those too whose callers gave up.
        let queue = setup.sessions.saturating_add(setup.queue).saturating_mul(2);
        let outbox = Arc::clone(&self.outbox);
        if self
            .pool
            .set(Pool::new(outbox, shared, sessions, queue, deadline))
            .is_ok()
        {
            self.outbox.send(&FromWorker::Ready);
        }
    }

    /// Reads until the server says to end, or is gone. A session that waits for a PIN then gets none.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "dropped at the end, `pins` wakes who waits"
    )]
    fn listen(
        &self,
        pins: mpsc::Sender<PinAnswer>,
        socket: &mut UnixStream,
        inbox: &mut Inbox,
        clock: &dyn Clock,
    ) -> Result<(), WireError> {
        let mut looks = Looks::new(clock.moment());
        loop {
            let mut calls = Vec::new();
            while let Some(frame) = inbox.frame()? {
                match ToWorker::decode(frame)? {
                    ToWorker::Call { number, call } => calls.push((call, self.outbox.ticket(number))),
                    ToWorker::Pin(answer) => drop(pins.send(answer)),
                    ToWorker::Ping => self.outbox.send(&FromWorker::Pong),
                    ToWorker::Close => return Ok(()),
                    ToWorker::Setup(_) => return Err(WireError::Malformed("a second setup")),
                }
            }
            if let Some(pool) = self.pool.get() {
                let came = !calls.is_empty();
                if came {
                    pool.submit_all(calls.into_iter());
                }
                looks.after(came, clock.moment(), pool, &self.outbox);
            }
            if looks.wait(socket).is_err() {
                return Ok(());
            }
            match socket.read(inbox.room()) {
                Ok(0) => return Ok(()),
                Ok(count) => inbox.filled(count),
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(_) => return Ok(()),
            }
        }
    }

    fn end(&self, runtime: &Runtime) {
        let _ = thread::Builder::new().name("pkcs11-end".to_owned()).spawn(|| {
            thread::sleep(GRACE);
            die();
        });
        // A module that is still loading, or in which a thread hangs, is not asked to clean up.
        let Some(pool) = self.pool.get() else { die() };
        runtime.block_on(pool.close());
        self.outbox.flush();
        if pool.count().working + pool.count().hung > 0 {
            die();
        }
    }
}

/// Ends the process without any more of the module's code.
fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
    std::process::abort()
}

/// When the pool is looked after.
struct Looks {
    last: Moment,
    hung: usize,
    /// How long reading may take before the next look; none is due without.
    every: Option<Duration>,
    /// What the socket was told.
    set: Option<Duration>,
}

impl Looks {
    const fn new(now: Moment) -> Self {
        Self {
            last: now,
            hung: 0,
            every: None,
            set: None,
        }
    }

    fn after(&mut self, calls: bool, now: Moment, pool: &Pool<Outbox>, outbox: &Outbox) {
        if calls && self.every != Some(TICK) {
            // The time until the first look begins.
            self.every = Some(TICK);
            self.last = now;
        }
        let due = self
            .every
            .is_some_and(|every| now.saturating_since(self.last) >= every);
        if !due {
            return;
        }
        self.last = now;
        let tick = pool.tick();
        outbox.flush();
        if tick.hung != self.hung {
            self.hung = tick.hung;
            outbox.send(&FromWorker::Hung(tick.hung));
        }
        self.every = match (tick.busy, tick.hung) {
            (true, _) => Some(TICK),
            (false, 0) => None,
            (false, _) => Some(SELDOM),
        };
    }

    fn wait(&mut self, socket: &UnixStream) -> io::Result<()> {
        if self.set != self.every {
            socket.set_read_timeout(self.every)?;
            self.set = self.every;
        }
        Ok(())
    }
}

/// The PIN's keeper in a worker: asks the server each time.
struct FromServer {
    outbox: Arc<Outbox>,
    answers: Mutex<mpsc::Receiver<PinAnswer>>,
}

impl Keeper for FromServer {
    fn refused(&self) -> Option<TokenError> {
        None
    }

    fn present(&self) -> Result<Option<Presented>, TokenError> {
        self.outbox.send(&FromWorker::WantPin);
        match lock(&self.answers).recv() {
            Ok(PinAnswer::Present { number, pin }) => Ok(Some(Presented {
                number,
                pin: pin.to_auth(),
            })),
            Ok(PinAnswer::NoLogin) => Ok(None),
            Ok(PinAnswer::Refused(error)) => Err(error),
            Err(mpsc::RecvError) => Err(TokenError::Closed),
        }
    }

    fn judged(&self, number: u64, judgement: Judgement) {
        self.outbox.send(&FromWorker::Judged { number, judgement });
    }
}
