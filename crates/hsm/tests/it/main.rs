//! Key managers over the tokens of real modules, SoftHSM 2 (Debian's package) and Kryoptic, each behind
//! the shim that counts and fails on order.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy excuses test functions alone"
)]

mod adoption;
mod config;
mod contract;
mod counters;
mod failover;
mod intruder;
mod kit;
mod lifecycle;
mod replication;
mod rows;
mod tampering;
mod vectors;
mod worker;
