use super::*;
use Operation::{Decrypt, Encrypt, GetKeyMetadata};
use proptest::prelude::*;

/// The specification's table, line by line (and its conflict note for GetHealthStatus).
#[test]
fn xks_err_04_names_statuses_and_operations_are_those_of_the_table() {
    let all = Operation::ALL.as_slice();
    let on_keys = [GetKeyMetadata, Encrypt, Decrypt].as_slice();
    let table = [
        ("ValidationException", 400, all),
        ("InvalidStateException", 400, all),
        ("InvalidCiphertextException", 400, &[Decrypt]),
        ("InvalidKeyUsageException", 400, &[Encrypt, Decrypt]),
        ("AuthenticationFailedException", 401, all),
        ("AccessDeniedException", 403, on_keys),
        ("KeyNotFoundException", 404, on_keys),
        ("InvalidUriPathException", 404, all),
        ("ThrottlingException", 429, all),
        ("InternalException", 500, all),
        ("UnsupportedOperationException", 501, all),
        ("DependencyTimeoutException", 503, all),
    ];
    assert_eq!(table.len(), ErrorName::ALL.len());
    for ((text, status, operations), name) in table.into_iter().zip(ErrorName::ALL) {
        assert_eq!(text.parse(), Ok(name));
        assert_eq!(name.as_str(), text);
        assert_eq!(name.http_status(), status);
        for operation in Operation::ALL {
            assert_eq!(
                name.applies_to(operation),
                operations.contains(&operation),
                "{name} {operation}"
            );
        }
    }
    assert_eq!("validationException".parse::<ErrorName>(), Err(UnknownErrorName));
}

#[test]
fn xks_err_01_messages_have_fewer_than_512_characters() {
    assert!(ErrorMessage::new("a".repeat(511)).is_ok());
    assert_eq!(ErrorMessage::new("a".repeat(512)), Err(InvalidErrorMessage));
    assert!(ErrorMessage::new("").is_ok());
}

#[test]
fn xks_err_01_messages_are_printable_ascii() {
    for code in 0..=u8::MAX {
        let text = char::from(code).to_string();
        assert_eq!(
            ErrorMessage::new(text).is_ok(),
            (0x20..=0x7e).contains(&code),
            "{code:#x}"
        );
    }
}

#[test]
fn xks_err_04_the_body_names_the_error() {
    let error = XksError::new(
        ErrorName::InvalidStateException,
        error_message!("the key is \"off\""),
    );
    let expected = r#"{"errorName":"InvalidStateException","errorMessage":"the key is \"off\""}"#;
    assert_eq!(error.to_json(), expected.as_bytes());
    let silent = XksError {
        name: ErrorName::ThrottlingException,
        message: None,
    };
    assert_eq!(silent.to_json(), br#"{"errorName":"ThrottlingException"}"#);
}

#[test]
fn xks_err_03_bodies_without_a_known_name_are_malformed() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<html>",
        r#"{"errorName":5}"#,
        r#"{"errorName":"Oops"}"#,
        r#"{"errorName":"InternalException"} x"#,
        r#"["InternalException"]"#,
    ] {
        assert_eq!(
            XksError::parse(body.as_bytes()),
            Err(wire::MalformedResponse),
            "{body}"
        );
    }
    let strange = r#"{"x":[1,{}],"errorMessage":"line\nbreak","errorName":"InternalException"}"#;
    let expected = XksError {
        name: ErrorName::InternalException,
        message: None,
    };
    assert_eq!(XksError::parse(strange.as_bytes()), Ok(expected));
}

proptest! {
    #[test]
    fn errors_survive_the_wire(index in 0..ErrorName::ALL.len(), text in prop::option::of("[ -~]{0,511}")) {
        let message = text.map(|text| ErrorMessage::new(text).unwrap());
        let error = XksError { name: ErrorName::ALL[index], message };
        prop_assert_eq!(XksError::parse(&error.to_json()), Ok(error));
    }
}
