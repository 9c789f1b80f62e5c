//! `cargo xtask test`: installs what is needed, runs the workspace's tests, then drives a real
//! `strongroom dev` with clients that share no code with it.

mod aws_client;
mod clients;
mod cloudhsm;
mod hsm_server;
mod kms_clients;
mod kms_model;
mod printed_aws;
mod tutorials;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Deserialize;

use crate::dev_server::DevServer;
use crate::{shell, tools};
use hsm_server::HsmServer;
use software_hsm::{Product, SoftwareHsm};

/// What turns the short runs of the tests into long ones: 200 instead of 20 `kill -9`, and eight
/// times the seeds of the crash simulation.
const FULL: [(&str, &str); 2] = [("STRONGROOM_FULL", "1"), ("STRONGROOM_CRASH_SEEDS", "40000")];

/// How much to test.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Also the long runs: more seeds of the simulations, more `kill -9`
    #[arg(long)]
    full: bool,
    /// Also AWS's own test client, from this checkout of aws-kms-xksproxy-test-client
    #[arg(long, value_name = "DIR")]
    xks_test_client: Option<PathBuf>,
    /// Only the clients' runs, without the workspace's own tests
    #[arg(long)]
    clients_only: bool,
}

/// Runs everything, stopping at the first failure.
pub(crate) fn run(options: &Options) -> Result<()> {
    tools::install_packages()?;
    let python = tools::environment()?;
    let kms_tools = kms_clients::Tools::install(&python)?;
    let kryoptic = tools::kryoptic()?;
    if !options.clients_only {
        workspace_tests(options.full, &kryoptic)?;
    }
    kms_model::matches_botocore(&python)?;
    let strongroom = build_strongroom()?;
    let server = DevServer::start(&strongroom)?;
    clients::printed_lines(&server)?;
    clients::curl(server.xks())?;
    clients::botocore(&server.data_dir().join("dev.json"), &python)?;
    for program in kms_tools.aws_clis() {
        printed_aws::run(&server, program)?;
        tutorials::ci_script(&strongroom, program)?;
    }
    kms_clients::run(&server, &strongroom, &kms_tools)?;
    cloudhsm::run(&strongroom, &kms_tools)?;
    if let Some(checkout) = &options.xks_test_client {
        tools::install_xks_test_client_packages()?;
        aws_client::run(&server, &strongroom, checkout)?;
    }
    server.stop()?;
    with_keys_in_hsms(options, &strongroom, &python, kryoptic)
}

/// The proxy's clients again, with keys in HSMs.
fn with_keys_in_hsms(options: &Options, strongroom: &Path, python: &Path, kryoptic: PathBuf) -> Result<()> {
    let softhsm = Product::SoftHsm;
    for (name, product, module) in [
        ("SoftHSM", softhsm, softhsm.module()),
        ("Kryoptic", Product::Kryoptic, kryoptic),
    ] {
        println!("with keys in {name}:");
        let hsm = SoftwareHsm::of(product, module, &[hsm_server::TOKEN]);
        let server = HsmServer::start(strongroom, &hsm)?;
        clients::curl(server.xks())?;
        clients::botocore(&server.contract()?, python)?;
        if let Some(checkout) = &options.xks_test_client {
            aws_client::run_on_hsm(&server, checkout, name)?;
        }
        server.stop()?;
    }
    Ok(())
}

fn workspace_tests(full: bool, kryoptic: &Path) -> Result<()> {
    println!(
        "for runs by hand: export {}={}",
        tools::KRYOPTIC_VARIABLE,
        kryoptic.display()
    );
    let mut command = shell::cargo(["test", "--workspace", "--locked"])?;
    command.env(tools::KRYOPTIC_VARIABLE, kryoptic);
    if full {
        command.envs(FULL);
    }
    shell::run(
        &mut command,
        "mend what fails above; `cargo test -p <crate> <name>` runs one test",
    )
}

/// Builds the binary with the features that the tests were built with, and returns its path.
fn build_strongroom() -> Result<PathBuf> {
    let mut command = shell::cargo([
        "build",
        "--workspace",
        "--bin",
        "strongroom",
        "--locked",
        "--message-format",
        "json-render-diagnostics",
    ])?;
    command.stderr(std::process::Stdio::inherit());
    let messages = shell::read(&mut command, "mend what the compiler shows above")?;
    messages
        .lines()
        .filter_map(executable)
        .next_back()
        .context("cargo built no binary named `strongroom`")
}

/// The binary that one line of cargo's messages tells of.
fn executable(message: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    serde_json::from_str::<Message>(message).ok()?.executable
}
