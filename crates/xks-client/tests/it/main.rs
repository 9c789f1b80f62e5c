//! The client against a proxy that does what the test orders, and against the real listener.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy excuses test functions alone"
)]

mod answers;
mod connections;
mod failures;
mod faults;
mod kit;
mod listener;
mod real_proxy;
mod sockets;
mod time;
mod transport;
mod wire;
