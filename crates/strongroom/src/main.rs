//! The `strongroom` command.

use std::process::ExitCode;

use clap::Parser;
use strongroom::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse()).into()
}
