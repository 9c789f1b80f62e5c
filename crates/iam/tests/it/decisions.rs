//! Decisions, case by case of `cases/decisions.txt`.

use iam::{Considered, Effect, Outcome};

use crate::scenario::{Scenario, scenarios};

fn all() -> Vec<Scenario> {
    scenarios(&crate::data::text("decisions.txt"))
}

#[test]
fn decisions_are_as_aws_documents() {
    let scenarios = all();
    let mut names = std::collections::HashSet::new();
    for scenario in &scenarios {
        assert!(names.insert(&scenario.name), "{} stands twice", scenario.name);
        assert_eq!(scenario.decision(), scenario.expect, "{}", scenario.name);
    }
    assert!(scenarios.len() >= 150, "only {} cases", scenarios.len());
}

#[test]
fn an_explanation_tells_of_every_statement_and_names_the_deciding_one() {
    for scenario in all() {
        scenario.run(|_, explanation| {
            let told = explanation
                .considered
                .iter()
                .filter(|one| matches!(one, Considered::Statement { .. }));
            let written = scenario.asked();
            // A case without a key policy is given one statement for somebody else.
            let told = told.count();
            assert!(told >= written && told <= written + 1, "{}", scenario.name);
            if scenario.expect.starts_with("deny explicit") {
                let applies = |one: &Considered<'_>| {
                    matches!(
                        one,
                        Considered::Statement {
                            effect: Effect::Deny,
                            outcome: Outcome::Applies(_),
                            ..
                        }
                    )
                };
                assert!(explanation.considered.iter().any(applies), "{}", scenario.name);
            }
        });
    }
}

#[test]
fn a_statement_that_does_not_apply_says_why() {
    let text = r#"
== reasons
key Allow alice kms:Decrypt *
key Allow bob kms:* *
key Allow alice kms:* other
key Allow alice kms:* -
key Allow alice kms:* * {"Bool":{"aws:SecureTransport":"true"},"StringLike":{"KMS:ViaService":"x*"}}
key Allow account kms:* *
grant g1 bob Encrypt
grant g2 alice Decrypt
grant g3 alice Encrypt equals a=b
with aws:SecureTransport true
"#;
    let lines = scenarios(text)[0].run(|_, explanation| {
        explanation
            .considered
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    });
    assert_eq!(
        lines,
        [
            "resource-based policy, statement 1: Allow is for other actions",
            "resource-based policy, statement 2: Allow is for other principals",
            "resource-based policy, statement 3: Allow is for other resources",
            "resource-based policy, statement 4: Allow has no effect: it lacks an action or a resource",
            "resource-based policy, statement 5: Allow does not apply: StringLike on KMS:ViaService does not hold",
            "resource-based policy, statement 6: Allow applies to the caller's account",
            "grant g1: is for another principal",
            "grant g2: is for other operations",
            "grant g3: does not permit: its constraint does not hold",
        ]
    );
}
