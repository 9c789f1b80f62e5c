//! Ctrl-C and its like, for commands that have something to put away first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Whether somebody asked us to end. What runs looks at it between its calls, each of which has a
/// deadline; dropping a call half-way would leave in the token what it makes.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Somebody did.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; what it had made in the token was removed")]
pub(crate) struct Interrupted;

impl Stop {
    /// Catches the signals from now on. Must be called in a runtime.
    pub(crate) fn catch() -> anyhow::Result<Self> {
        let stop = Self::default();
        for kind in [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ] {
            let mut signals = signal(kind)?;
            let asked = stop.clone();
            drop(tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    asked.0.store(true, Ordering::Relaxed);
                }
            }));
        }
        Ok(stop)
    }

    /// To be called between two calls.
    pub(crate) fn look(&self) -> Result<(), Interrupted> {
        if self.asked() {
            return Err(Interrupted);
        }
        Ok(())
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
