//! Clock and randomness as arguments.
//!
//! Whatever depends on the time or on chance takes an [`Arc<dyn Clock>`](Clock) or an
//! [`Arc<dyn Random>`](Random); clippy forbids every other source (`clippy.toml`). So a test can
//! hold the clock still, and count, repeat or fail the randomness, through the same code that
//! production runs.

mod clock;
mod random;

pub use clock::{Clock, ManualClock, Moment, SystemClock, Timestamp};
pub use random::{CountingRandom, FailingRandom, Random, RandomUnavailable, SeededRandom, SystemRandom};
