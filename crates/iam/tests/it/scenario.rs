//! Scenarios: cases of `cases/decisions.txt`, as text.

use std::collections::BTreeMap;

use iam::{
    AccessRequest, Context, Decision, DenialReason, EncryptionContextConstraint, Explanation, Grant,
    GrantOperation, GrantOperations, Grounds, Inputs, NamedPolicy, NewGrant, Policy, PolicyKind,
    PolicySource, Principal, PrincipalPattern, ResourcePolicy, Target, decide, explain,
};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A case.
#[derive(Clone, Default)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    caller: String,
    action: String,
    target: String,
    /// `no key`, `no policy`, `unreadable`, or empty.
    resource_policy: String,
    pub(crate) statements: BTreeMap<&'static str, Vec<Value>>,
    /// How many statements of `scp` belong to the levels before each next level.
    levels: Vec<usize>,
    context: Vec<(String, String)>,
    grants: Vec<String>,
    new_grant: Option<String>,
    pub(crate) expect: String,
}

const SOURCES: [&str; 6] = ["key", "identity", "boundary", "session", "scp", "vpce"];

/// Reads all cases of a file.
pub(crate) fn scenarios(text: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix("== ") {
            scenarios.push(Scenario {
                name: name.to_owned(),
                caller: "alice".to_owned(),
                action: "kms:Encrypt".to_owned(),
                target: "key".to_owned(),
                ..Scenario::default()
            });
        } else {
            scenarios.last_mut().expect("a case").read(line);
        }
    }
    scenarios
}

impl Scenario {
    fn read(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest) {
            ("no", "key" | "policy" | "say") | ("unreadable", "") => self.resource_policy = line.to_owned(),
            ("level", "") => self.levels.push(self.statements.get("scp").map_or(0, Vec::len)),
            ("caller", who) => self.caller = who.to_owned(),
            ("action", action) => self.action = action.to_owned(),
            ("on", target) => self.target = target.to_owned(),
            ("with", pair) => {
                let (key, value) = pair.split_once(' ').expect("a key and a value");
                self.context.push((key.to_owned(), value.to_owned()));
            }
            ("grant", grant) => self.grants.push(grant.to_owned()),
            ("new", grant) => self.new_grant = Some(grant.to_owned()),
            ("expect", decision) => self.expect = decision.to_owned(),
            (source, text) => {
                let source = SOURCES
                    .iter()
                    .find(|known| **known == source)
                    .expect("a known word");
                self.statements.entry(source).or_default().push(statement(text));
            }
        }
    }

    /// How many statements are looked at.
    pub(crate) fn asked(&self) -> usize {
        let asked =
            |(source, _): &(&&'static str, &Vec<Value>)| **source != "key" || self.resource_policy.is_empty();
        self.statements
            .iter()
            .filter(asked)
            .map(|(_, statements)| statements.len())
            .sum()
    }

    /// Decides the case, and checks that explaining comes to the same.
    pub(crate) fn decision(&self) -> String {
        self.run(|decision, explanation| {
            assert_eq!(
                explanation.decision, *decision,
                "{}: explained otherwise",
                self.name
            );
            describe(decision)
        })
    }

    /// Runs the case.
    pub(crate) fn run<R>(&self, look: impl Fn(&Decision<'_>, &Explanation<'_>) -> R) -> R {
        let policies = |source| self.policies(source);
        let key = policies("key").pop();
        let (identity, session) = (policies("identity"), policies("session"));
        let (boundary, vpce) = (policies("boundary").pop(), policies("vpce").pop());
        let levels = self.service_control();
        let grants: Vec<Grant> = self.grants.iter().map(|text| grant(text)).collect();
        let grants: Vec<&Grant> = grants.iter().collect();
        let (identity, session) = (with_names(&identity), with_names(&session));
        let levels: Vec<Vec<NamedPolicy<'_>>> = levels.iter().map(|level| with_names(level)).collect();
        let levels: Vec<&[NamedPolicy<'_>]> = levels.iter().map(Vec::as_slice).collect();
        let everyone_else = Policy::parse(
            r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"}}"#,
            PolicyKind::Key,
        )
        .expect("a policy");
        let inputs = Inputs {
            resource_policy: match self.resource_policy.as_str() {
                "no key" => ResourcePolicy::NotAsked,
                "no policy" => ResourcePolicy::NoSuchResource,
                "no say" => ResourcePolicy::GrantsOnly,
                "unreadable" => ResourcePolicy::Unreadable,
                _ => ResourcePolicy::Policy(key.as_ref().unwrap_or(&everyone_else)),
            },
            identity_policies: &identity,
            boundary: boundary.as_ref(),
            session_policies: &session,
            service_control_policies: &levels,
            vpc_endpoint_policy: vpce.as_ref(),
            grants: &grants,
        };
        let principal = caller(&self.caller);
        let context = self.context(&principal);
        let new_grant = self.new_grant.as_deref().map(operations_and_constraint);
        let new_grant = new_grant.as_ref().map(|(operations, constraint)| NewGrant {
            operations: *operations,
            constraint: constraint.as_ref(),
        });
        let arn = resource(&self.target);
        let request = AccessRequest {
            principal: &principal,
            action: &self.action,
            target: Target {
                arn: &arn,
                account: ACCOUNT,
            },
            context: &context,
            new_grant,
        };
        look(&decide(&request, &inputs), &explain(&request, &inputs))
    }

    fn policies(&self, source: &str) -> Vec<Policy> {
        let kind = match source {
            "key" => PolicyKind::Key,
            "identity" => PolicyKind::Identity,
            "boundary" => PolicyKind::Boundary,
            "session" => PolicyKind::Session,
            _ => PolicyKind::VpcEndpoint,
        };
        self.statements
            .get(source)
            .map(|statements| policy(statements, kind))
            .into_iter()
            .collect()
    }

    fn service_control(&self) -> Vec<Vec<Policy>> {
        let Some(statements) = self.statements.get("scp") else {
            return Vec::new();
        };
        let mut levels = Vec::new();
        let mut start = 0;
        for end in self.levels.iter().copied().chain([statements.len()]) {
            levels.push(vec![policy(&statements[start..end], PolicyKind::ServiceControl)]);
            start = end;
        }
        levels
    }

    fn context<'a>(&'a self, principal: &'a Principal) -> Context<'a> {
        let mut context = Context::new();
        context.principal(principal);
        for (key, value) in &self.context {
            match key.as_str() {
                "encryption" => context.encryption_context(pairs(value)),
                key => context.other(key, value.split(',').map(str::to_owned)),
            };
        }
        context
    }
}

fn with_names(policies: &[Policy]) -> Vec<NamedPolicy<'_>> {
    policies
        .iter()
        .map(|policy| NamedPolicy { name: "p", policy })
        .collect()
}

