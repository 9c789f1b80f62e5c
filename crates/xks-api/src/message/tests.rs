//! What the types guarantee, by requirement.

mod decrypt;
mod encrypt;
mod health;
mod key_metadata;
mod metadata;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::{ErrorMessage, ErrorName, XksError};

/// The request metadata of the specification's examples.
fn metadata(operation: &str) -> Value {
    json!({
        "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice",
        "kmsKeyArn": "arn:aws:kms:us-east-2:123456789012:/key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "kmsOperation": operation,
        "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
        "kmsViaService": "ebs",
    })
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// The body with one member set to another value.
fn with(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
    body[member] = value.into();
    body
}

/// The body without one member.
fn without(mut body: Value, member: &str) -> Value {
    body.as_object_mut().unwrap().remove(member).unwrap();
    body
}

/// Values that are no strings.
fn no_strings() -> [Value; 6] {
    [
        json!(null),
        json!(5),
        json!(true),
        json!([]),
        json!({}),
        json!(["x"]),
    ]
}

/// Base64 that a lenient decoder might take.
const NOT_CANONICAL: [&str; 11] = [
    "QQ", "QQ=", "QR==", "QUJ=", "Q===", "====", "QUI=QUI=", "QQ==\n", " QQ==", "-_-_", "QUJD=",
];

/// The name of the error, having checked that nothing of the body shows.
fn refused<T>(result: Result<T, XksError>) -> ErrorName {
    let error = result.err().expect("must be refused");
    let message = error.message.as_ref().map_or("", ErrorMessage::as_str);
    for part in ["Alice", "4112f4d6", "SGVsbG8", "Hello", "1234abcd"] {
        assert!(!message.contains(part), "{message}");
    }
    error.name
}
