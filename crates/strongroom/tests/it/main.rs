//! The real binary, over its real sockets: port 0, directories of its own, no sleeps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod clusters;
mod config;
mod crash;
mod dev;
mod floods;
mod help;
mod hsm_cli;
mod hsm_faults;
mod hsm_seal;
mod hsm_served;
mod import_sample;
mod key_lifecycle;
mod kms;
mod logs;
mod mtls;
mod recovery;
mod reload;
mod roles;
mod roots;
mod rotation;
mod shutdown;
mod sql;
mod support;
mod tour;
