//! The threads with the sessions, and the bounded queue before them.
//!
//! A thread that does not come back from the module cannot be ended; it is marked hung and another
//! takes its place, as long as no more than twice the number of sessions exist. One that comes back
//! after all takes part again if there is room, and else closes its session and ends.
//!
//! In the process of the callers a thread is woken for each call. In a worker process calls come in
//! batches, and a thread is woken only if those that are awake would take too long with them
//! ([`PATIENCE`]): with a module that answers in microseconds, waking costs more than the call.

mod threads;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ambient::Moment;
use tokio::sync::{Notify, oneshot};

use crate::calls::{Answer, Call};
use crate::error::TokenError;
use crate::module::lock;
use crate::session::{Lane, Shared};
use threads::{Count, Job, Threads};

/// As much work may wait for a thread that is awake before another is woken.
const PATIENCE: Duration = Duration::from_micros(200);
/// If calls take no longer than this, an answer may wait for the next one.
const BRISK: Duration = Duration::from_micros(60);
/// How often [`Pool::tick`] is due while there is work.
pub(crate) const TICK: Duration = Duration::from_millis(2);

pub(crate) type Reply = Result<Answer, TokenError>;

/// Where answers go.
pub(crate) trait Desk: Send + Sync + 'static {
    /// The way to the caller of one call.
    type Ticket: Send + 'static;

    /// Whether nobody waits for the answer any more.
    fn is_void(&self, ticket: &Self::Ticket) -> bool;

    /// Answers; with `more`, the next answer follows at once.
    fn answer(&self, ticket: Self::Ticket, reply: Reply, more: bool);

    /// The last answer for now was given.
    fn rest(&self);
}

/// Callers in this process.
pub(crate) struct Callers;

impl Desk for Callers {
    type Ticket = oneshot::Sender<Reply>;

    fn is_void(&self, ticket: &Self::Ticket) -> bool {
        ticket.is_closed()
    }

    fn answer(&self, ticket: Self::Ticket, reply: Reply, _more: bool) {
        // A caller who went away is none.
        let _ = ticket.send(reply);
    }

    fn rest(&self) {}
}

/// The threads of one token. Dropped, it ends those that are idle, and the others when they are.
pub(crate) struct Pool<D: Desk>(Arc<Inner<D>>);

struct Inner<D: Desk> {
    desk: Arc<D>,
    shared: Arc<Shared>,
    sessions: usize,
    queue: usize,
    deadline: Duration,
    state: Mutex<Threads<D::Ticket>>,
    work: Condvar,
    ended: Notify,
}

/// What [`Pool::tick`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Threads that hang in the module.
    pub(crate) hung: usize,
    /// Whether any call is under way or waits.
    pub(crate) busy: bool,
}

impl<D: Desk> Pool<D> {
    pub(crate) fn new(
        desk: Arc<D>,
        shared: Arc<Shared>,
        sessions: usize,
        queue: usize,
        deadline: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            desk,
            shared,
            sessions,
            queue,
            deadline,
            state: Mutex::new(Threads::new()),
            work: Condvar::new(),
            ended: Notify::new(),
        }))
    }

    pub(crate) fn count(&self) -> Count {
        let mut state = lock(&self.0.state);
        state.mark_hung(self.0.shared.clock.moment());
        state.count()
    }

    /// A thread more. It counts as idle from now on, so that a call that comes meanwhile does not
    /// start another for the same work.
    fn spawn(&self, state: &mut Threads<D::Ticket>) -> Result<(), TokenError> {
        let number = state.next;
        state.next += 1;
        let inner = Arc::clone(&self.0);
        thread::Builder::new()
            .name(format!("pkcs11-{number}"))
            .spawn(move || inner.serve(number))
            .map_err(|_| TokenError::Busy)?;
        state.add(number);
        Ok(())
    }

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
        let never_done = std::mem::take(&mut state.queue);
        drop(state);
        drop(never_done);
        self.0.work.notify_all();
    }
}

