//! Disks that misbehave on order, as media of the audit log.
//!
//! [`SimulatedDisk`] lies in memory, keeps apart what was synced and what was not, and loses any
//! part of the latter in a simulated power loss. [`SlowDisk`] delays a real one.

mod simulated;
mod slow;
mod state;

pub use simulated::{HeldSyncs, SimulatedDisk};
pub use slow::SlowDisk;
