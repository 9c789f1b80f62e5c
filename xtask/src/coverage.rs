//! `cargo xtask coverage`: what of the AWS KMS API the KMS endpoint does, and which test shows it.
//!
//! The API's model is asked of the crate that carries it (example `model` of `kms-api`), and the
//! tests of the compiled test binaries. Their names say what they show:
//! `kms_works_<operation>`, `kms_refused_<operation>` (of what is left out), and
//! `kms_err_<operation>_<error>`. An error that no test produces needs a reason
//! (`xtask/kms-unproduced.toml`). `--check` fails when the page is stale; both ways fail on a gap.

mod evidence;
mod model;
mod page;
mod unproduced;

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{compiled_tests, shell};
use evidence::Evidence;
use model::Model;
pub(crate) use model::model_command;
use unproduced::Unproduced;

/// How to run the chore.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail if docs/kms-coverage.md is not what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

const PAGE: &str = "docs/kms-coverage.md";

/// Writes or checks the page.
pub(crate) fn run(options: &Options) -> Result<()> {
    let model = Model::load()?;
    let unproduced = Unproduced::load(&model)?;
    let evidence = Evidence::collect(&model, compiled_tests::all()?)?;
    let text = page::render(&model, &evidence, &unproduced);
    let path = shell::root()?.join(PAGE);
    if options.check {
        let written = fs::read_to_string(&path).unwrap_or_default();
        if written != text {
            bail!("{PAGE} is stale; run `cargo xtask coverage` and commit it");
        }
    } else {
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {PAGE}");
    }
    refuse_gaps(&model, &evidence, &unproduced)
}

fn refuse_gaps(model: &Model, evidence: &Evidence, unproduced: &Unproduced) -> Result<()> {
    let gaps = gaps(model, evidence, unproduced);
    if !gaps.is_empty() {
        bail!(
            "{} gaps: {}\nwrite the tests, or say in {} why nothing can produce an error",
            gaps.len(),
            gaps.join("; "),
            unproduced::PATH
        );
    }
    Ok(())
}

/// What no test shows, and reasons that a test disproves.
fn gaps(model: &Model, evidence: &Evidence, unproduced: &Unproduced) -> Vec<String> {
    let mut gaps = Vec::new();
    if evidence.constraints.is_none() {
        gaps.push(format!("no test {}", evidence::CONSTRAINTS));
    }
    if evidence.states.is_none() {
        gaps.push(format!("no test {}", evidence::STATES));
    }
    for (name, operation) in &model.operations {
        if evidence.of(name).is_none() {
            gaps.push(format!(
                "no test {}",
                evidence::expected(name, operation.supported)
            ));
        }
        for error in operation.errors.iter().filter(|_| operation.supported) {
            let produced = evidence.of_error(name, error).is_some();
            match (produced, unproduced.reason(name, error)) {
                (false, None) => gaps.push(format!("no test {}", evidence::expected_error(name, error))),
                (true, Some(_)) => {
                    gaps.push(format!("{name} does produce {error}, against the reason given"));
                }
                _ => {}
            }
        }
    }
    gaps
}

#[cfg(test)]
mod tests;
