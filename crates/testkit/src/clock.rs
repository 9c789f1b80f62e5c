//! A clock that follows Tokio's, which tests can pause.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Moment, Timestamp};

/// Tokio's clock: timers, moments and the wall clock then agree, under a paused clock too.
pub struct TokioClock {
    began: tokio::time::Instant,
    wall: Timestamp,
}

impl TokioClock {
    /// Starts now, with `wall` on the wall clock. Needs a Tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "the one source of a paused clock")]
    pub fn start(wall: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            began: tokio::time::Instant::now(),
            wall,
        })
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.wall.saturating_add(self.elapsed())
    }

    fn moment(&self) -> Moment {
        Moment::from_nanos(0).saturating_add(self.elapsed())
    }
}
