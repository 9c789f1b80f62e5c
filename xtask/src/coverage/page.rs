//! `docs/kms-coverage.md` as text.

use std::fmt::Write as _;

use super::evidence::{self, Evidence};
use super::model::{Member, Model, Operation, Shape};
use super::unproduced::Unproduced;

const HEAD: &str = "\
# What of the AWS KMS API the KMS endpoint does

Written by `cargo xtask coverage`; CI fails when it is stale. Each row names the test that shows it
(`cargo test <name>` runs one). The model is that of botocore, against which the clients' tests hold
ours: operations, members, constraints and errors.
";

/// The whole page.
pub(super) fn render(model: &Model, evidence: &Evidence, unproduced: &Unproduced) -> String {
    let mut page = HEAD.to_owned();
    summary(&mut page, model, evidence);
    for (name, operation) in &model.operations {
        section(&mut page, model, name, operation, evidence, unproduced);
    }
    page.push_str("\n## Why some errors are never answered\n\n");
    for (index, reason) in unproduced.reason.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{}. {}", index + 1, reason.text);
    }
    page
}

fn summary(page: &mut String, model: &Model, evidence: &Evidence) {
    let all = model.operations.values();
    let supported = all.clone().filter(|operation| operation.supported).count();
    let cases: usize = all.clone().map(|operation| operation.cases.len()).sum();
    let errors: usize = model
        .operations
        .iter()
        .map(|(name, operation)| {
            let errors = operation.errors.iter();
            errors
                .filter(|error| evidence.of_error(name, error).is_some())
                .count()
        })
        .sum();
    let listed: usize = all
        .clone()
        .filter(|its| its.supported)
        .map(|its| its.errors.len())
        .sum();
    let left_out = model.operations.iter().filter(|(_, its)| !its.supported);
    let left_out: Vec<&str> = left_out.map(|(name, _)| name.as_str()).collect();
    let _ = write!(
        page,
        "\n- {supported} of {} operations work; the others answer as AWS answers what it does not support:\n  \
         {}.\n\
         - {errors} of the {listed} errors that the model lists for those are produced; the others have a reason.\n\
         - {cases} requests at a bound of a member and one past it: {}. One past a bound is a\n  \
         `ValidationException` that names the member; at the bound it is not.\n\
         - Every operation on a key in every state: {}.\n",
        all.len(),
        left_out.join(", "),
        named(evidence.constraints.as_deref(), evidence::CONSTRAINTS),
        named(evidence.states.as_deref(), evidence::STATES),
    );
}

fn named(package: Option<&str>, test: &str) -> String {
    package.map_or_else(|| "–".to_owned(), |package| format!("{package}: `{test}`"))
}

fn section(
    page: &mut String,
    model: &Model,
    name: &str,
    operation: &Operation,
    evidence: &Evidence,
    unproduced: &Unproduced,
) {
    let what = if operation.supported {
        "Works"
    } else {
        "Left out, and refused as AWS refuses"
    };
    let test = named(evidence.of(name), &evidence::expected(name, operation.supported));
    let _ = write!(page, "\n## {name}\n\n{what}: {test}.\n");
    if operation.supported {
        errors(page, name, operation, evidence, unproduced);
    }
    if !operation.input.is_empty() {
        page.push_str("\n| member | type | at the bound | one past |\n|---|---|---|---|\n");
        for member in &operation.input {
            constraint(page, model, operation, member);
        }
    }
}

fn errors(
    page: &mut String,
    name: &str,
    operation: &Operation,
    evidence: &Evidence,
    unproduced: &Unproduced,
) {
    page.push_str("\n| error | produced by |\n|---|---|\n");
    for error in &operation.errors {
        let by = match (evidence.of_error(name, error), unproduced.reason(name, error)) {
            (Some(package), _) => format!("{package}: `{}`", evidence::expected_error(name, error)),
            (None, Some(number)) => format!("– (reason {number})"),
            (None, None) => "–".to_owned(),
        };
        let _ = writeln!(page, "| {error} | {by} |");
    }
}

fn constraint(page: &mut String, model: &Model, operation: &Operation, member: &Member) {
    let tried = |allowed: bool| -> String {
        let cases = operation.cases.iter();
        let cases = cases.filter(|case| case.member == member.name && case.allowed == allowed);
        let mut all: Vec<&str> = cases.map(|case| case.what.as_str()).collect();
        if all.len() > MANY {
            let rest = all.len() - FIRST;
            all.truncate(FIRST);
            return escaped(&format!("{} and {rest} more", all.join("; ")));
        }
        escaped(&all.join("; "))
    };
    let kind = model.shapes.get(&member.shape).map(described).unwrap_or_default();
    let required = if member.required { ", required" } else { "" };
    let _ = writeln!(
        page,
        "| {} | {}{kind}{required} | {} | {} |",
        member.name,
        member.shape,
        tried(true),
        tried(false)
    );
}

/// Lists of more values than this are cut.
const MANY: usize = 8;
const FIRST: usize = 3;

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

/// `: string, 1–2048`
fn described(shape: &Shape) -> String {
    let mut text = format!(": {}", shape.kind);
    if let Some(member) = &shape.member {
        let _ = write!(text, " of {member}");
    }
    if let (Some(min), Some(max)) = (shape.min, shape.max) {
        let _ = write!(text, ", {min}–{max}");
    }
    if let Some(words) = &shape.words {
        let _ = write!(text, ", {} words", words.len());
    }
    if shape.pattern.is_some() {
        text.push_str(", pattern");
    }
    text
}
