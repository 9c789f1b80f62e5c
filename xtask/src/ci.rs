//! `cargo xtask ci`: every stage of CI in order, stopping at the first that fails, and the
//! seconds of each at the end. One profile and one feature set throughout, so that the stages
//! share one build.

use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use anyhow::{Result, bail};

use crate::{arrows, conformance, coverage, shell, test, tools};

struct Stage {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STAGES: &[Stage] = &[
    Stage {
        name: "format",
        run: format,
    },
    Stage {
        name: "arrows",
        run: arrows::run,
    },
    Stage {
        name: "lints",
        run: lints,
    },
    Stage {
        name: "docs",
        run: docs,
    },
    Stage {
        name: "licences",
        run: licences,
    },
    Stage {
        name: "generated files",
        run: generated,
    },
    Stage {
        name: "test",
        run: tests,
    },
];

/// A workspace of its own, which `--workspace` does not reach.
const RUST_CLIENT: &str = "xtask/kms-clients/rust/Cargo.toml";

/// Another, with a PKCS#11 module of the tests.
const KRYOPTIC: &str = "xtask/kryoptic/Cargo.toml";

enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// Runs the stages.
pub(crate) fn run() -> Result<()> {
    let clock = SystemClock;
    let mut rows = Vec::new();
    let mut failure = None;
    for stage in STAGES {
        if failure.is_some() {
            rows.push((stage.name, Duration::ZERO, Outcome::NotRun));
            continue;
        }
        println!("\n== {} ==", stage.name);
        let begin = clock.moment();
        let result = (stage.run)();
        let spent = clock.moment().saturating_since(begin);
        let outcome = if result.is_ok() {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        rows.push((stage.name, spent, outcome));
        if let Err(error) = result {
            println!("{error:#}");
            failure = Some(stage.name);
        }
    }
    print_table(&rows);
    match failure {
        Some(name) => bail!("stage `{name}` failed"),
        None => Ok(()),
    }
}

fn print_table(rows: &[(&str, Duration, Outcome)]) {
    println!("\n{:<16} {:>8}  outcome", "stage", "seconds");
    for (name, spent, outcome) in rows {
        let word = match outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::NotRun => "not run",
        };
        println!("{name:<16} {:>8.1}  {word}", spent.as_secs_f64());
    }
    let total: Duration = rows.iter().map(|(_, spent, _)| *spent).sum();
    println!("{:<16} {:>8.1}", "total", total.as_secs_f64());
}

fn format() -> Result<()> {
    let mut command = shell::cargo(["fmt", "--all", "--check"])?;
    shell::run(&mut command, "run `cargo fmt --all`")?;
    let mut client = shell::cargo(["fmt", "--check", "--manifest-path", RUST_CLIENT])?;
    let next = format!("run `cargo fmt --manifest-path {RUST_CLIENT}`");
    shell::run(&mut client, &next)
}

fn lints() -> Result<()> {
    let mut command = shell::cargo([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ])?;
    shell::run(&mut command, "mend what clippy shows above")
}

fn docs() -> Result<()> {
    let mut command = shell::cargo(["doc", "--quiet", "--workspace", "--no-deps", "--locked"])?;
    command.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(&mut command, "mend the documentation as shown above")
}

fn licences() -> Result<()> {
    let deny = tools::cargo_deny()?;
    for manifest in ["Cargo.toml", RUST_CLIENT, KRYOPTIC] {
        let mut command = shell::command(&deny)?;
        command.args([
            "--log-level",
            "error",
            "--config",
            "deny.toml",
            "--manifest-path",
            manifest,
        ]);
        command.args(["check", "bans", "licenses", "sources"]);
        shell::run(&mut command, "change the dependency, or deny.toml with a reason")?;
    }
    Ok(())
}

fn generated() -> Result<()> {
    conformance::run(&conformance::Options { check: true })?;
    coverage::run(&coverage::Options { check: true })
}

fn tests() -> Result<()> {
    test::run(&test::Options::default())
}
