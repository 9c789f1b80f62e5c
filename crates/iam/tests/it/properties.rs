//! What holds of every decision, on generated policies and requests.

use iam::{
    AccessRequest, Context, Decision, Grant, GrantOperation, Inputs, NamedPolicy, Policy, PolicyKind,
    Principal, PrincipalPattern, ResourcePolicy, Target, decide,
};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

const CALLERS: [&str; 5] = [
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:root",
    "arn:aws:sts::111122223333:assumed-role/ops/admin",
    "arn:aws:iam::444455556666:user/eve",
    "arn:aws:iam::444455556666:root",
];
const NAMED: [&str; 8] = [
    "*",
    "111122223333",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:role/ops",
    "arn:aws:sts::111122223333:assumed-role/ops/admin",
    "arn:aws:iam::444455556666:user/eve",
];
const ACTIONS: [&str; 6] = ["kms:Encrypt", "kms:Decrypt", "kms:*", "*", "kms:En*", "s3:*"];
const RESOURCES: [&str; 4] = [
    "*",
    "arn:aws:kms:*:*:key/*",
    "arn:aws:kms:us-east-1:111122223333:key/k",
    "arn:aws:s3:::b",
];
const CONDITIONS: [&str; 6] = [
    "null",
    r#"{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#,
    r#"{"StringNotEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#,
    r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
    r#"{"StringEquals":{"kms:EncryptionContext:app":["x","y"]}}"#,
    r#"{"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["app"]}}"#,
];

#[derive(Clone, Debug)]
struct World {
    caller: &'static str,
    action: &'static str,
    via_service: bool,
    encryption_context: Vec<(&'static str, &'static str)>,
    key: Vec<Value>,
    identity: Vec<Value>,
    boundary: Option<Vec<Value>>,
    session: Option<Vec<Value>>,
    service_control: Option<Vec<Value>>,
    grants: Vec<(&'static str, GrantOperation)>,
}

fn statement(with_principal: bool) -> impl Strategy<Value = Value> {
    (
        prop_oneof![6 => Just("Allow"), 1 => Just("Deny")],
        select(&NAMED[..]),
        any::<(bool, bool, bool)>(),
        prop_oneof![1 => Just("kms:*"), 1 => select(&ACTIONS[..])],
        prop_oneof![1 => Just("*"), 1 => select(&RESOURCES[..])],
        prop_oneof![4 => Just("null"), 1 => select(&CONDITIONS[..])],
    )
        .prop_map(
            move |(effect, who, (not_who, not_what, not_where), action, resource, condition)| {
                let mut statement = json!({ "Effect": effect });
                let rare = not_what && not_where;
                statement[if rare && not_who { "NotAction" } else { "Action" }] = json!([action]);
                statement[if rare && !not_who {
                    "NotResource"
                } else {
                    "Resource"
                }] = json!(resource);
                if with_principal {
                    let name = if not_who && rare && effect == "Deny" {
                        "NotPrincipal"
                    } else {
                        "Principal"
                    };
                    statement[name] = json!({ "AWS": [who] });
                }
                let condition: Value = serde_json::from_str(condition).expect("JSON");
                if !condition.is_null() {
                    statement["Condition"] = condition;
                }
                statement
            },
        )
}

fn statements(with_principal: bool) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(statement(with_principal), 1..5)
}

fn world() -> impl Strategy<Value = World> {
    (
        (
            select(&CALLERS[..]),
            select(&["kms:Encrypt", "kms:Decrypt", "kms:DisableKey"][..]),
            any::<bool>(),
        ),
        prop::collection::vec(
            (select(&["app", "App", "env"][..]), select(&["x", "z"][..])),
            0..3,
        ),
        (statements(true), statements(false)),
        prop::option::weighted(0.3, statements(false)),
        prop::option::weighted(0.3, statements(false)),
        prop::option::weighted(0.3, statements(false)),
        prop::collection::vec(
            (
                select(&NAMED[1..]),
                select(&[GrantOperation::Encrypt, GrantOperation::Decrypt][..]),
            ),
            0..3,
        ),
    )
        .prop_map(
            |((caller, action, via_service), mut pairs, (key, identity), boundary, session, scp, grants)| {
                pairs.sort_unstable();
                pairs.dedup_by_key(|(key, _)| *key);
                World {
                    caller,
                    action,
                    via_service,
                    encryption_context: pairs,
                    key,
                    identity,
                    boundary,
                    session,
                    service_control: scp,
                    grants,
                }
            },
        )
}

