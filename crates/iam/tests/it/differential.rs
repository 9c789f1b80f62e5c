//! Against an independent evaluator, the crate `iam-rs`. Where the two disagree, AWS's documents must
//! say that we are right: each such difference has its line in [`Difference`].
//!
//! Two ways: every condition operator over a grid of values, where each disagreement is attributed; and
//! whole generated policies from which the known differences are left out, where there must be none.

use std::collections::BTreeSet;

use iam::{
    AccessRequest, Context, Decision, DenialReason, Inputs, NamedPolicy, Policy, PolicyKind, Principal,
    ResourcePolicy, Target, decide, keys,
};
use iam_rs::{
    Arn, ContextValue, IAMPolicy, IAMRequest, PolicyEvaluator, Principal as OtherPrincipal, PrincipalId,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";

/// Why `iam-rs` decides otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// IAM User Guide, *ARN condition operators*: `ArnEquals` and `ArnLike` behave identically, so
    /// `ArnEquals` has wildcards. There `ArnEquals` compares texts.
    ArnEqualsHasWildcards,
    /// Same page: each of the six colon-delimited components is checked separately. There a wildcard
    /// of `ArnLike` reaches over colons, and a value need not be an ARN.
    ArnWildcardsStayInTheirPart,
    /// IAM User Guide, *Multivalued context keys*: such keys require a set operator. There a plain
    /// operator takes any of the values.
    ListsNeedSetOperators,
    /// IAM User Guide, *Binary condition operators*: the values are compared byte for byte. There the
    /// Base64 texts are compared without case.
    BinaryHasCase,
    /// IAM User Guide, *String condition operators*, ignoring case: not of ASCII letters only.
    CaseBeyondAscii,
    /// IAM User Guide, *Condition*: values of the request context are texts, whatever they mean;
    /// `StringEquals` with `"true"` matches a truth value. There types must be equal.
    ValuesAreTexts,
    /// IAM User Guide, *Variables and tags*: variables stand in conditions as well. There they are
    /// replaced in `Resource` only.
    VariablesInConditions,
}

/// What `iam-rs` and we say: allowed, explicitly denied, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Allow,
    Deny,
    Nothing,
}

fn ours(
    document: &Value,
    kind: PolicyKind,
    caller: &str,
    action: &str,
    resource: &str,
    given: &[Given],
) -> Said {
    let policy =
        Policy::parse(&document.to_string(), kind).unwrap_or_else(|error| panic!("{error}: {document}"));
    let principal = Principal::parse(caller).expect("a caller");
    let mut context = Context::new();
    context.text(keys::USER_NAME, "alice");
    for given in given {
        match &given.value {
            Value::Bool(value) => context.boolean(keys::MULTI_REGION, *value),
            Value::Number(value) => {
                context.number(keys::ROTATION_PERIOD_IN_DAYS, value.as_i64().expect("whole"))
            }
            Value::String(text) => context.other(given.key, [text.clone()]),
            Value::Array(values) => context.list(
                keys::TAG_KEYS,
                values
                    .iter()
                    .map(|value| value.as_str().expect("a text").to_owned()),
            ),
            _ => panic!("no such value"),
        };
    }
    let named = [NamedPolicy {
        name: "p",
        policy: &policy,
    }];
    let inputs = match kind {
        PolicyKind::Key => Inputs {
            resource_policy: ResourcePolicy::Policy(&policy),
            ..Inputs::default()
        },
        _ => Inputs {
            identity_policies: &named,
            ..Inputs::default()
        },
    };
    let target = Target {
        arn: resource,
        account: "111122223333",
    };
    let request = AccessRequest {
        principal: &principal,
        action,
        target,
        context: &context,
        new_grant: None,
    };
    match decide(&request, &inputs) {
        Decision::Allowed(_) => Said::Allow,
        Decision::Denied(denial) => match denial.reason {
            DenialReason::ExplicitDeny(_) => Said::Deny,
            _ => Said::Nothing,
        },
    }
}

