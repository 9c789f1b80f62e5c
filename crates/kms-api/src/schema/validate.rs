//! Holds a request against the model: first the type of every member, then every constraint.

use super::violation::{Violation, Violations};
use super::{Kind, Length, Member, Shape};
use crate::Operation;
use crate::context::EncryptionContext;
use crate::document::{Document, Text, Value};
use crate::error::{ErrorName, KmsError};
use crate::request::{Fields, Request, fields};

/// Reads the typed request from a body, after [`validate`].
pub fn parse<R: Request>(document: &Document) -> Result<R, KmsError> {
    validate(R::OPERATION, document)?;
    // A property test shows that what is valid reads.
    R::read(Fields::of_document(document)).ok_or_else(|| KmsError::bare(ErrorName::SerializationException))
}

/// Checks a body against the model. A member of the wrong JSON type, bytes that are not Base64, a
/// number that is no integer of 32 bits: `SerializationException`, for the first such member. Else
/// every constraint that is broken, in the order of the model, in one `ValidationException`.
///
/// Members that the operation does not know are ignored; `null` is absence. One constraint is not
/// the model's: an encryption context has at most [`EncryptionContext::MAX_BYTES`].
pub fn validate(operation: Operation, document: &Document) -> Result<(), KmsError> {
    let input = operation.schema().input;
    for member in input {
        if let Some(value) = document.get(member.name) {
            check_type(member.shape, value)?;
        }
    }
    let mut violations = Violations::default();
    check_members(input, document.members(), "", &mut violations);
    violations.into_result()
}

fn check_type(shape: &Shape, value: &Value) -> Result<(), KmsError> {
    let wrong = |wanted| Err(wrong_type(value, wanted));
    match (&shape.kind, value) {
        (_, Value::Null)
        | (Kind::Text { .. } | Kind::Word(_), Value::Text(_))
        | (Kind::Boolean, Value::Boolean(_))
        | (Kind::Timestamp, Value::Integer(_) | Value::Real(_)) => Ok(()),
        (Kind::Blob(_), Value::Text(text)) => match fields::decode(text) {
            Some(_) => Ok(()),
            None => wrong("Blob"),
        },
        (Kind::Integer(_), Value::Integer(_) | Value::Real(_)) => match fields::integer(value) {
            Some(_) => Ok(()),
            None => wrong("Integer"),
        },
        (Kind::List(element, _), Value::List(values)) => {
            values.iter().try_for_each(|value| check_type(element, value))
        }
        (Kind::Map { value: shape, .. }, Value::Object(members)) => {
            members.iter().try_for_each(|(_, value)| check_type(shape, value))
        }
        (Kind::Structure(inner), Value::Object(_)) => {
            let present = inner
                .iter()
                .filter_map(|member| Some((member, value.get(member.name)?)));
            for (member, value) in present {
                check_type(member.shape, value)?;
            }
            Ok(())
        }
        (Kind::Text { .. } | Kind::Word(_), _) => wrong("String"),
        (Kind::Boolean, _) => wrong("Boolean"),
        (Kind::Timestamp, _) => wrong("Timestamp"),
        (Kind::Blob(_), _) => wrong("Blob"),
        (Kind::Integer(_), _) => wrong("Integer"),
        (Kind::List(..) | Kind::Map { .. } | Kind::Structure(_), _) => wrong("collection"),
    }
}

/// AWS's front end names the token that it found, not the member.
fn wrong_type(value: &Value, wanted: &str) -> KmsError {
    let found = match value {
        Value::Object(_) => return serialization("Start of structure or map found where not expected."),
        Value::List(_) => return serialization("Start of list found where not expected"),
        _ if wanted == "collection" => return serialization("Unexpected field type"),
        Value::Null => "NULL_VALUE",
        Value::Boolean(true) => "TRUE_VALUE",
        Value::Boolean(false) => "FALSE_VALUE",
        Value::Integer(_) | Value::Real(_) => "NUMBER_VALUE",
        Value::Text(_) => "STRING_VALUE",
    };
    let message = format!("{found} can not be converted to {wanted}");
    KmsError::new(ErrorName::SerializationException, message)
}

fn serialization(message: &'static str) -> KmsError {
    KmsError::new(ErrorName::SerializationException, message)
}

