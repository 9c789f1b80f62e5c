//! How the log is doing, for health and for refusing work at the door.

use std::time::Duration;

use ambient::Moment;

/// How the log is doing at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Whether records become durable.
    pub health: Health,
    /// How long the oldest write and sync under way has run; `None` when none is.
    pub syncing_for: Option<Duration>,
    /// Records accepted and not yet durable.
    pub pending_records: usize,
    /// Bytes accepted and not yet durable.
    pub pending_bytes: usize,
    /// Whether the next segment is ready; `Failed` is the early warning of a full disk.
    pub spare: SpareState,
}

/// Whether records become durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// They do.
    Writing,
    /// A write or sync runs for longer than `stall_after_ms`; it may still succeed.
    Stalled {
        /// When it began.
        since: Moment,
    },
    /// A batch could be written neither to the current segment nor to a new one. Appends are
    /// refused; the batch is tried again until it works, which ends this state.
    Failing {
        /// When that began.
        since: Moment,
        /// What the medium said last, for the operator.
        cause: String,
    },
    /// The log was closed.
    Closed,
}

/// Whether the next segment is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpareState {
    /// It lies allocated on the disk.
    Ready,
    /// It is being made.
    Preparing,
    /// It could not be made; the current segment still takes records until it is full.
    Failed(String),
}
