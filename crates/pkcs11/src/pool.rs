//! The threads with the sessions, and the bounded queue before them.
//!
//! A thread that does not come back from the module cannot be ended; it is marked hung and another
//! takes its place, as long as no more than twice the number of sessions exist. One that comes back
//! after all takes part again if there is room, and else closes its session and ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ambient::Moment;
use tokio::sync::{Notify, oneshot};

use crate::calls::{Answer, Call};
use crate::error::TokenError;
use crate::module::lock;
use crate::session::{Lane, Shared};

/// After the token gave no further session, none is asked for during this time.
const SESSIONS_SCARCE: Duration = Duration::from_secs(1);

type Reply = Result<Answer, TokenError>;

/// The threads of one token. Dropped, it ends those that are idle, and the others when they are.
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    sessions: usize,
    queue: usize,
    deadline: Duration,
    state: Mutex<Threads>,
    work: Condvar,
    ended: Notify,
}

#[derive(Default)]
struct Threads {
    queue: VecDeque<Job>,
    threads: BTreeMap<u64, Thread>,
    idle: usize,
    next: u64,
    closed: bool,
    scarce_since: Option<Moment>,
}

struct Job {
    number: u64,
    call: Call,
    reply: oneshot::Sender<Reply>,
}

/// What a thread does.
#[derive(Default)]
struct Thread {
    job: Option<(u64, Moment)>,
    hung: bool,
    has_session: bool,
}

/// How many threads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) working: usize,
    pub(crate) hung: usize,
}

impl Count {
    /// Whether a thread more may be started.
    const fn room(self, sessions: usize) -> bool {
        self.working < sessions && self.working + self.hung < 2 * sessions
    }

    /// Whether no thread is left, and none may be started.
    pub(crate) const fn all_hang(self, sessions: usize) -> bool {
        self.working == 0 && self.hung >= 2 * sessions
    }
}

impl Threads {
    fn count(&self) -> Count {
        let hung = self.threads.values().filter(|thread| thread.hung).count();
        Count {
            working: self.threads.len() - hung,
            hung,
        }
    }

    /// Marks the threads whose call is older than `deadline`, whoever still waits for it.
    fn mark_hung(&mut self, now: Moment, deadline: Duration) {
        for thread in self.threads.values_mut() {
            let over = |(_, since): (u64, Moment)| now.saturating_since(since) >= deadline;
            thread.hung |= thread.job.is_some_and(over);
        }
    }
}

impl Pool {
    pub(crate) fn new(shared: Arc<Shared>, sessions: usize, queue: usize, deadline: Duration) -> Self {
        Self(Arc::new(Inner {
            shared,
            sessions,
            queue,
            deadline,
            state: Mutex::default(),
            work: Condvar::new(),
            ended: Notify::new(),
        }))
    }

    pub(crate) fn count(&self) -> Count {
        let mut state = lock(&self.0.state);
        state.mark_hung(self.0.shared.clock.moment(), self.0.deadline);
        state.count()
    }

    /// Does `call` in some session, within the deadline.
    pub(crate) async fn run(&self, call: Call) -> Reply {
        let (number, reply) = self.submit(call)?;
        match tokio::time::timeout(self.0.deadline, reply).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(TokenError::Closed),
            Err(_) => {
                self.overrun(number);
                Err(TokenError::TimedOut)
            }
        }
    }

    fn submit(&self, call: Call) -> Result<(u64, oneshot::Receiver<Reply>), TokenError> {
        let inner = &self.0;
        let now = inner.shared.clock.moment();
        let mut state = lock(&inner.state);
        if state.closed {
            return Err(TokenError::Closed);
        }
        // Those whose callers went away count only here.
        state.mark_hung(now, inner.deadline);
        state.queue.retain(|job| !job.reply.is_closed());
        let count = state.count();
        let spare = state.idle.saturating_sub(state.queue.len());
        let scarce = state
            .scarce_since
            .is_some_and(|since| now.saturating_since(since) < SESSIONS_SCARCE);
        let room = count.room(inner.sessions);
        if spare == 0 && room && !(scarce && count.working > 0) {
            self.spawn(&mut state)?;
        } else if count.working == 0 {
            return Err(TokenError::Hung);
        } else if spare == 0 && state.queue.len() >= inner.queue {
            return Err(TokenError::Busy);
        }
        let number = state.next;
        state.next += 1;
        let (reply, receiver) = oneshot::channel();
        state.queue.push_back(Job { number, call, reply });
        drop(state);
        inner.work.notify_one();
        Ok((number, receiver))
    }

    /// Nobody waits for this call any more. If a thread has it, that thread hangs.
    fn overrun(&self, number: u64) {
        let mut state = lock(&self.0.state);
        state.queue.retain(|job| job.number != number);
        for thread in state.threads.values_mut() {
            thread.hung |= thread.job.is_some_and(|(job, _)| job == number);
        }
        // Calls that waited for that thread get another.
        let count = state.count();
        if count.room(self.0.sessions) && !state.queue.is_empty() {
            let _ = self.spawn(&mut state);
        }
    }

    /// A thread more. It counts as idle from now on, so that a call that comes meanwhile does not
    /// start another for the same work.
    fn spawn(&self, state: &mut Threads) -> Result<(), TokenError> {
        let number = state.next;
        state.next += 1;
        let inner = Arc::clone(&self.0);
        thread::Builder::new()
            .name(format!("pkcs11-{number}"))
            .spawn(move || inner.serve(number))
            .map_err(|_| TokenError::Busy)?;
        state.threads.insert(number, Thread::default());
        state.idle += 1;
        Ok(())
    }
}

