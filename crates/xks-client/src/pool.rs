//! Connections kept for the next request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::Moment;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connection::Connection;

/// Idle connections kept for each key store.
pub const MAX_IDLE: usize = 64;
/// Requests under way at once for each key store. At KMS's 1,800 requests a second a proxy that takes
/// the whole 250 ms has 450 of them; those beyond wait, within their own deadline.
pub const MAX_IN_FLIGHT: usize = 512;
/// An idle connection older than this is not used again: proxies and load balancers close theirs
/// after a minute.
const MAX_IDLE_TIME: Duration = Duration::from_secs(50);

pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
    in_flight: Semaphore,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            idle: Mutex::default(),
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
        }
    }

    /// Leave to have a request under way.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.in_flight.acquire().await.ok()
    }

    /// The connection used last that can still be used; older ones met on the way are dropped.
    pub(crate) fn take(&self, now: Moment) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some(connection) = idle.pop() {
            if now.saturating_since(connection.used) >= MAX_IDLE_TIME {
                // Those below are older still.
                idle.clear();
                return None;
            }
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    pub(crate) fn put(&self, mut connection: Connection, now: Moment) {
        connection.used = now;
        let mut idle = self.idle();
        if idle.len() >= MAX_IDLE {
            idle.remove(0);
        }
        idle.push(connection);
    }

    /// Drops what lies idle since before `moment`.
    pub(crate) fn clear_before(&self, moment: Moment) {
        self.idle().retain(|connection| connection.used >= moment);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
