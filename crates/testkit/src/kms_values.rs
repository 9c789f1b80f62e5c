//! Values at the bounds of what the AWS KMS API's model allows, and one past them, for any of its
//! types: made from the model itself, so that no member can be forgotten.

use std::fmt;

use kms_api::Operation;
use kms_api::schema::{Kind, Length, Member, Pattern, Shape, pattern};
use serde_json::{Map, Value, json};

/// A value and whether the model allows it.
pub struct Sample {
    /// What it shows, for a test's message.
    pub what: String,
    /// The value on the wire.
    pub value: Value,
    /// Whether it keeps every constraint of its type.
    pub allowed: bool,
    /// Where it breaks one, from the value downwards as messages write it: empty for the value
    /// itself, `.1.member.tagKey` for a member of the list's first element.
    pub path: String,
}

impl Sample {
    fn new(what: impl Into<String>, value: Value, allowed: bool) -> Self {
        Self {
            what: what.into(),
            value,
            allowed,
            path: String::new(),
        }
    }

    fn within(self, what: &str, path: &str, wrap: impl FnOnce(Value) -> Value) -> Self {
        Self {
            what: format!("{what}: {}", self.what),
            value: wrap(self.value),
            allowed: self.allowed,
            path: format!("{path}{}", self.path),
        }
    }
}

/// A request with the members that the model requires, and no others.
pub fn least_request(operation: Operation) -> Map<String, Value> {
    least_members(operation.schema().input)
}

fn least_members(members: &[Member]) -> Map<String, Value> {
    let needed = members.iter().filter(|member| member.required);
    needed
        .map(|member| (member.name.to_owned(), least(member.shape)))
        .collect()
}

/// A small value that the model allows.
pub fn least(shape: &Shape) -> Value {
    match &shape.kind {
        Kind::Text { length, pattern } => {
            let min = length.map_or(1, |length| length.min.max(1));
            json!(text(
                *pattern,
                min as usize,
                length.map_or(usize::MAX, |length| length.max as usize)
            ))
        }
        Kind::Word(words) => json!(words.first()),
        Kind::Blob(length) => blob(length.min),
        Kind::Integer(range) => json!(range.min),
        Kind::Boolean => json!(false),
        Kind::Timestamp => json!(1_700_000_000),
        Kind::List(element, _) => json!([least(element)]),
        Kind::Map { .. } => json!({}),
        Kind::Structure(members) => Value::Object(least_members(members)),
    }
}

/// Values at every bound of the type and one past each. Lists and structures are tried with one
/// element or member at its bounds at a time.
pub fn samples(shape: &Shape) -> Vec<Sample> {
    match &shape.kind {
        Kind::Text { length, pattern } => texts(*length, *pattern),
        Kind::Word(words) => {
            let all = words.iter().map(|word| Sample::new(*word, json!(word), true));
            all.chain([Sample::new("no word of these", json!("NO_SUCH_WORD"), false)])
                .collect()
        }
        Kind::Blob(length) => bounds(*length, "bytes", |len| Some(blob(len))),
        Kind::Integer(range) => bounds(*range, "as number", |number| Some(json!(number))),
        Kind::Boolean => vec![
            Sample::new("true", json!(true), true),
            Sample::new("false", json!(false), true),
        ],
        Kind::Timestamp => vec![Sample::new("a moment", json!(1_700_000_000.5), true)],
        Kind::List(element, length) => lists(element, *length),
        Kind::Map { .. } => vec![
            Sample::new("no pairs", json!({}), true),
            Sample::new("8192 bytes", json!({ "k": "v".repeat(8191) }), true),
            Sample::new("8193 bytes", json!({ "k": "v".repeat(8192) }), false),
        ],
        Kind::Structure(members) => structures(members),
    }
}

fn bounds(length: Length, unit: &str, make: impl Fn(u32) -> Option<Value>) -> Vec<Sample> {
    let Length { min, max } = length;
    let mut samples = Vec::new();
    let mut add = |number: Option<u32>, allowed| {
        let Some(number) = number else { return };
        if let Some(value) = make(number) {
            let unit = if number == 1 {
                unit.trim_end_matches('s')
            } else {
                unit
            };
            samples.push(Sample::new(format!("{number} {unit}"), value, allowed));
        }
    };
    add(min.checked_sub(1), false);
    add(Some(min), true);
    add(Some(max), true);
    add(max.checked_add(1), false);
    samples
}

fn texts(length: Option<Length>, pattern: Option<&'static Pattern>) -> Vec<Sample> {
    let Some(length) = length else {
        return vec![Sample::new("any text", json!("any"), true)];
    };
    let exactly = |len: u32| {
        let text = text(pattern, len as usize, len as usize);
        // Where no text of that length matches the pattern, there is no such bound.
        (text.chars().count() == len as usize).then(|| json!(text))
    };
    let mut samples = bounds(length, "characters", exactly);
    samples.retain(|sample| !sample.allowed || matches(pattern, &sample.value));
    samples.extend(pattern.map(|pattern| {
        let other = mismatch(pattern, length);
        Sample::new(format!("not {}", pattern.as_str()), json!(other), false)
    }));
    samples
}

fn matches(pattern: Option<&Pattern>, value: &Value) -> bool {
    pattern.is_none_or(|pattern| value.as_str().is_some_and(|text| pattern.matches(text)))
}

