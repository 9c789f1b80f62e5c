//! Conditions, row by row of `cases/conditions.txt`.

use iam::{AccessRequest, Context, Inputs, NamedPolicy, Policy, PolicyKind, Principal, Target, decide, keys};
use serde_json::Value;

/// Sets one key from JSON, with the type that the key has.
fn set(context: &mut Context<'_>, key: &str, value: &Value) {
    match (key.to_lowercase().as_str(), value) {
        ("kms:multiregion", Value::Bool(value)) => context.boolean(keys::MULTI_REGION, *value),
        ("kms:rotationperiodindays", value) => {
            context.number(keys::ROTATION_PERIOD_IN_DAYS, value.as_i64().expect("a number"))
        }
        ("aws:currenttime" | "aws:epochtime", value) => context.now(value.as_i64().expect("seconds")),
        ("aws:sourceip", Value::String(address)) => {
            context.address(keys::SOURCE_IP, address.parse().expect("an address"))
        }
        (_, Value::Array(values)) => {
            let values = values
                .iter()
                .map(|value| value.as_str().expect("a text").to_owned());
            context.other(key, values.collect::<Vec<_>>())
        }
        (_, Value::String(text)) => context.other(key, [text.clone()]),
        _ => panic!("no such value of {key}: {value}"),
    };
}

#[test]
fn conditions_hold_as_aws_documents() {
    let alice = Principal::parse("arn:aws:iam::111122223333:user/alice").expect("a user");
    let text = crate::data::text("conditions.txt");
    let mut names = std::collections::HashSet::new();
    for row in crate::data::rows(&text) {
        let [name, operator, key, values, value, holds] = row[..] else {
            panic!("not six columns: {row:?}")
        };
        assert!(names.insert(name.to_owned()), "{name} stands twice");
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*",
                "Condition":{{"{operator}":{{"{key}":{values}}}}}}}}}"#
        );
        let policy =
            Policy::parse(&document, PolicyKind::Identity).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut context = Context::new();
        context.principal(&alice);
        context.principal_tags([("star", "*"), ("yes", "true")]);
        if value != "-" {
            set(&mut context, key, &serde_json::from_str(value).expect("JSON"));
        }
        let target = Target {
            arn: "*",
            account: "111122223333",
        };
        let request = AccessRequest {
            principal: &alice,
            action: "kms:Encrypt",
            target,
            context: &context,
            new_grant: None,
        };
        let identity = [NamedPolicy {
            name: "p",
            policy: &policy,
        }];
        let inputs = Inputs {
            identity_policies: &identity,
            ..Inputs::default()
        };
        assert_eq!(decide(&request, &inputs).is_allowed(), holds == "yes", "{name}");
    }
    assert!(names.len() >= 150, "only {} cases", names.len());
}
