//! `docs/conformance.md` as text.

use std::fmt::Write as _;

use super::requirements::{Group, Requirement, Requirements, Who};
use super::tests_by_name::NamedTest;

const HEAD: &str = "\
# Conformance to the XKS Proxy API, version 1.0.3

Written by `cargo xtask conformance`; CI fails when it is stale. Every MUST, MUST NOT and SHOULD on
the proxy's side names the tests that hold it (`cargo test <name>` runs one). Requirements of KMS
and of the operator are listed for completeness. The words are ours; those that bind are the
specification's.
";

/// The whole page.
pub(super) fn render(requirements: &Requirements, tests: &[NamedTest]) -> String {
    let mut page = HEAD.to_owned();
    for group in requirements.groups() {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n| id | level | requirement | tests |\n|---|---|---|---|\n",
            group.title
        );
        for requirement in &group.requirements {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} |",
                requirement.id(group),
                requirement.level.word(),
                requirement.text.replace('|', "\\|"),
                held_by(group, requirement, tests)
            );
        }
    }
    page
}

fn held_by(group: &Group, requirement: &Requirement, tests: &[NamedTest]) -> String {
    let names: Vec<String> = tests
        .iter()
        .filter(|test| test.group == group.name && test.number == requirement.number)
        .map(|test| format!("{}: `{}`", test.package, test.function))
        .collect();
    match (names.is_empty(), requirement.who) {
        (false, _) => names.join("<br>"),
        (true, Who::Proxy) => "–".to_owned(),
        (true, Who::Kms) => "(kms)".to_owned(),
        (true, Who::Operator) => "(operator)".to_owned(),
    }
}