impl Pool<Callers> {
    /// Does `call` in some session, within the deadline.
    pub(crate) async fn run(&self, call: Call) -> Reply {
        let deadline = call.deadline(self.0.deadline);
        let (number, reply) = self.submit(call)?;
        match tokio::time::timeout(deadline, reply).await {
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
        state.mark_hung(now);
        state.queue.retain(|job| !job.ticket.is_closed());
        let count = state.count();
        let spare = state.idle.saturating_sub(state.queue.len());
        if spare == 0 && count.room(inner.sessions) && !(state.is_scarce(now) && count.working > 0) {
            self.spawn(&mut state)?;
        } else if count.working == 0 {
            return Err(TokenError::Hung);
        } else if spare == 0 && state.queue.len() >= inner.queue {
            return Err(TokenError::Busy);
        }
        let (reply, receiver) = oneshot::channel();
        let number = state.push(call, reply, now);
        let notify = state.rouse();
        drop(state);
        if notify {
            inner.work.notify_one();
        }
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
}

/// In a worker process: calls in batches, and somebody who calls [`Pool::tick`] while there is work.
impl<D: Desk> Pool<D> {
    /// Takes calls; those beyond the queue's bound are answered [`TokenError::Busy`].
    pub(crate) fn submit_all(&self, calls: impl Iterator<Item = (Call, D::Ticket)>) {
        let inner = &self.0;
        let now = inner.shared.clock.moment();
        let mut refused = Vec::new();
        let mut state = lock(&inner.state);
        for (call, ticket) in calls {
            if state.closed {
                refused.push((ticket, TokenError::Closed));
            } else if state.queue.len() >= inner.queue {
                refused.push((ticket, TokenError::Busy));
            } else {
                state.push(call, ticket, now);
            }
        }
        let queued = state.queue.len();
        let backlog = state.pace * u32::try_from(queued).unwrap_or(u32::MAX);
        let wanted = usize::try_from(backlog.as_micros().div_ceil(PATIENCE.as_micros())).unwrap_or(queued);
        let running = state.count().working.saturating_sub(state.idle);
        let mut notify = 0;
        while state.coming < queued && running + state.coming < wanted.max(1) {
            match self.one_more(&mut state, now) {
                Some(asleep) => notify += usize::from(asleep),
                None => break,
            }
        }
        drop(state);
        (0..notify).for_each(|_| inner.work.notify_one());
        for (ticket, error) in refused {
            inner.desk.answer(ticket, Err(error), false);
        }
    }

    /// Another thread for the queue: woken (then it is to be notified) or new.
    fn one_more(&self, state: &mut Threads<D::Ticket>, now: Moment) -> Option<bool> {
        if state.rouse() {
            return Some(true);
        }
        let count = state.count();
        let room = count.room(self.0.sessions) && !(state.is_scarce(now) && count.working > 0);
        (room && self.spawn(state).is_ok()).then_some(false)
    }

    /// Looks after what time alone brings: threads that hang, calls that waited too long, and calls
    /// that wait for a thread that turned out to be slow.
    pub(crate) fn tick(&self) -> Tick {
        let inner = &self.0;
        let now = inner.shared.clock.moment();
        let mut state = lock(&inner.state);
        state.mark_hung(now);
        let mut over = Vec::new();
        // Once around, for not all have the same deadline.
        for _ in 0..state.queue.len() {
            let Some(job) = state.queue.pop_front() else { break };
            if now.saturating_since(job.since) >= job.call.deadline(inner.deadline) {
                over.push(job);
            } else {
                state.queue.push_back(job);
            }
        }
        let waits = |job: &Job<D::Ticket>| now.saturating_since(job.since) >= TICK;
        let notify = state.queue.front().is_some_and(waits)
            && state.coming == 0
            && self.one_more(&mut state, now) == Some(true);
        let count = state.count();
        let busy = !state.queue.is_empty() || state.threads.values().any(|thread| thread.job.is_some());
        drop(state);
        if notify {
            inner.work.notify_one();
        }
        for job in over {
            inner.desk.answer(job.ticket, Err(TokenError::TimedOut), false);
        }
        Tick {
            hung: count.hung,
            busy,
        }
    }
}

impl<D: Desk> Drop for Pool<D> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Takes a thread off the list however it ends, a panic in the module's wrapper included.
struct Listed<'a, D: Desk>(&'a Inner<D>, u64);

impl<D: Desk> Drop for Listed<'_, D> {
    fn drop(&mut self) {
        lock(&self.0.state).threads.remove(&self.1);
        self.0.ended.notify_waiters();
    }
}

impl<D: Desk> Inner<D> {
    fn serve(&self, number: u64) {
        let _listed = Listed(self, number);
        let mut lane = Lane::new(Arc::clone(&self.shared));
        let mut started = lock(&self.state);
        started.coming = started.coming.saturating_sub(1);
        drop(started);
        while let Some((job, since)) = self.next(number) {
            let reply = lane.execute(&job.call);
            if !self.finish(number, job, since, reply, lane.is_open()) {
                break;
            }
        }
        self.desk.rest();
    }

    /// Waits for a job; `None` when the pool is closed.
    fn next(&self, number: u64) -> Option<(Job<D::Ticket>, Moment)> {
        let mut rested = false;
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                state.idle = state.idle.saturating_sub(1);
                return None;
            }
            if let Some(job) = state.queue.pop_front() {
                if self.desk.is_void(&job.ticket) {
                    continue;
                }
                state.idle = state.idle.saturating_sub(1);
                let now = self.shared.clock.moment();
                if let Some(thread) = state.threads.get_mut(&number) {
                    let due = now.saturating_add(job.call.deadline(self.deadline));
                    thread.job = Some((job.number, due));
                }
                return Some((job, now));
            }
            if !rested {
                drop(state);
                self.desk.rest();
                rested = true;
                state = lock(&self.state);
                continue;
            }
            state.waiting += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            state.coming = state.coming.saturating_sub(1);
        }
    }

    /// Answers, and says whether the thread goes on.
    fn finish(
        &self,
        number: u64,
        job: Job<D::Ticket>,
        since: Moment,
        reply: Reply,
        has_session: bool,
    ) -> bool {
        let now = self.shared.clock.moment();
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
            state.scarce_since = Some(now);
            state.queue.push_front(job);
            let notify = state.rouse();
            drop(state);
            if notify {
                self.work.notify_one();
            }
            return false;
        }
        let surplus = was_hung && state.count().working >= self.sessions;
        if !surplus {
            if let Some(thread) = state.threads.get_mut(&number) {
                thread.hung = false;
            }
            state.idle += 1;
        }
        // One slow call says little about the next one.
        let took = now.saturating_since(since).min(10 * PATIENCE);
        state.pace = (7 * state.pace + took) / 8;
        let more = !surplus && !state.queue.is_empty() && state.pace <= BRISK;
        drop(state);
        self.desk.answer(job.ticket, reply, more);
        !surplus
    }

    /// Whether another thread has a session and can do what this one could not get one for; then
    /// this one leaves the list.
    fn hand_over(&self, state: &mut Threads<D::Ticket>, number: u64) -> bool {
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