fn theirs(document: &Value, caller: &str, action: &str, resource: &str, given: &[Given]) -> Said {
    let policy: IAMPolicy =
        serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{error}: {document}"));
    let mut context = iam_rs::Context::new();
    context.insert(
        "aws:username".to_owned(),
        ContextValue::String("alice".to_owned()),
    );
    for given in given {
        let value = match &given.value {
            Value::Bool(value) => ContextValue::Boolean(*value),
            Value::Number(value) => ContextValue::Number(value.as_f64().expect("a number")),
            Value::String(text) => ContextValue::String(text.clone()),
            Value::Array(values) => ContextValue::StringList(
                values
                    .iter()
                    .map(|value| value.as_str().expect("a text").to_owned())
                    .collect(),
            ),
            _ => panic!("no such value"),
        };
        context.insert(given.key.to_owned(), value);
    }
    let principal = OtherPrincipal::Aws(PrincipalId::String(caller.to_owned()));
    let arn = Arn::parse(resource).expect("an ARN");
    let request = IAMRequest::new_with_context(principal, action, arn, context);
    match PolicyEvaluator::with_policies(vec![policy])
        .evaluate(&request)
        .expect("evaluates")
        .decision
    {
        iam_rs::Decision::Allow => Said::Allow,
        iam_rs::Decision::Deny => Said::Deny,
        iam_rs::Decision::NotApplicable => Said::Nothing,
    }
}

/// A key of the request.
#[derive(Clone, Debug)]
struct Given {
    key: &'static str,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    Text,
    Number,
    Date,
    Truth,
    Address,
    Arn,
    Bytes,
}

const OPERATORS: [(&str, Family); 43] = [
    ("StringEquals", Family::Text),
    ("StringNotEquals", Family::Text),
    ("StringEqualsIgnoreCase", Family::Text),
    ("StringNotEqualsIgnoreCase", Family::Text),
    ("StringLike", Family::Text),
    ("StringNotLike", Family::Text),
    ("StringEqualsIfExists", Family::Text),
    ("StringLikeIfExists", Family::Text),
    ("StringNotEqualsIfExists", Family::Text),
    ("ForAnyValue:StringEquals", Family::Text),
    ("ForAnyValue:StringNotEquals", Family::Text),
    ("ForAnyValue:StringLike", Family::Text),
    ("ForAnyValue:StringNotLike", Family::Text),
    ("ForAnyValue:StringEqualsIgnoreCase", Family::Text),
    ("ForAllValues:StringEquals", Family::Text),
    ("ForAllValues:StringNotEquals", Family::Text),
    ("ForAllValues:StringLike", Family::Text),
    ("ForAllValues:StringNotLike", Family::Text),
    ("ForAllValues:StringEqualsIgnoreCase", Family::Text),
    ("NumericEquals", Family::Number),
    ("NumericNotEquals", Family::Number),
    ("NumericLessThan", Family::Number),
    ("NumericLessThanEquals", Family::Number),
    ("NumericGreaterThan", Family::Number),
    ("NumericGreaterThanEquals", Family::Number),
    ("NumericLessThanIfExists", Family::Number),
    ("DateEquals", Family::Date),
    ("DateNotEquals", Family::Date),
    ("DateLessThan", Family::Date),
    ("DateLessThanEquals", Family::Date),
    ("DateGreaterThan", Family::Date),
    ("DateGreaterThanEquals", Family::Date),
    ("Bool", Family::Truth),
    ("BoolIfExists", Family::Truth),
    ("IpAddress", Family::Address),
    ("NotIpAddress", Family::Address),
    ("IpAddressIfExists", Family::Address),
    ("ArnEquals", Family::Arn),
    ("ArnLike", Family::Arn),
    ("ArnNotEquals", Family::Arn),
    ("ArnNotLike", Family::Arn),
    ("BinaryEquals", Family::Bytes),
    ("Null", Family::Truth),
];

/// Values that policies of a family of operators have.
fn policy_values(family: Family) -> Vec<Value> {
    let values = match family {
        Family::Text => json!([
            "a",
            "A",
            "é",
            "É",
            "a*",
            "*",
            "",
            "?",
            "true",
            "365",
            ["a", "b"],
            ["b*", "c?"],
            "${aws:username}"
        ]),
        Family::Number => json!(["365", "365.0", 90, "-1", ["1", "365"], "1.5"]),
        Family::Date => json!([
            "2026-11-22T12:00:00Z",
            "2026-11-22T13:00:00+01:00",
            "1795348800",
            ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]
        ]),
        Family::Truth => json!(["true", "false", true, false]),
        Family::Address => json!([
            "10.0.0.0/8",
            "10.1.2.3",
            "0.0.0.0/0",
            "2001:db8::/32",
            ["192.168.0.0/16", "10.0.0.0/16"]
        ]),
        Family::Arn => json!([
            "arn:aws:iam::111122223333:role/x",
            "arn:aws:iam::*:role/*",
            "arn:aws:*:*:*:*",
            "arn:aws:iam:*:*:y",
            "*",
            ["arn:aws:s3:::b", "arn:aws:iam::111122223333:role/x"],
            "${aws:PrincipalArn}"
        ]),
        Family::Bytes => json!(["aGVsbG8=", "AGVsbG8="]),
    };
    let Value::Array(values) = values else {
        panic!("a list")
    };
    values
}

