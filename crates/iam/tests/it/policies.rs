//! What the parser accepts, row by row of `cases/policies.txt`.

use iam::{Policy, PolicyKind, Problem};

fn kind(name: &str) -> PolicyKind {
    match name {
        "Key" => PolicyKind::Key,
        "Identity" => PolicyKind::Identity,
        "Boundary" => PolicyKind::Boundary,
        "Session" => PolicyKind::Session,
        "ServiceControl" => PolicyKind::ServiceControl,
        "Trust" => PolicyKind::Trust,
        "VpcEndpoint" => PolicyKind::VpcEndpoint,
        _ => panic!("no such kind: {name}"),
    }
}

#[test]
fn documents_are_accepted_or_refused_for_their_problem() {
    let text = crate::data::text("policies.txt");
    let mut names = std::collections::HashSet::new();
    for row in crate::data::rows(&text) {
        let (name, of, expected) = (row[0], kind(row[1]), row[2].trim_end_matches(" |"));
        assert!(names.insert(name.to_owned()), "{name} stands twice");
        let document = row
            .get(3)
            .copied()
            .unwrap_or_default()
            .replace("[S", r#"[{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#);
        let found = match Policy::parse(&document, of) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => match error.problem {
                Problem::Json { .. } => "Json".to_owned(),
                problem => format!("{problem:?}"),
            },
        };
        assert_eq!(found, expected, "{name}");
    }
    assert!(names.len() >= 90, "only {} cases", names.len());
}

#[test]
fn principals_of_a_policy_are_told() {
    let document = r#"{"Statement":[
        {"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/a"]},"Action":"kms:*"},
        {"Effect":"Deny","NotPrincipal":"*","Action":"kms:*"}]}"#;
    let policy = Policy::parse(document, PolicyKind::Key).expect("a policy");
    assert_eq!(policy.principals().count(), 3);
    assert_eq!(policy.kind(), PolicyKind::Key);
}

#[test]
fn a_problem_says_where_it_is() {
    let document = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"No"}]}"#;
    let error = Policy::parse(document, PolicyKind::Identity).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "A statement's effect is neither Allow nor Deny (statement 2)"
    );
    let document = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":
        {"ForAllValues:StringEquals":{"kms:EncryptionContext:a":"b"}}}}"#;
    let error = Policy::parse(document, PolicyKind::Identity).expect_err("refused");
    assert!(
        error.to_string().starts_with("OverlyPermissiveCondition"),
        "{error}"
    );
}
