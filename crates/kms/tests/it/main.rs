//! The whole crate from outside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy excuses test functions alone"
)]

mod access;
mod ciphertext;
mod cloudhsm;
mod coverage;
mod crash;
mod cryptography;
mod double_encryption;
mod front;
mod identity;
mod key_stores;
mod keys;
mod lifecycle;
mod metrics;
mod quotas;
mod rotation;
mod state;
mod states;
mod support;
mod tampering;
mod trail;
