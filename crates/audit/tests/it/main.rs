//! The log under test, on simulated and real disks. One binary; see the modules.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy excuses test functions alone"
)]

mod append;
mod crash;
mod directory;
mod faults;
mod format;
mod integrity;
mod reader;
mod support;
