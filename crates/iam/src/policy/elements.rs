//! From a document to a policy: the elements of a statement.

use crate::arn::ArnPattern;
use crate::condition::{Condition, InvalidValue, Operator, Quantifier, Test};
use crate::json::Json;
use crate::keys::NOT_FOR_ALL_VALUES;
use crate::pattern::{Syntax, Template};
use crate::policy::{ActionPattern, Effect, PolicyKind, Problem};
use crate::principal::PrincipalPattern;

pub(super) fn sid(json: Json, kind: PolicyKind) -> Result<Box<str>, Problem> {
    let Json::Text(text) = json else {
        return Err(Problem::WrongType);
    };
    let valid = kind == PolicyKind::Key || text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { Ok(text.into()) } else { Err(Problem::Sid) }
}

pub(super) fn effect(json: &Json) -> Result<Effect, Problem> {
    match json {
        Json::Text(text) if text == "Allow" => Ok(Effect::Allow),
        Json::Text(text) if text == "Deny" => Ok(Effect::Deny),
        Json::Text(_) => Err(Problem::Effect),
        _ => Err(Problem::WrongType),
    }
}

/// `"*"`, or `{"AWS": …, "Service": …, …}`.
pub(super) fn principals(json: &Json) -> Result<Box<[PrincipalPattern]>, Problem> {
    let members = match json {
        Json::Text(text) if text == "*" => return Ok(Box::new([PrincipalPattern::Everyone])),
        Json::Text(_) => return Err(Problem::Principal),
        Json::Object(members) if members.is_empty() => return Err(Problem::EmptyList),
        Json::Object(members) => members,
        _ => return Err(Problem::WrongType),
    };
    let mut principals = Vec::new();
    for (kind, value) in members {
        for text in texts(value)? {
            principals.push(principal(kind, text)?);
        }
    }
    Ok(principals.into())
}

fn principal(kind: &str, text: &str) -> Result<PrincipalPattern, Problem> {
    let plain = !text.is_empty() && text.len() <= 2_048 && !text.contains(['*', '?']);
    match kind {
        "AWS" => PrincipalPattern::parse_aws(text).map_err(|_| Problem::Principal),
        "Service" => PrincipalPattern::parse_service(text).map_err(|_| Problem::Principal),
        "Federated" if plain => Ok(PrincipalPattern::Federated(text.into())),
        "CanonicalUser" if plain => Ok(PrincipalPattern::CanonicalUser(text.into())),
        "Federated" | "CanonicalUser" => Err(Problem::Principal),
        _ => Err(Problem::UnknownElement),
    }
}

pub(super) fn actions(json: &Json) -> Result<Box<[ActionPattern]>, Problem> {
    texts(json)?.into_iter().map(action).collect()
}

fn action(text: &str) -> Result<ActionPattern, Problem> {
    let valid = match text.split_once(':') {
        None | Some(("*", "*")) => matches!(text, "*" | "*:*"),
        Some((service, name)) => {
            let service_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_".contains(&byte);
            !service.is_empty()
                && service.bytes().all(service_byte)
                && !name.is_empty()
                && name.bytes().all(name_byte)
        }
    };
    if !valid {
        return Err(Problem::Action);
    }
    let syntax = Syntax {
        wildcards: true,
        variables: false,
    };
    Template::parse(text, syntax)
        .map(ActionPattern)
        .map_err(|_| Problem::Action)
}

pub(super) fn resources(json: &Json, variables: bool) -> Result<Box<[ArnPattern]>, Problem> {
    texts(json)?
        .into_iter()
        .map(|text| ArnPattern::resource(text, variables).map_err(|_| Problem::Resource))
        .collect()
}

/// `{operator: {key: value or [value, …], …}, …}`
pub(super) fn conditions(
    json: &Json,
    kind: PolicyKind,
    variables: bool,
) -> Result<Box<[Condition]>, Problem> {
    let Json::Object(operators) = json else {
        return Err(Problem::WrongType);
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Json::Object(keys) = keys else {
            return Err(Problem::WrongType);
        };
        for (key, value) in keys {
            conditions.push(condition(operator, key, value, (kind, variables))?);
        }
    }
    Ok(conditions.into())
}

fn condition(
    operator: &str,
    key: &str,
    value: &Json,
    (kind, variables): (PolicyKind, bool),
) -> Result<Condition, Problem> {
    let operator = Operator::parse(operator).ok_or(Problem::Condition)?;
    match key.split_once(':') {
        Some((service, name)) if !service.is_empty() && !name.is_empty() => {}
        _ => return Err(Problem::Condition),
    }
    let lower = key.to_lowercase();
    if operator.quantifier == Quantifier::All
        && NOT_FOR_ALL_VALUES.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(Problem::OverlyPermissiveCondition);
    }
    let values = list(value)?;
    let test =
        Test::parse(operator.kind, &values, variables).map_err(|InvalidValue| Problem::ConditionValue)?;
    Ok(Condition::new(operator, key, test, kind))
}

/// A value, or a list of one or more.
fn list(json: &Json) -> Result<Vec<&Json>, Problem> {
    match json {
        Json::List(values) if values.is_empty() => Err(Problem::EmptyList),
        Json::List(values) => Ok(values.iter().collect()),
        single => Ok(vec![single]),
    }
}

/// A text, or a list of one or more.
fn texts(json: &Json) -> Result<Vec<&str>, Problem> {
    list(json)?.into_iter().map(text).collect()
}

fn text(json: &Json) -> Result<&str, Problem> {
    match json {
        Json::Text(text) => Ok(text),
        _ => Err(Problem::WrongType),
    }
}
