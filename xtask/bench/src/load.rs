//! Load on one server, and what it cost: every worker holds at most one connection and one
//! request at a time, on the load's core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::{Clock as _, Moment, SystemClock};
use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use crate::connection::{Connection, Dialer};
use crate::machine;
use crate::requests::Pool;
use crate::sample::Sample;

/// How a worker behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// One request after another over a kept connection.
    KeepAlive,
    /// Connect, full handshake, goodbye.
    Handshake,
    /// Connect, full handshake, one request, goodbye; timed as a whole.
    FirstAnswer,
    /// Requests at fixed moments, so many a second over all workers; timed from the moment when
    /// one was due, so that waiting counts.
    OpenLoop { per_second: u32 },
}

/// One measurement.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) shape: Shape,
    pub(crate) workers: u32,
    pub(crate) seconds: Duration,
    pub(crate) pool: Arc<Pool>,
}

/// Before anything counts: caches fill, connections are made.
const WARM_UP: Duration = Duration::from_millis(400);

struct Flags {
    counting: AtomicBool,
    stop: AtomicBool,
}

impl Load {
    /// Puts this load on the server with process id `pid`.
    pub(crate) async fn run(&self, dialer: &Dialer, pid: u32) -> Result<Sample> {
        self.run_on(dialer, &[pid]).await
    }

    /// The same where several processes do the server's work.
    pub(crate) async fn run_on(&self, dialer: &Dialer, pids: &[u32]) -> Result<Sample> {
        let flags = Arc::new(Flags {
            counting: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let mut workers = JoinSet::new();
        let begin = SystemClock.moment();
        for number in 0..self.workers {
            let worker = Worker {
                number,
                load: self.clone(),
                dialer: dialer.clone(),
                flags: Arc::clone(&flags),
                begin,
                sample: Sample::default(),
            };
            workers.spawn(worker.run());
        }
        tokio::time::sleep(WARM_UP).await;
        let used_before = cpu_time(pids)?;
        let counted_from = SystemClock.moment();
        flags.counting.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.seconds).await;
        flags.counting.store(false, Ordering::Relaxed);
        let used = cpu_time(pids)?.saturating_sub(used_before);
        let elapsed = SystemClock.moment().saturating_since(counted_from);
        flags.stop.store(true, Ordering::Relaxed);
        let mut total = Sample::over(elapsed, used);
        while let Some(sample) = workers.join_next().await {
            total.add(sample.context("a worker panicked")?);
        }
        Ok(total)
    }
}

fn cpu_time(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| machine::cpu_time(*pid)).sum()
}

struct Worker {
    number: u32,
    load: Load,
    dialer: Dialer,
    flags: Arc<Flags>,
    begin: Moment,
    sample: Sample,
}

impl Worker {
    async fn run(mut self) -> Sample {
        let mut connection = None;
        let spread = usize::try_from(self.number).unwrap_or(0) * 31;
        for turn in 0_u32.. {
            if self.flags.stop.load(Ordering::Relaxed) {
                break;
            }
            let begin = self.due(turn).await;
            let number = spread + usize::try_from(turn).unwrap_or(0);
            let outcome = self.once(&mut connection, number).await;
            let spent = SystemClock.moment().saturating_since(begin);
            if self.flags.counting.load(Ordering::Relaxed) {
                self.sample.count(outcome.as_ref().ok().copied(), spent);
            }
            if outcome.is_err() {
                connection = None;
            }
        }
        if let Some(connection) = connection {
            connection.close().await;
        }
        self.sample
    }

    /// Waits for this turn's moment and returns it.
    async fn due(&self, turn: u32) -> Moment {
        let Shape::OpenLoop { per_second } = self.load.shape else {
            return SystemClock.moment();
        };
        let place = u64::from(turn) * u64::from(self.load.workers) + u64::from(self.number);
        let after = Duration::from_nanos(place.saturating_mul(1_000_000_000) / u64::from(per_second.max(1)));
        let due = self.begin.saturating_add(after);
        let wait = due.saturating_since(SystemClock.moment());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        due
    }

    /// One request or handshake; the status of its answer.
    async fn once(&self, kept: &mut Option<Connection>, number: usize) -> Result<u16> {
        let request = self.load.pool.get(number);
        match self.load.shape {
            Shape::KeepAlive | Shape::OpenLoop { .. } => {
                let connection = match kept {
                    Some(connection) => connection,
                    None => kept.insert(self.dialer.dial().await?),
                };
                Ok(connection.exchange(request).await?.status)
            }
            Shape::Handshake => {
                self.dialer.dial().await?.close().await;
                Ok(200)
            }
            Shape::FirstAnswer => {
                let mut connection = self.dialer.dial().await?;
                let status = connection.exchange(request).await?.status;
                connection.close().await;
                Ok(status)
            }
        }
    }
}