fn policy(statements: &[Value], kind: PolicyKind) -> Policy {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Policy::parse(&document, kind).unwrap_or_else(|error| panic!("{error}: {document}"))
}

/// `Allow alice kms:* * {…}`
fn statement(text: &str) -> Value {
    let mut words = text.splitn(5, ' ');
    let mut next = || words.next().expect("four words");
    let (effect, who, actions, resources) = (next(), next(), next(), next());
    let mut statement = json!({ "Effect": effect });
    let mut put = |name: &str, list: &str, of: fn(&str) -> Value| {
        let (name, list) = match list.strip_prefix('!') {
            Some(list) => (format!("Not{name}"), list),
            None => (name.to_owned(), list),
        };
        if list != "-" {
            statement[name] = of(list);
        }
    };
    put("Principal", who, |list| {
        let mut principals = json!({});
        for who in list.split(',') {
            match named(who).strip_prefix("service:") {
                Some(service) => principals["Service"] = json!(service),
                None => match &mut principals["AWS"] {
                    Value::Array(arns) => arns.push(json!(named(who))),
                    none => *none = json!([named(who)]),
                },
            }
        }
        principals
    });
    put("Action", actions, |list| {
        json!(list.split(',').collect::<Vec<_>>())
    });
    put("Resource", resources, |list| {
        json!(list.split(',').map(resource).collect::<Vec<_>>())
    });
    if let Some(condition) = words.next() {
        statement["Condition"] = serde_json::from_str(condition).expect("JSON");
    }
    statement
}

