//! Prints the API's model as JSON: `cargo run -p kms-api --example model`. The project's chores make
//! `docs/kms-coverage.md` from it, and hold it against botocore's model. With each operation come
//! the values at the bounds of its members, as the tests send them.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use kms_api::schema::{Kind, Length, Member, SHAPES, Shape};
use kms_api::{ErrorName, Operation, request};
use serde_json::{Map, Value, json};
use testkit::kms_values;

fn main() {
    let shapes: Map<String, Value> = SHAPES
        .iter()
        .map(|its| (its.name.to_owned(), shape(its)))
        .collect();
    let operations: Map<String, Value> = Operation::ALL
        .iter()
        .map(|its| (its.name().to_owned(), operation(*its)))
        .collect();
    let errors = ErrorName::ALL.iter().filter(|name| name.is_modelled());
    let errors: Vec<&str> = errors.map(|name| name.as_str()).collect();
    println!(
        "{:#}",
        json!({ "operations": operations, "shapes": shapes, "errors": errors })
    );
}

fn operation(operation: Operation) -> Value {
    let schema = operation.schema();
    let errors: Vec<&str> = schema.errors.iter().map(|name| name.as_str()).collect();
    json!({
        "supported": request::SUPPORTED.contains(&operation),
        "input": members(schema.input),
        "output": schema.output.map(members),
        "errors": errors,
        "cases": cases(operation),
    })
}

fn cases(operation: Operation) -> Value {
    let cases = kms_values::cases(operation).into_iter();
    cases
        .map(|case| json!({ "member": case.member, "what": case.what, "allowed": case.broken.is_none() }))
        .collect()
}

fn members(members: &[Member]) -> Value {
    let members = members.iter();
    members
        .map(|member| json!({ "name": member.name, "shape": member.shape.name, "required": member.required }))
        .collect()
}

/// In the words of botocore's model.
fn shape(shape: &Shape) -> Value {
    let mut value = match &shape.kind {
        Kind::Text { length, pattern } => {
            let mut value = bounded("string", *length);
            if let Some(pattern) = pattern {
                value.insert("pattern".into(), json!(pattern.as_str()));
            }
            value
        }
        Kind::Word(words) => object(json!({ "type": "string", "enum": words })),
        Kind::Blob(length) => bounded("blob", Some(*length)),
        Kind::Integer(range) => bounded("integer", Some(*range)),
        Kind::Boolean => object(json!({ "type": "boolean" })),
        Kind::Timestamp => object(json!({ "type": "timestamp" })),
        Kind::List(element, length) => {
            let mut value = bounded("list", *length);
            value.insert("member".into(), json!(element.name));
            value
        }
        Kind::Map { key, value } => object(json!({ "type": "map", "key": key.name, "value": value.name })),
        Kind::Structure(inner) => object(json!({ "type": "structure", "members": members(inner) })),
    };
    if shape.sensitive {
        value.insert("sensitive".into(), json!(true));
    }
    Value::Object(value)
}

fn bounded(kind: &str, length: Option<Length>) -> Map<String, Value> {
    let mut value = object(json!({ "type": kind }));
    if let Some(Length { min, max }) = length {
        value.insert("min".into(), json!(min));
        value.insert("max".into(), json!(max));
    }
    value
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
