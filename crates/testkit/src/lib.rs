//! Tools that only tests and benchmarks use. No production crate depends on this one.
//!
//! What this crate promises:
//! - [`disk`] has media for an audit log that fail as disks do. A simulated one holds in memory what
//!   was written, loses or reorders at a crash whatever was not synced, and does so the same way for
//!   the same seed; a slow one delays the syncs of a real directory.

pub mod disk;
