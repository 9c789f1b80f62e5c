//! Root keys under wrapping keys of real tokens, SoftHSM's and Kryoptic's.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy excuses test functions alone"
)]

mod changes;
mod config;
mod kit;
mod refusals;
mod tokens;
