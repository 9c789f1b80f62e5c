//! The `strongroom` command: its grammar, its configuration, and the composition of all crates.
//!
//! This is the one crate that names concrete key managers, stores and seals. What it promises:
//! - [`server::Server`] is the whole server as a value: the binary, the tests and the benchmark
//!   start the same one. Clock, randomness and the audit log's medium are arguments.
//! - A configuration is taken over whole or not at all, at start and at SIGHUP; what is unknown in
//!   it is refused with line and column.
//! - An error says what to do next; exit codes are stable ([`cli::Exit`]).
//! - A log that nobody reads holds up no request ([`logging`]).

pub mod cli;
pub mod config;
pub mod data_dir;
pub mod dev;
mod hsm;
mod import_sample;
pub mod init;
pub mod kms;
pub mod logging;
mod serve;
pub mod server;
mod told;
