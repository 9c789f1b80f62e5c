//! Tokens on the real SoftHSM 2 (Debian's package), through the shim that counts and fails on order.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy excuses test functions alone"
)]

mod codes;
mod faults;
mod functions;
mod hangs;
mod iv;
mod keys;
mod kit;
mod logins;
mod profiles;
mod slots;
mod steady;
mod worker;
