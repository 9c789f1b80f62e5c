//! Bodies as JSON trees.

use kms_api::{Document, ErrorName, MAX_DEPTH, MAX_VALUES, Value};

fn refused(body: &str) -> bool {
    match Document::parse(body.as_bytes()) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.name(), ErrorName::SerializationException);
            true
        }
    }
}

#[test]
fn members_keep_their_order_and_null_is_absence() {
    let document = Document::parse(br#" {"b": 1, "a": null, "c": {"d": [true, "x", 1.5]}} "#).unwrap();
    let names: Vec<&str> = document.members().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    assert!(matches!(document.get("b"), Some(Value::Integer(1))));
    assert!(document.get("a").is_none() && document.get("e").is_none());
    let Some(Value::List(list)) = document.get("c").and_then(|c| c.get("d")) else {
        panic!("no list")
    };
    assert!(matches!(
        list.as_slice(),
        [Value::Boolean(true), Value::Text(_), Value::Real(_)]
    ));
    assert_eq!(list[1].as_str(), Some("x"));
}

#[test]
fn only_one_object_of_valid_json_is_a_body() {
    for body in [
        "null",
        "[]",
        "\"x\"",
        "1",
        "{",
        "{}{}",
        "{} x",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "\u{feff}{}",
        " ",
    ] {
        assert!(refused(body), "{body}");
    }
    assert!(Document::parse(b"{\"a\":\"\xff\"}").is_err());
    assert!(Document::parse(b"{\"a\":\"\\ud800\"}").is_err());
}

#[test]
fn an_empty_body_has_no_members() {
    assert!(Document::parse(b"").unwrap().members().is_empty());
    assert!(Document::parse(b"{}").unwrap().members().is_empty());
}

#[test]
fn a_name_twice_in_one_object_is_refused_at_any_depth() {
    assert!(refused(r#"{"KeyId":"a","KeyId":"b"}"#));
    assert!(refused(r#"{"KeyId":"a","\u004beyId":"b"}"#));
    assert!(refused(r#"{"a":[{"b":{"c":1,"d":2,"c":3}}]}"#));
    assert!(!refused(r#"{"a":{"b":1},"c":{"b":1}}"#));
}

#[test]
fn depth_is_bounded_exactly() {
    // The body itself is one level.
    let nested = |lists: usize| format!("{{\"a\":{}1{}}}", "[".repeat(lists), "]".repeat(lists));
    assert!(!refused(&nested(MAX_DEPTH - 1)));
    assert!(refused(&nested(MAX_DEPTH)));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(!refused(&objects(MAX_DEPTH)));
    assert!(refused(&objects(MAX_DEPTH + 1)));
}

#[test]
fn numbers_are_whole_where_they_are_written_so() {
    let document =
        Document::parse(br#"{"a":9223372036854775807,"b":9223372036854775808,"c":-1,"d":1.0,"e":1e2}"#)
            .unwrap();
    assert!(matches!(document.get("a"), Some(Value::Integer(i64::MAX))));
    assert!(matches!(document.get("b"), Some(Value::Real(_))));
    assert!(matches!(document.get("c"), Some(Value::Integer(-1))));
    assert!(matches!(document.get("d"), Some(Value::Real(_))));
    assert!(matches!(document.get("e"), Some(Value::Real(_))));
}

#[test]
fn the_number_of_values_is_bounded_exactly() {
    // The body, one name and the list are three.
    let of = |numbers: u32| format!("{{\"a\":[{}]}}", vec!["0"; numbers as usize].join(","));
    assert!(!refused(&of(MAX_VALUES - 3)));
    assert!(refused(&of(MAX_VALUES - 2)));
}