impl Pool {
    /// Takes no call any more, and waits, at most for the deadline, until every thread closed its
    /// session.
    pub(crate) async fn close(&self) {
        self.stop();
        let ended = async {
            loop {
                let ended = self.0.ended.notified();
                if lock(&self.0.state).threads.is_empty() {
                    return;
                }
                ended.await;
            }
        };
        // A thread that hangs is left behind.
        let _ = tokio::time::timeout(self.0.deadline, ended).await;
    }

    fn stop(&self) {
        let mut state = lock(&self.0.state);
        state.closed = true;
        state.queue.clear();
        drop(state);
        self.0.work.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Takes a thread off the list however it ends, a panic in the module's wrapper included.
struct Listed<'a>(&'a Inner, u64);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).threads.remove(&self.1);
        self.0.ended.notify_waiters();
    }
}

impl Inner {
    fn serve(&self, number: u64) {
        let _listed = Listed(self, number);
        let mut lane = Lane::new(Arc::clone(&self.shared));
        while let Some(job) = self.next(number) {
            let reply = lane.execute(&job.call);
            if !self.finish(number, job, reply, lane.is_open()) {
                break;
            }
        }
    }

    /// Waits for a job; `None` when the pool is closed.
    fn next(&self, number: u64) -> Option<Job> {
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                state.idle = state.idle.saturating_sub(1);
                return None;
            }
            if let Some(job) = state.queue.pop_front() {
                if job.reply.is_closed() {
                    continue;
                }
                state.idle = state.idle.saturating_sub(1);
                let now = self.shared.clock.moment();
                if let Some(thread) = state.threads.get_mut(&number) {
                    thread.job = Some((job.number, now));
                }
                return Some(job);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers, and says whether the thread goes on.
    fn finish(&self, number: u64, job: Job, reply: Reply, has_session: bool) -> bool {
        let mut state = lock(&self.state);
        let was_hung = match state.threads.get_mut(&number) {
            Some(thread) => {
                thread.job = None;
                thread.has_session = has_session;
                thread.hung
            }
            None => false,
        };
        if matches!(reply, Err(TokenError::SessionsExhausted)) && self.hand_over(&mut state, number) {
            state.scarce_since = Some(self.shared.clock.moment());
            state.queue.push_front(job);
            drop(state);
            self.work.notify_one();
            return false;
        }
        let surplus = was_hung && state.count().working >= self.sessions;
        if !surplus {
            if let Some(thread) = state.threads.get_mut(&number) {
                thread.hung = false;
            }
            state.idle += 1;
        }
        drop(state);
        // A caller who went away is none.
        let _ = job.reply.send(reply);
        !surplus
    }

    /// Whether another thread has a session and can do what this one could not get one for; then
    /// this one leaves the list.
    fn hand_over(&self, state: &mut Threads, number: u64) -> bool {
        let others = state
            .threads
            .iter()
            .any(|(other, thread)| *other != number && thread.has_session && !thread.hung);
        if others {
            state.threads.remove(&number);
        }
        others
    }
}
