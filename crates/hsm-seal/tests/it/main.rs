//! Root keys under wrapping keys of real tokens, SoftHSM's and Kryoptic's.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod changes;
mod config;
mod kit;
mod refusals;
mod tokens;