/// Values that requests have, or none.
fn request_values(family: Family) -> Vec<Option<Given>> {
    let texts = match family {
        Family::Text => json!(["a", "A", "b", "é", "ab", "", "bx", "alice", "true", "365"]),
        Family::Number => json!(["365", "90", "no"]),
        Family::Date => json!([
            "2026-11-22T12:00:00Z",
            "2026-11-22T11:59:59Z",
            "1795348801",
            "2025-06-01T00:00:00Z"
        ]),
        Family::Truth => json!([]),
        Family::Address => json!(["10.0.1.2", "10.1.2.3", "192.168.9.9", "2001:db8::1", "8.8.8.8"]),
        Family::Arn => json!([
            "arn:aws:iam::111122223333:role/x",
            "arn:aws:s3:::b",
            "arn:aws:iam::x:role:y",
            "text"
        ]),
        Family::Bytes => json!(["aGVsbG8=", "AGVsbG8=", "aGVsbG9="]),
    };
    let Value::Array(texts) = texts else {
        panic!("a list")
    };
    let mut given: Vec<Option<Given>> = texts
        .into_iter()
        .map(|value| {
            Some(Given {
                key: "kms:ViaService",
                value,
            })
        })
        .collect();
    given.push(None);
    if matches!(family, Family::Text | Family::Number) {
        given.push(Some(Given {
            key: "kms:RotationPeriodInDays",
            value: json!(365),
        }));
        given.push(Some(Given {
            key: "kms:RotationPeriodInDays",
            value: json!(90),
        }));
    }
    if matches!(family, Family::Text | Family::Truth) {
        given.extend([true, false].map(|value| {
            Some(Given {
                key: "kms:MultiRegion",
                value: json!(value),
            })
        }));
    }
    if family == Family::Text {
        for list in [
            json!([]),
            json!(["a"]),
            json!(["a", "b"]),
            json!(["b", "zz"]),
            json!(["zz"]),
        ] {
            given.push(Some(Given {
                key: "aws:TagKeys",
                value: list,
            }));
        }
    }
    given
}

/// Why the two may disagree on one condition.
fn difference(operator: &str, family: Family, policy: &Value, given: Option<&Given>) -> Option<Difference> {
    let in_policy = |text: &str| policy.to_string().contains(text);
    let value = given.map(|given| &given.value);
    let set_operator = operator.contains(':');
    if in_policy("${") {
        return Some(Difference::VariablesInConditions);
    }
    match (family, value?) {
        (Family::Text, Value::Array(_)) if !set_operator => Some(Difference::ListsNeedSetOperators),
        (Family::Text, Value::Bool(_) | Value::Number(_)) => Some(Difference::ValuesAreTexts),
        (Family::Text, _) if operator.contains("IgnoreCase") && (in_policy("É") || in_policy("é")) => {
            Some(Difference::CaseBeyondAscii)
        }
        (Family::Arn, _) if in_policy("*") && operator.ends_with("Equals") => {
            Some(Difference::ArnEqualsHasWildcards)
        }
        (Family::Arn, _) if in_policy("*") => Some(Difference::ArnWildcardsStayInTheirPart),
        (Family::Bytes, _) => Some(Difference::BinaryHasCase),
        _ => None,
    }
}

#[test]
fn every_operator_agrees_or_the_difference_is_documented() {
    let (mut compared, mut seen) = (0, BTreeSet::new());
    for (operator, family) in OPERATORS {
        for policy_value in policy_values(family) {
            for given in request_values(family) {
                let key = given.as_ref().map_or("kms:ViaService", |given| given.key);
                let document = json!({ "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
                    "Condition": { operator: { key: policy_value } }
                }]});
                let context: Vec<Given> = given.clone().into_iter().collect();
                let ours = ours(
                    &document,
                    PolicyKind::Identity,
                    ALICE,
                    "kms:Encrypt",
                    KEY,
                    &context,
                );
                let theirs = theirs(&document, ALICE, "kms:Encrypt", KEY, &context);
                compared += 1;
                if ours != theirs {
                    let reason = difference(operator, family, &policy_value, given.as_ref());
                    let reason = reason.unwrap_or_else(|| {
                        panic!("{operator} {policy_value} of {given:?}: we say {ours:?}, they say {theirs:?}")
                    });
                    seen.insert(reason);
                }
            }
        }
    }
    assert!(compared > 2_500, "{compared} compared");
    let listed = BTreeSet::from([
        Difference::ArnEqualsHasWildcards,
        Difference::ArnWildcardsStayInTheirPart,
        Difference::ListsNeedSetOperators,
        Difference::BinaryHasCase,
        Difference::CaseBeyondAscii,
        Difference::ValuesAreTexts,
        Difference::VariablesInConditions,
    ]);
    assert_eq!(seen, listed, "a difference that is listed is no longer one");
}

