//! `cargo xtask bench`: what one request costs, against what hyper and rustls cost anyway.
//!
//! Three servers take turns under the same load: a *null server* (bare hyper and tokio-rustls,
//! constant answers of the same length), our `listener` with a constant behind it, and the whole
//! proxy as `strongroom dev` runs it. Servers share one core, the load has another. The measure
//! is requests per second of the server's CPU time: it does not depend on who is faster, server
//! or load.
//!
//! The proxy with its key in an HSM is measured beside the bare module and the null server ([`hsm`]).
//!
//! The KMS endpoint is measured in the same way, beside a null server and moto's KMS ([`kms`]).
#![expect(clippy::print_stdout, reason = "the result of a command-line tool")]
#![expect(clippy::print_stderr, reason = "a command-line tool shows its progress")]

mod certificate;
mod compare;
mod connection;
mod hsm;
mod kms;
mod listener_server;
mod load;
mod machine;
mod null_server;
mod report;
mod requests;
mod rows;
mod sample;
mod server_process;
mod slow_disk;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Measure the proxy against a null server",
    disable_version_flag = true
)]
struct Arguments {
    #[command(subcommand)]
    serve: Option<Serve>,
    #[command(flatten)]
    options: compare::Options,
}

#[derive(Subcommand)]
enum Serve {
    /// One of the servers under measurement (started by the measurement itself)
    #[command(hide = true)]
    Serve { kind: Served, directory: PathBuf },
}

#[derive(Clone, Copy, ValueEnum)]
enum Served {
    Null,
    NullHttp,
    Listener,
    Slow,
    Module,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.serve {
        // As `#[tokio::main]` makes it: a worker for each core that the process may use, here one.
        Some(Serve::Serve { kind, directory }) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            match kind {
                Served::Null => runtime.block_on(null_server::serve(&directory)),
                Served::NullHttp => runtime.block_on(null_server::serve_plain()),
                Served::Listener => runtime.block_on(listener_server::serve(&directory)),
                Served::Module => hsm::module::serve(&directory),
                Served::Slow => runtime.block_on(slow_disk::serve(&directory)),
            }
        }
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let report = runtime.block_on(compare::run(&arguments.options))?;
            if arguments.options.json {
                println!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                print!("{}", report.table());
            }
            Ok(())
        }
    }
}
