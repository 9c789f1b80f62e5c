//! Broken constraints, in AWS's words.

use std::fmt;

use super::{Kind, Length, Pattern, Shape};
use crate::context::EncryptionContext;
use crate::document::Value;
use crate::error::{ErrorName, KmsError};

/// The most violations that one answer lists.
const MAX_VIOLATIONS: usize = 10;

/// The most characters of a value that a message quotes. AWS quotes all of them, but an answer should
/// not grow with the request.
const MAX_QUOTED: usize = 1024;

/// A constraint that a value breaks.
pub(super) enum Violation {
    Missing,
    NoLonger(u32),
    NoShorter(u32),
    AtMost(u32),
    AtLeast(u32),
    Pattern(&'static Pattern),
    Word(&'static [&'static str]),
    /// An element of the list breaks a constraint of this shape.
    Elements(&'static Shape),
    /// A value of the map does.
    Values(&'static Shape),
    /// An encryption context is too large.
    ContextSize,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Member must not be null"),
            Self::NoLonger(max) => write!(f, "Member must have length less than or equal to {max}"),
            Self::NoShorter(min) => write!(f, "Member must have length greater than or equal to {min}"),
            Self::AtMost(max) => write!(f, "Member must have value less than or equal to {max}"),
            Self::AtLeast(min) => write!(f, "Member must have value greater than or equal to {min}"),
            Self::Pattern(pattern) => {
                write!(
                    f,
                    "Member must satisfy regular expression pattern: {}",
                    pattern.as_str()
                )
            }
            Self::Word(words) => write!(f, "Member must satisfy enum value set: [{}]", words.join(", ")),
            Self::Elements(shape) => write!(f, "Member must satisfy constraint: [{}]", constraints(shape)),
            Self::Values(shape) => write!(f, "Map value must satisfy constraint: [{}]", constraints(shape)),
            Self::ContextSize => {
                let max = EncryptionContext::MAX_BYTES;
                write!(f, "Map must have keys and values of at most {max} bytes together")
            }
        }
    }
}

/// Every constraint of a shape, broken or not, as AWS lists them for elements.
fn constraints(shape: &Shape) -> String {
    let bounds = |length: &Length| [Violation::NoLonger(length.max), Violation::NoShorter(length.min)];
    let mut all: Vec<Violation> = Vec::new();
    match &shape.kind {
        Kind::Text { length, pattern } => {
            all.extend(length.iter().flat_map(bounds));
            all.extend(pattern.map(Violation::Pattern));
        }
        Kind::Word(words) => all.push(Violation::Word(words)),
        Kind::Blob(length) => all.extend(bounds(length)),
        _ => {}
    }
    all.push(Violation::Missing);
    let all: Vec<String> = all.iter().map(Violation::to_string).collect();
    all.join(", ")
}

/// The violations of one request.
#[derive(Default)]
pub(super) struct Violations(Vec<String>);

impl Violations {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_VIOLATIONS
    }

    /// Notes that the value at this path breaks a constraint.
    pub(super) fn add(&mut self, shape: &Shape, value: &Value, path: &str, broken: &Violation) {
        if !self.is_full() {
            let quoted = quote(shape, value);
            self.0.push(format!(
                "Value{quoted} at '{path}' failed to satisfy constraint: {broken}"
            ));
        }
    }

    /// One error for all of them.
    pub(super) fn into_result(self) -> Result<(), KmsError> {
        let (count, plural) = match self.0.len() {
            0 => return Ok(()),
            1 => (1, ""),
            more => (more, "s"),
        };
        let all = self.0.join("; ");
        let message = format!("{count} validation error{plural} detected: {all}");
        Err(KmsError::new(ErrorName::ValidationException, message))
    }
}

/// The value as a message shows it, after a blank. Nothing of what is or may hold a secret: sensitive
/// members, structures with such members, and bytes.
fn quote(shape: &Shape, value: &Value) -> String {
    if is_secret(shape) {
        return String::new();
    }
    match value {
        Value::Null => " null".to_owned(),
        value => {
            let mut text = String::new();
            show(value, &mut text);
            format!(" '{text}'")
        }
    }
}

fn is_secret(shape: &Shape) -> bool {
    let inner = match &shape.kind {
        Kind::Blob(_) => true,
        Kind::List(element, _) => is_secret(element),
        Kind::Structure(members) => members.iter().any(|member| is_secret(member.shape)),
        _ => false,
    };
    shape.sensitive || inner
}

/// Lists and maps as Java prints them, cut after [`MAX_QUOTED`] characters.
fn show(value: &Value, out: &mut String) {
    match value {
        Value::Null => push(out, "null"),
        Value::Boolean(value) => push(out, if *value { "true" } else { "false" }),
        Value::Integer(number) => push(out, &number.to_string()),
        Value::Real(number) => push(out, &number.to_string()),
        Value::Text(text) => push(out, text),
        Value::List(values) => {
            push(out, "[");
            for (index, value) in values.iter().enumerate().take(MAX_QUOTED) {
                push(out, if index > 0 { ", " } else { "" });
                show(value, out);
            }
            push(out, "]");
        }
        Value::Object(members) => {
            push(out, "{");
            for (index, (name, value)) in members.iter().enumerate().take(MAX_QUOTED) {
                push(out, if index > 0 { ", " } else { "" });
                push(out, name);
                push(out, "=");
                show(value, out);
            }
            push(out, "}");
        }
    }
}

fn push(out: &mut String, text: &str) {
    let room = MAX_QUOTED.saturating_sub(out.chars().count());
    out.extend(text.chars().take(room));
}
