//! The API's model, as the crate that carries it prints it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::shell;

#[derive(Deserialize)]
pub(super) struct Model {
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) supported: bool,
    pub(super) input: Vec<Member>,
    pub(super) errors: Vec<String>,
    pub(super) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) shape: String,
    pub(super) required: bool,
}

/// A type; what it is in botocore's words.
#[derive(Deserialize)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) min: Option<u32>,
    pub(super) max: Option<u32>,
    pub(super) pattern: Option<String>,
    #[serde(rename = "enum")]
    pub(super) words: Option<Vec<String>>,
    pub(super) member: Option<String>,
}

/// A value that the tests send.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) member: String,
    pub(super) what: String,
    pub(super) allowed: bool,
}

impl Model {
    pub(super) fn load() -> Result<Self> {
        let mut command = model_command()?;
        let text = shell::read(&mut command, "mend what the compiler shows above")?;
        Self::parse(&text)
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("the example `model` of kms-api prints something else")
    }
}

/// What prints the model.
pub(crate) fn model_command() -> Result<std::process::Command> {
    shell::cargo([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "kms-api",
        "--example",
        "model",
    ])
}