/// A text of an allowed length that does not match: none begins with U+2603.
fn mismatch(pattern: &'static Pattern, length: Length) -> String {
    let fitting = text(Some(pattern), length.min.max(1) as usize, length.max as usize);
    let mut chars: Vec<char> = fitting.chars().collect();
    if let Some(first) = chars.first_mut() {
        *first = '\u{2603}';
    }
    chars.into_iter().collect()
}

/// A text that matches the pattern, of at least so many characters, unless it would need more than
/// the most; then one of that many that need not match.
fn text(pattern: Option<&'static Pattern>, at_least: usize, at_most: usize) -> String {
    let (before, fill, after) = pattern.map_or(("", 'a', ""), parts);
    let fixed = before.len() + after.len();
    let text = format!(
        "{before}{}{after}",
        fill.to_string().repeat(at_least.saturating_sub(fixed))
    );
    text.chars().take(at_most).collect()
}

/// A text that matches if the middle is repeated at least once: before, what is repeated, after.
fn parts(its: &'static Pattern) -> (&'static str, char, &'static str) {
    let is = |other: &'static Pattern| std::ptr::eq(its, other);
    if is(&pattern::DIGITS_12) {
        ("", '1', "")
    } else if is(&pattern::CLOUDHSM_CLUSTER) {
        ("cluster-aaaaaaaaaa", 'a', "")
    } else if is(&pattern::SOURCE_ARN) {
        ("arn:aws:s3::111122223333:", 'x', "b")
    } else if is(&pattern::REGION) {
        ("us-east-", '1', "1")
    } else if is(&pattern::SERVICE_PRINCIPAL) {
        ("s3.amazonaws.", 'c', "com")
    } else if is(&pattern::BASE32) {
        ("", 'A', "")
    } else if is(&pattern::URI_ENDPOINT) {
        ("https://", 'x', "")
    } else if is(&pattern::URI_PATH) {
        ("/a", 'b', "/kms/xks/v1")
    } else if is(&pattern::VPC_ENDPOINT_SERVICE) {
        ("com.amazonaws.vpce.us-east-1.vpce-svc-", '0', "")
    } else {
        ("", 'a', "")
    }
}

/// So many zero bytes as Base64.
fn blob(bytes: u32) -> Value {
    let bytes = bytes as usize;
    let padding = ["", "==", "="].get(bytes % 3).copied().unwrap_or_default();
    let chars = (bytes.div_ceil(3) * 4).saturating_sub(padding.len());
    json!(format!("{}{padding}", "A".repeat(chars)))
}

fn lists(element: &'static Shape, length: Option<Length>) -> Vec<Sample> {
    let many = |count: u32| json!(vec![least(element); count as usize]);
    let mut all = match length {
        Some(length) => bounds(length, "elements", |count| Some(many(count))),
        None => vec![Sample::new("no elements", json!([]), true)],
    };
    let is_structure = matches!(element.kind, Kind::Structure(_));
    let path = if is_structure { ".1.member" } else { "" };
    all.extend(samples(element).into_iter().map(|sample| {
        let sample = sample.within("an element", path, |value| json!([value]));
        if is_structure {
            sample
        } else {
            Sample {
                path: String::new(),
                ..sample
            }
        }
    }));
    all
}

fn structures(members: &'static [Member]) -> Vec<Sample> {
    let mut all = Vec::new();
    for member in members {
        let path = format!(".{}", lower_camel(member.name));
        for sample in samples(member.shape) {
            all.push(sample.within(member.name, &path, |value| {
                let mut object = least_members(members);
                object.insert(member.name.to_owned(), value);
                Value::Object(object)
            }));
        }
        if member.required {
            let mut object = least_members(members);
            object.remove(member.name);
            let missing = Sample::new("missing", Value::Object(object), false);
            all.push(missing.within(member.name, &path, |value| value));
        }
    }
    all
}

/// A member's name as messages write it.
pub fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// One request and what the model says of it.
pub struct Case {
    /// What is asked for.
    pub operation: Operation,
    /// What the value of the member shows.
    pub what: String,
    /// The body.
    pub body: Value,
    /// The path of the member that breaks a constraint, as messages write it; `None` if the model
    /// allows the request.
    pub broken: Option<String>,
    /// The member that is at a bound.
    pub member: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.operation, self.member, self.what)
    }
}

/// For every member of the operation's request: the member at each bound and one past it, and
/// without it if it is required; the other required members are there.
pub fn cases(operation: Operation) -> Vec<Case> {
    let members = operation.schema().input;
    let mut all = Vec::new();
    for member in members {
        let path = lower_camel(member.name);
        for sample in samples(member.shape) {
            let mut body = least_request(operation);
            body.insert(member.name.to_owned(), sample.value);
            all.push(Case {
                operation,
                what: sample.what,
                body: Value::Object(body),
                broken: (!sample.allowed).then(|| format!("{path}{}", sample.path)),
                member: member.name,
            });
        }
        if member.required {
            let mut body = least_request(operation);
            body.remove(member.name);
            all.push(Case {
                operation,
                what: "missing".to_owned(),
                body: Value::Object(body),
                broken: Some(path),
                member: member.name,
            });
        }
    }
    all
}
