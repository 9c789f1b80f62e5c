//! Why some errors of the model are never answered.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::model::Model;
use crate::shell;

pub(super) const PATH: &str = "xtask/kms-unproduced.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unproduced {
    pub(super) reason: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    pub(super) text: String,
    pub(super) errors: Vec<String>,
    /// The operations that it holds for; all of the model if absent.
    pub(super) operations: Option<Vec<String>>,
}

impl Unproduced {
    pub(super) fn load(model: &Model) -> Result<Self> {
        let path = shell::root()?.join(PATH);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text, model).with_context(|| format!("in {}", path.display()))
    }

    pub(super) fn parse(text: &str, model: &Model) -> Result<Self> {
        let all: Self = toml::from_str(text)?;
        for reason in &all.reason {
            for name in reason.operations.iter().flatten() {
                ensure!(
                    model.operations.contains_key(name),
                    "there is no operation {name}"
                );
            }
            for error in &reason.errors {
                let used = model
                    .operations
                    .iter()
                    .any(|(name, operation)| operation.errors.contains(error) && reason.covers(name));
                ensure!(used, "no operation that is named lists {error}");
            }
        }
        Ok(all)
    }

    /// Its number on the page, from 1, and the reason.
    pub(super) fn reason(&self, operation: &str, error: &str) -> Option<usize> {
        let covers =
            |reason: &Reason| reason.errors.iter().any(|its| its == error) && reason.covers(operation);
        self.reason.iter().position(covers).map(|index| index + 1)
    }
}

impl Reason {
    fn covers(&self, operation: &str) -> bool {
        let operations = self.operations.as_ref();
        operations.is_none_or(|names| names.iter().any(|name| name == operation))
    }
}