fn policy(statements: &[Value], kind: PolicyKind) -> Policy {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Policy::parse(&document, kind).unwrap_or_else(|error| panic!("{error}: {document}"))
}

#[derive(Clone, Copy, PartialEq)]
enum KeyPolicy {
    Readable,
    Unreadable,
}

impl World {
    fn allowed(&self) -> bool {
        self.decided(KeyPolicy::Readable)
    }

    fn decided(&self, readable: KeyPolicy) -> bool {
        let principal = Principal::parse(self.caller).expect("a caller");
        let mut context = Context::new();
        context
            .principal(&principal)
            .encryption_context(self.encryption_context.iter().copied());
        context.boolean(iam::keys::SECURE_TRANSPORT, true);
        if self.via_service {
            context.text(iam::keys::VIA_SERVICE, "s3.us-east-1.amazonaws.com");
        }
        // An emptied list of statements is a policy that says nothing.
        let nothing = json!({ "Effect": "Allow", "Action": "none:none", "Resource": "arn:aws:none" });
        let of = |statements: &[Value], kind| match statements {
            [] => policy(std::slice::from_ref(&nothing), kind),
            statements => policy(statements, kind),
        };
        let key = match &*self.key {
            [] => None,
            statements => Some(policy(statements, PolicyKind::Key)),
        };
        let identity = of(&self.identity, PolicyKind::Identity);
        let identity = [NamedPolicy {
            name: "i",
            policy: &identity,
        }];
        let boundary = self
            .boundary
            .as_ref()
            .map(|statements| of(statements, PolicyKind::Boundary));
        let session = self
            .session
            .as_ref()
            .map(|statements| of(statements, PolicyKind::Session));
        let session: Vec<_> = session
            .iter()
            .map(|policy| NamedPolicy { name: "s", policy })
            .collect();
        let scp = self
            .service_control
            .as_ref()
            .map(|statements| of(statements, PolicyKind::ServiceControl));
        let scp: Vec<_> = scp
            .iter()
            .map(|policy| NamedPolicy { name: "c", policy })
            .collect();
        let levels: &[&[NamedPolicy<'_>]] = if scp.is_empty() { &[] } else { &[&scp] };
        let grants: Vec<Grant> = self
            .grants
            .iter()
            .enumerate()
            .map(|(index, (who, operation))| {
                let arn = if *who == "111122223333" {
                    "arn:aws:iam::111122223333:root"
                } else {
                    who
                };
                let grantee = PrincipalPattern::parse_arn(arn).expect("a grantee");
                Grant::new(&index.to_string(), grantee, [*operation].into_iter().collect())
            })
            .collect();
        let grants: Vec<&Grant> = grants.iter().collect();
        let inputs = Inputs {
            resource_policy: match (&key, readable) {
                (_, KeyPolicy::Unreadable) => ResourcePolicy::Unreadable,
                (Some(policy), _) => ResourcePolicy::Policy(policy),
                (None, _) => ResourcePolicy::NoSuchResource,
            },
            identity_policies: &identity,
            boundary: boundary.as_ref(),
            session_policies: &session,
            service_control_policies: levels,
            vpc_endpoint_policy: None,
            grants: &grants,
        };
        let target = Target {
            arn: "arn:aws:kms:us-east-1:111122223333:key/k",
            account: "111122223333",
        };
        let request = AccessRequest {
            principal: &principal,
            action: self.action,
            target,
            context: &context,
            new_grant: None,
        };
        let decision = decide(&request, &inputs);
        assert_eq!(iam::explain(&request, &inputs).decision, decision);
        if let Decision::Denied(denial) = decision {
            assert!(denial.message().starts_with("User: "));
        }
        decision.is_allowed()
    }

    /// Every list of statements, by turns.
    fn lists(&mut self) -> Vec<&mut Vec<Value>> {
        let mut lists = vec![&mut self.key, &mut self.identity];
        lists.extend(self.boundary.as_mut());
        lists.extend(self.session.as_mut());
        lists.extend(self.service_control.as_mut());
        lists
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn removing_an_allow_never_grants(world in world(), list in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let mut less = world.clone();
        let mut lists = less.lists();
        let count = lists.len();
        let statements = &mut lists[list.index(count)];
        let at = at.index(statements.len());
        prop_assume!(statements[at]["Effect"] == "Allow");
        statements.remove(at);
        prop_assert!(world.allowed() || !less.allowed());
    }

    #[test]
    fn removing_a_grant_never_grants(world in world()) {
        let mut less = world.clone();
        less.grants.pop();
        prop_assert!(world.allowed() || !less.allowed());
    }

    #[test]
    fn adding_a_deny_never_grants(world in world(), list in any::<prop::sample::Index>(), deny in statement(false), who in select(&NAMED[..])) {
        let mut more = world.clone();
        let mut lists = more.lists();
        let count = lists.len();
        let list = list.index(count);
        let mut deny = deny;
        deny["Effect"] = json!("Deny");
        if list == 0 {
            deny["Principal"] = json!({ "AWS": who });
        }
        lists[list].push(deny);
        prop_assert!(world.allowed() || !more.allowed());
    }

    #[test]
    fn an_explicit_deny_always_wins(world in world(), list in any::<prop::sample::Index>(), first in any::<bool>()) {
        let mut denied = world;
        let mut lists = denied.lists();
        let count = lists.len();
        let list = list.index(count);
        let mut deny = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
        if list == 0 {
            deny["Principal"] = json!("*");
        }
        let statements = &mut lists[list];
        statements.insert(if first { 0 } else { statements.len() }, deny);
        prop_assert!(!denied.allowed());
    }

    #[test]
    fn the_order_of_statements_does_not_matter(world in world(), turn in 0..4_usize) {
        let mut turned = world.clone();
        for statements in turned.lists() {
            let by = turn % statements.len();
            statements.rotate_left(by);
        }
        turned.grants.reverse();
        prop_assert_eq!(world.allowed(), turned.allowed());
    }

    #[test]
    fn adding_a_limiting_policy_never_grants(world in world(), more in statements(false)) {
        for place in 0..3 {
            let mut limited = world.clone();
            let place = match place {
                0 => &mut limited.boundary,
                1 => &mut limited.session,
                _ => &mut limited.service_control,
            };
            if place.is_none() {
                *place = Some(more.clone());
                prop_assert!(world.allowed() || !limited.allowed());
            }
        }
    }

    #[test]
    fn a_policy_that_does_not_evaluate_denies(world in world()) {
        prop_assert!(!world.decided(KeyPolicy::Unreadable));
    }

    #[test]
    fn nothing_but_the_key_policy_and_grants_opens_a_key(world in world()) {
        let mut without = world;
        without.key.clear();
        prop_assert!(!without.allowed());
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,80}", kind in select(&[PolicyKind::Key, PolicyKind::Identity][..])) {
        let _ = Policy::parse(&text, kind);
    }
}

#[test]
fn the_generated_worlds_are_not_all_alike() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let worlds = (0..500).map(|_| world().new_tree(&mut runner).expect("a world").current());
    let allowed = worlds.filter(World::allowed).count();
    assert!(
        (50..450).contains(&allowed),
        "{allowed} of 500 are allowed: the properties say little"
    );
}
