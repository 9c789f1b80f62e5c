//! Limits of documents, at their exact values.

use iam::limits::{KEY_POLICY_BYTES, QUESTION_MARKS};
use iam::{Policy, PolicyKind, Problem};

const KINDS: [PolicyKind; 7] = [
    PolicyKind::Key,
    PolicyKind::Identity,
    PolicyKind::Boundary,
    PolicyKind::Session,
    PolicyKind::ServiceControl,
    PolicyKind::Trust,
    PolicyKind::VpcEndpoint,
];

fn of_length(kind: PolicyKind, length: usize) -> String {
    let start = match kind {
        PolicyKind::Trust => r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"a:b"},"Id":""#,
        kind if kind.names_principals() => {
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"a:b","Resource":"*"},"Id":""#
        }
        _ => r#"{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"},"Id":""#,
    };
    let filler = "x".repeat(length - start.len() - 2);
    format!("{start}{filler}\"}}")
}

#[test]
fn every_kind_has_its_length() {
    for kind in KINDS {
        let most = of_length(kind, kind.max_chars());
        assert!(Policy::parse(&most, kind).is_ok(), "{kind:?} at its limit");
        let error = Policy::parse(&of_length(kind, kind.max_chars() + 1), kind).expect_err("one more");
        assert_eq!(error.problem, Problem::TooLarge, "{kind:?}");
    }
}

#[test]
fn white_space_counts_where_aws_counts_it() {
    for kind in KINDS {
        let spaced = format!(" {}", of_length(kind, kind.max_chars()));
        let counts = matches!(kind, PolicyKind::Key | PolicyKind::Session);
        assert_eq!(Policy::parse(&spaced, kind).is_err(), counts, "{kind:?}");
    }
}

#[test]
fn a_key_policy_is_measured_in_bytes() {
    let letters = of_length(PolicyKind::Key, KEY_POLICY_BYTES).replacen('x', "é", 1);
    let error = Policy::parse(&letters, PolicyKind::Key).expect_err("one byte more");
    assert_eq!(error.problem, Problem::TooLarge);
}

#[test]
fn question_marks_are_counted_in_all_texts_however_they_are_written() {
    let document = |marks: usize| {
        let half = r"\u003f".repeat(marks / 2);
        let rest = "?".repeat(marks - marks / 2);
        format!(
            r#"{{"Statement":[{{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*",
            "Condition":{{"StringLike":{{"kms:EncryptionContext:a":["*{half}b","*{rest}c"]}}}}}}]}}"#
        )
    };
    assert!(Policy::parse(&document(QUESTION_MARKS), PolicyKind::Key).is_ok());
    let error = Policy::parse(&document(QUESTION_MARKS + 1), PolicyKind::Key).expect_err("one more");
    assert_eq!(error.problem, Problem::TooManyWildcards);
}

#[test]
fn nesting_beyond_the_grammar_is_refused_at_once() {
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    for kind in KINDS {
        assert!(Policy::parse(&deep, kind).is_err());
    }
}

#[test]
fn a_pattern_made_to_be_slow_is_not() {
    // Exponential matchers never finish this.
    let pattern = "*a".repeat(2_000);
    let document = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"kms:*","Resource":"*",
            "Condition":{{"StringLike":{{"kms:EncryptionContext:k":"{pattern}b"}}}}}}}}"#
    );
    let policy = Policy::parse(&document, PolicyKind::Identity).expect("a policy");
    let alice = iam::Principal::parse("arn:aws:iam::111122223333:user/alice").expect("a user");
    let mut context = iam::Context::new();
    context.encryption_context([("k".to_owned(), "a".repeat(8_000))]);
    let request = iam::AccessRequest {
        principal: &alice,
        action: "kms:Encrypt",
        target: iam::Target {
            arn: "*",
            account: "111122223333",
        },
        context: &context,
        new_grant: None,
    };
    let identity = [iam::NamedPolicy {
        name: "p",
        policy: &policy,
    }];
    let inputs = iam::Inputs {
        identity_policies: &identity,
        ..iam::Inputs::default()
    };
    assert!(!iam::decide(&request, &inputs).is_allowed());
}
