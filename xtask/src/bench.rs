//! `cargo xtask bench`: builds the load generator, the null server and the proxy in release mode
//! and hands over to them (`xtask/bench`).

use anyhow::Result;
use clap::Args;

use crate::{shell, tools};

/// Passed on as they stand; `cargo xtask bench -- --help` explains them.
#[derive(Args)]
pub(crate) struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds, then runs the measurements.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut build = shell::cargo([
        "build",
        "--release",
        "--package",
        "bench",
        "--package",
        "strongroom",
    ])?;
    shell::run(&mut build, "mend what the compiler shows above")?;
    let mut bench = shell::cargo(["run", "--quiet", "--release", "--package", "bench", "--"])?;
    // moto's server is measured beside the KMS endpoint.
    bench.arg("--python").arg(tools::environment()?);
    bench.args(&options.arguments);
    shell::run(&mut bench, "see the lines above")
}