/// Checks the members of a structure at this path, which is empty or ends with a dot.
fn check_members(shapes: &[Member], members: &[(Text, Value)], path: &str, violations: &mut Violations) {
    for member in shapes {
        let found = members.iter().find(|(name, _)| name.as_str() == member.name);
        let path = format!("{path}{}", lower_camel(member.name));
        match found.map(|(_, value)| value).filter(|value| !value.is_null()) {
            Some(value) => check_value(member.shape, value, &path, violations),
            None if member.required => violations.add(member.shape, &Value::Null, &path, &Violation::Missing),
            None => {}
        }
    }
}

fn check_value(shape: &Shape, value: &Value, path: &str, violations: &mut Violations) {
    for broken in own_constraints(shape, value) {
        violations.add(shape, value, path, &broken);
    }
    match (&shape.kind, value) {
        (Kind::Structure(inner), Value::Object(members)) => {
            check_members(inner, members, &format!("{path}."), violations);
        }
        (Kind::List(element, _), Value::List(values)) => {
            check_elements(shape, element, value, values, path, violations);
        }
        (Kind::Map { value: inner, .. }, Value::Object(members))
            if members.iter().any(|(_, value)| breaks(inner, value)) =>
        {
            violations.add(shape, value, path, &Violation::Values(inner));
        }
        _ => {}
    }
}

/// Elements that are structures have paths of their own; others are reported with their list.
fn check_elements(
    shape: &Shape,
    element: &'static Shape,
    list: &Value,
    values: &[Value],
    path: &str,
    violations: &mut Violations,
) {
    let Kind::Structure(inner) = &element.kind else {
        if values.iter().any(|value| breaks(element, value)) {
            violations.add(shape, list, path, &Violation::Elements(element));
        }
        return;
    };
    for (index, value) in values.iter().enumerate() {
        if violations.is_full() {
            return;
        }
        let path = format!("{path}.{}.member", index + 1);
        match value {
            Value::Object(members) => check_members(inner, members, &format!("{path}."), violations),
            _ => violations.add(element, &Value::Null, &path, &Violation::Missing),
        }
    }
}

fn breaks(shape: &Shape, value: &Value) -> bool {
    value.is_null() || !own_constraints(shape, value).is_empty()
}

/// The constraints of the value itself that it breaks: pattern, then length. A value of a type that
/// does not fit has none.
fn own_constraints(shape: &Shape, value: &Value) -> Vec<Violation> {
    match (&shape.kind, value) {
        (Kind::Text { length, pattern }, Value::Text(text)) => {
            let pattern = pattern
                .filter(|pattern| !pattern.matches(text))
                .map(Violation::Pattern);
            let length = length.and_then(|length| outside(length, characters(text)));
            pattern.into_iter().chain(length).collect()
        }
        (Kind::Word(words), Value::Text(text)) => {
            let known = words.contains(&text.as_str());
            (!known).then_some(Violation::Word(words)).into_iter().collect()
        }
        (Kind::Blob(length), Value::Text(text)) => {
            // That it is Base64 was looked at with its type.
            let bytes = fields::decoded_len(text).unwrap_or_default();
            outside(*length, bytes).into_iter().collect()
        }
        (Kind::Integer(range), Value::Integer(_) | Value::Real(_)) => {
            let number = i64::from(fields::integer(value).unwrap_or(i32::MIN));
            if number > i64::from(range.max) {
                vec![Violation::AtMost(range.max)]
            } else if number < i64::from(range.min) {
                vec![Violation::AtLeast(range.min)]
            } else {
                Vec::new()
            }
        }
        (Kind::List(_, Some(length)), Value::List(values)) => {
            outside(*length, values.len()).into_iter().collect()
        }
        (Kind::Map { .. }, Value::Object(members)) => {
            let len = |(name, value): &(Text, Value)| name.len() + value.as_str().map_or(0, str::len);
            let size: usize = members.iter().map(len).sum();
            let large = size > EncryptionContext::MAX_BYTES;
            large.then_some(Violation::ContextSize).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Smithy's measure of a string: Unicode scalar values.
fn characters(text: &str) -> usize {
    text.chars().count()
}

fn outside(length: Length, len: usize) -> Option<Violation> {
    if len > length.max as usize {
        Some(Violation::NoLonger(length.max))
    } else if len < length.min as usize {
        Some(Violation::NoShorter(length.min))
    } else {
        None
    }
}

/// Member names in messages begin with a small letter.
fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
