//! Whatever the body: no panic, and what is valid reads as the typed request.

use kms_api::request::{self, Request};
use kms_api::{Document, Operation};
use proptest::prelude::*;
use testkit::kms_values;

/// What `parse` says of each supported operation, beside what `validate` says.
fn agree(document: &Document) {
    fn check<R: Request>(document: &Document) {
        let valid = kms_api::validate(R::OPERATION, document);
        assert_eq!(
            kms_api::parse::<R>(document).err(),
            valid.err(),
            "{}",
            R::OPERATION
        );
    }
    macro_rules! check_all {
        ($($name:ident),+ $(,)?) => { $(check::<request::$name>(document);)+ };
    }
    kms_api::for_each_request!(check_all);
}

#[test]
fn every_bound_reads_if_it_is_valid() {
    for operation in Operation::ALL {
        for case in kms_values::cases(*operation) {
            agree(&Document::parse(case.body.to_string().as_bytes()).unwrap());
        }
    }
}

/// Members of one operation, each absent, allowed, one past a bound, or something else altogether.
fn body() -> impl Strategy<Value = serde_json::Value> {
    let operation = prop::sample::select(Operation::ALL.to_vec());
    (
        operation,
        prop::collection::vec((0_u8..8, any::<prop::sample::Index>()), 12),
    )
        .prop_map(|(operation, choices)| {
            let mut body = kms_values::least_request(operation);
            for (member, (choice, index)) in operation.schema().input.iter().zip(choices) {
                match choice {
                    0 => drop(body.remove(member.name)),
                    1 => drop(body.insert(member.name.to_owned(), index.get(&odd_values()).clone())),
                    2..5 => {
                        let samples = kms_values::samples(member.shape);
                        body.insert(member.name.to_owned(), index.get(&samples).value.clone());
                    }
                    _ => {}
                }
            }
            serde_json::Value::Object(body)
        })
}

fn odd_values() -> Vec<serde_json::Value> {
    use serde_json::json;
    vec![
        json!(null),
        json!(-1),
        json!(1.5),
        json!([null]),
        json!({"a": null}),
        json!({"a": {}}),
        json!([[]]),
        json!("="),
    ]
}

proptest! {
    #[test]
    fn what_is_valid_reads(body in body()) {
        agree(&Document::parse(body.to_string().as_bytes()).unwrap());
    }

    #[test]
    fn no_body_panics(bytes in any::<Vec<u8>>()) {
        if let Ok(document) = Document::parse(&bytes) {
            agree(&document);
        }
    }
}