const ACTIONS: [&str; 9] = [
    "kms:Encrypt",
    "KMS:encrypt",
    "kms:*",
    "*",
    "kms:En*t",
    "kms:?ecrypt",
    "kms:Decrypt",
    "s3:*",
    "kms:En?",
];
const RESOURCES: [&str; 7] = [
    "*",
    KEY,
    "arn:aws:kms:*:111122223333:key/*",
    "arn:aws:kms:us-east-1:111122223333:key/?",
    "arn:aws:kms:us-west-2:*:key/*",
    "arn:aws:kms:us-east-1:111122223333:alias/*",
    "arn:aws:s3:::b",
];
const CONDITIONS: [&str; 10] = [
    r#"{"StringEquals":{"kms:ViaService":["s3","ec2"]}}"#,
    r#"{"StringNotEquals":{"kms:ViaService":["s3","ec2"]}}"#,
    r#"{"StringLike":{"kms:ViaService":"s*"},"Bool":{"kms:MultiRegion":"false"}}"#,
    r#"{"StringNotLikeIfExists":{"kms:ViaService":"s*"}}"#,
    r#"{"Null":{"kms:ViaService":"true"}}"#,
    r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}"#,
    r#"{"ForAllValues:StringLike":{"aws:TagKeys":["a*","b"]}}"#,
    r#"{"NumericLessThanEquals":{"kms:RotationPeriodInDays":"365"},"Null":{"aws:TagKeys":"false"}}"#,
    r#"{"NumericGreaterThan":{"kms:RotationPeriodInDays":"90"},"StringEqualsIfExists":{"kms:ViaService":"s3"}}"#,
    r#"{"BoolIfExists":{"kms:MultiRegion":"true"}}"#,
];
const PRINCIPALS: [&str; 4] = [
    "*",
    ALICE,
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::444455556666:user/alice",
];

fn statement(with_principal: bool) -> impl Strategy<Value = Value> {
    (
        select(&["Allow", "Allow", "Deny"][..]),
        (any::<bool>(), subsequence(&ACTIONS[..], 1..4)),
        (any::<bool>(), subsequence(&RESOURCES[..], 1..3)),
        prop::option::weighted(0.6, select(&CONDITIONS[..])),
        subsequence(&PRINCIPALS[..], 1..3),
    )
        .prop_map(
            move |(effect, (not_action, actions), (not_resource, resources), condition, principals)| {
                let mut statement = json!({ "Effect": effect });
                statement[if not_action { "NotAction" } else { "Action" }] = json!(actions);
                statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resources);
                if with_principal {
                    statement["Principal"] = json!({ "AWS": principals });
                }
                if let Some(condition) = condition {
                    statement["Condition"] = serde_json::from_str(condition).expect("JSON");
                }
                statement
            },
        )
}

fn context() -> impl Strategy<Value = Vec<Given>> {
    let key = |key: &'static str, values: &[Value]| {
        prop::option::of(select(values.to_vec()).prop_map(move |value| Given { key, value }))
    };
    (
        key("kms:ViaService", &[json!("s3"), json!("ec2"), json!("x")]),
        key("kms:MultiRegion", &[json!(true), json!(false)]),
        key("kms:RotationPeriodInDays", &[json!(90), json!(365), json!(366)]),
        key(
            "aws:TagKeys",
            &[json!(["a"]), json!(["a", "z"]), json!(["b", "ab"])],
        ),
    )
        .prop_map(|(via, multi, days, tags)| [via, multi, days, tags].into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn identity_policies_agree(
        statements in prop::collection::vec(statement(false), 1..5),
        action in select(&["kms:Encrypt", "kms:Decrypt"][..]),
        given in context(),
    ) {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        prop_assert_eq!(
            ours(&document, PolicyKind::Identity, ALICE, action, KEY, &given),
            theirs(&document, ALICE, action, KEY, &given)
        );
    }

    #[test]
    fn key_policies_agree_on_users_of_the_account(
        statements in prop::collection::vec(statement(true), 1..5),
        action in select(&["kms:Encrypt", "kms:Decrypt"][..]),
        given in context(),
    ) {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        prop_assert_eq!(
            ours(&document, PolicyKind::Key, ALICE, action, KEY, &given),
            theirs(&document, ALICE, action, KEY, &given)
        );
    }
}
