//! The project's chores: `cargo xtask help` lists them.
//!
//! One file per chore. `ci` is what `.ci/run` runs; `test` is the README's test command, and
//! fetches whatever it needs. What takes long to compile (the load generator) is a crate of its
//! own, `xtask/bench`, so that this one is built in seconds.
#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]
#![expect(clippy::print_stderr, reason = "a command-line tool shows its progress")]

mod arrows;
mod bench;
mod ci;
mod compiled_tests;
mod conformance;
mod coverage;
pub mod dev_server;
mod fuzz;
mod shell;
mod test;
mod tools;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The command line.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The project's chores",
    disable_version_flag = true
)]
pub struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that CI checks, with the seconds of each stage
    Ci,
    /// Install what the tests need, run them, then drive the proxy with real clients
    Test(test::Options),
    /// Hold the crates' dependencies against the architecture's table
    Arrows,
    /// Write docs/conformance.md from the tests named by requirement id
    Conformance(conformance::Options),
    /// Write docs/kms-coverage.md from the tests named by operation and error
    Coverage(coverage::Options),
    /// Measure the proxy against a null server (release build)
    #[command(disable_help_flag = true)]
    Bench(bench::Options),
    /// Run the fuzz targets under libFuzzer (needs a nightly toolchain)
    Fuzz(fuzz::Options),
}

/// Does the chore that the command line names.
///
/// # Errors
/// Whatever failed, with the next step.
pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.chore {
        Chore::Ci => ci::run(),
        Chore::Test(options) => test::run(options),
        Chore::Arrows => arrows::run(),
        Chore::Conformance(options) => conformance::run(options),
        Chore::Coverage(options) => coverage::run(options),
        Chore::Bench(options) => bench::run(options),
        Chore::Fuzz(options) => fuzz::run(options),
    }
}
