//! The `strongroom` command.

use std::process::ExitCode;

use clap::Parser;
use strongroom::cli::{self, Cli};

/// The request path allocates some forty times a request; this allocator takes half of what the C
/// library's does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(Cli::parse()).into()
}
