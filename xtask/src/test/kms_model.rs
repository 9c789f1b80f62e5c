//! Our model of the AWS KMS API against botocore's: every operation, member, constraint and error.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{coverage, shell};

/// Fails on any difference.
pub(super) fn matches_botocore(python: &Path) -> Result<()> {
    let text = shell::read(
        &mut coverage::model_command()?,
        "mend what the compiler shows above",
    )?;
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let model = directory.path().join("model.json");
    fs::write(&model, text).with_context(|| format!("cannot write {}", model.display()))?;
    let mut command = shell::command(python)?;
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("xtask/kms-clients/model.py")
        .arg(&model);
    shell::run(
        &mut command,
        "correct crates/kms-api/src/schema, or its model's version",
    )
}
