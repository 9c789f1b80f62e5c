//! The tests that show something of the AWS KMS API, by their names.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::model::Model;
use crate::compiled_tests::CompiledTest;

/// Sends every member of every operation at its bounds and one past them.
pub(super) const CONSTRAINTS: &str = "kms_constraints_at_every_bound";
/// Tries every operation on a key in every state.
pub(super) const STATES: &str = "kms_states_of_keys";

/// Test names to the packages that have them.
#[derive(Default)]
pub(super) struct Evidence {
    pub(super) constraints: Option<String>,
    pub(super) states: Option<String>,
    operations: BTreeMap<String, String>,
    errors: BTreeMap<(String, String), String>,
}

/// The name of the test that shows that an operation works, or how it is refused.
pub(super) fn expected(operation: &str, supported: bool) -> String {
    let what = if supported { "works" } else { "refused" };
    format!("kms_{what}_{}", snake(operation))
}

/// The name of the test that produces an error.
pub(super) fn expected_error(operation: &str, error: &str) -> String {
    format!("kms_err_{}_{}", snake(operation), snake(error))
}

/// A name of the model in small letters: `KMSInvalidStateException`, `kms_invalid_state_exception`.
fn snake(name: &str) -> String {
    let name = name.replace("CMKs", "Cmks");
    let mut out = String::new();
    let mut chars = name.chars().peekable();
    let mut before = '_';
    while let Some(c) = chars.next() {
        let begins = c.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || (before.is_ascii_uppercase() && chars.peek().is_some_and(char::is_ascii_lowercase)));
        if begins && before != '_' {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

impl Evidence {
    /// Sorts the tests. One whose name begins as one of these and means nothing is a slip of the pen.
    pub(super) fn collect(model: &Model, tests: &[CompiledTest]) -> Result<Self> {
        let mut evidence = Self::default();
        let mut unknown = Vec::new();
        let names = Names::of(model);
        for test in tests.iter().filter(|test| test.path.contains("kms_")) {
            let function = test.proof()?;
            let package = test.package.clone();
            if function == CONSTRAINTS {
                evidence.constraints = Some(package);
            } else if function == STATES {
                evidence.states = Some(package);
            } else if let Some(operation) = names.operations.get(function) {
                evidence.operations.insert(operation.clone(), package);
            } else if let Some(both) = names.errors.get(function) {
                evidence.errors.insert(both.clone(), package);
            } else if ["kms_works_", "kms_refused_", "kms_err_"]
                .iter()
                .any(|prefix| function.starts_with(prefix))
            {
                unknown.push(function.to_owned());
            }
        }
        if !unknown.is_empty() {
            bail!(
                "the model has nothing that these tests could be named after: {}",
                unknown.join(", ")
            );
        }
        Ok(evidence)
    }

    /// The package of the test of this operation.
    pub(super) fn of(&self, operation: &str) -> Option<&str> {
        self.operations.get(operation).map(String::as_str)
    }

    /// The package of the test that produces this error.
    pub(super) fn of_error(&self, operation: &str, error: &str) -> Option<&str> {
        let both = (operation.to_owned(), error.to_owned());
        self.errors.get(&both).map(String::as_str)
    }
}

/// Every name that a test may have.
struct Names {
    operations: BTreeMap<String, String>,
    errors: BTreeMap<String, (String, String)>,
}

impl Names {
    fn of(model: &Model) -> Self {
        let operations = model.operations.iter();
        let errors = operations.clone().flat_map(|(name, operation)| {
            let errors = operation.errors.iter();
            errors.map(move |error| (expected_error(name, error), (name.clone(), error.clone())))
        });
        Self {
            errors: errors.collect(),
            operations: operations
                .map(|(name, operation)| (expected(name, operation.supported), name.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_model_in_small_letters() {
        for (name, expected) in [
            ("Encrypt", "encrypt"),
            ("ReEncrypt", "re_encrypt"),
            ("KMSInvalidStateException", "kms_invalid_state_exception"),
            (
                "CustomKeyStoreHasCMKsException",
                "custom_key_store_has_cmks_exception",
            ),
            (
                "CloudHsmClusterInUseException",
                "cloud_hsm_cluster_in_use_exception",
            ),
            ("ListKeys", "list_keys"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