/// The ARN that a name stands for.
fn named(who: &str) -> String {
    match who {
        "alice" | "bob" => format!("arn:aws:iam::{ACCOUNT}:user/{who}"),
        "ops" => format!("arn:aws:iam::{ACCOUNT}:role/ops"),
        "admin" => format!("arn:aws:sts::{ACCOUNT}:assumed-role/ops/admin"),
        "guest" => "arn:aws:sts::444455556666:assumed-role/guests/guest".to_owned(),
        "eve" => "arn:aws:iam::444455556666:user/eve".to_owned(),
        "root" | "account" => format!("arn:aws:iam::{ACCOUNT}:root"),
        "foreign" => "arn:aws:iam::444455556666:root".to_owned(),
        "logs" => "service:logs.us-east-1.amazonaws.com".to_owned(),
        other => other.to_owned(),
    }
}

fn caller(who: &str) -> Principal {
    let name = named(who);
    match name.strip_prefix("service:") {
        Some(service) => Principal::service(service).expect("a service"),
        None => Principal::parse(&name).expect("a principal"),
    }
}

fn resource(text: &str) -> String {
    match text {
        "key" => KEY.to_owned(),
        "other" => format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"),
        "alias" => format!("arn:aws:kms:us-east-1:{ACCOUNT}:alias/app"),
        arn => arn.to_owned(),
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').expect("a pair");
        (key.to_owned(), value.to_owned())
    };
    text.split(',').map(pair).collect()
}

fn grant(text: &str) -> Grant {
    let mut words = text.splitn(3, ' ');
    let (id, grantee, rest) = (
        words.next().expect("id"),
        words.next().expect("grantee"),
        words.next().expect("rest"),
    );
    let grantee = PrincipalPattern::parse_arn(&named(grantee)).expect("a grantee");
    if let Some((operations, source)) = rest.split_once(" source ") {
        let grant = Grant::new(id, grantee, operations_and_constraint(operations).0);
        return grant.with_source_arn(source).expect("a pattern");
    }
    let (operations, constraint) = operations_and_constraint(rest);
    let grant = Grant::new(id, grantee, operations);
    match constraint {
        Some(constraint) => grant.with_constraint(constraint),
        None => grant,
    }
}

fn operations_and_constraint(text: &str) -> (GrantOperations, Option<EncryptionContextConstraint>) {
    let (names, constraint) = text
        .split_once(' ')
        .map_or((text, None), |(names, rest)| (names, Some(rest)));
    let operations = names
        .split(',')
        .map(|name| GrantOperation::from_name(name).expect("an operation"))
        .collect();
    let constraint = constraint.map(|text| match text.split_once(' ').expect("a constraint") {
        ("equals", text) => EncryptionContextConstraint::Equals(pairs(text).into_iter().collect()),
        ("subset", text) => EncryptionContextConstraint::Subset(pairs(text).into_iter().collect()),
        _ => panic!("no such constraint: {text}"),
    });
    (operations, constraint)
}

/// A decision in the words of the cases.
pub(crate) fn describe(decision: &Decision<'_>) -> String {
    let source = |source: PolicySource| match source {
        PolicySource::ServiceControl => "scp",
        PolicySource::VpcEndpoint => "vpce",
        PolicySource::Resource => "key",
        PolicySource::Identity => "identity",
        PolicySource::Boundary => "boundary",
        PolicySource::Session => "session",
    };
    match decision {
        Decision::Allowed(Grounds::ResourcePolicy(statement)) => format!("allow key {}", statement.index + 1),
        Decision::Allowed(Grounds::Delegated { .. }) => "allow delegated".to_owned(),
        Decision::Allowed(Grounds::RootUser(_)) => "allow root".to_owned(),
        Decision::Allowed(Grounds::Identity(_)) => "allow identity".to_owned(),
        Decision::Allowed(Grounds::OwnAccount) => "allow own".to_owned(),
        Decision::Allowed(Grounds::Grant(id)) => format!("allow grant {id}"),
        Decision::Denied(denial) => match denial.reason {
            DenialReason::ExplicitDeny(statement) => format!("deny explicit {}", source(statement.source)),
            DenialReason::NoAllow(of) => format!("deny no {}", source(of)),
            DenialReason::UnreadableResourcePolicy => "deny unreadable".to_owned(),
            DenialReason::OtherAccount { .. } => "deny other".to_owned(),
        },
    }
}
