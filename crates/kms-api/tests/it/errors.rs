//! Errors and their bodies.

use kms_api::{ErrorName, KmsError};

fn body(error: &KmsError) -> String {
    String::from_utf8(error.to_json()).unwrap()
}

#[test]
fn bodies_have_type_and_message() {
    let error = KmsError::new(ErrorName::KmsInvalidStateException, "a \"key\" is\ndisabled");
    assert_eq!(
        body(&error),
        r#"{"__type":"KMSInvalidStateException","message":"a \"key\" is\u000adisabled"}"#
    );
    assert_eq!(
        error.to_string(),
        "KMSInvalidStateException: a \"key\" is\ndisabled"
    );
    assert_eq!(
        body(&KmsError::bare(ErrorName::InvalidCiphertextException)),
        r#"{"__type":"InvalidCiphertextException"}"#
    );
    assert_eq!(
        body(&KmsError::new(ErrorName::SerializationException, "no")),
        r#"{"__type":"SerializationException","Message":"no"}"#
    );
}

#[test]
fn faults_are_5xx_and_all_else_is_400() {
    for name in ErrorName::ALL {
        let expected = match name {
            ErrorName::KmsInternalException
            | ErrorName::KeyUnavailableException
            | ErrorName::InternalFailure => 500,
            ErrorName::DependencyTimeoutException | ErrorName::ServiceUnavailable => 503,
            _ => 400,
        };
        assert_eq!(name.status(), expected, "{name}");
        assert_eq!(name.as_str().parse(), Ok(*name));
    }
    assert!("KmsInternalException".parse::<ErrorName>().is_err());
}

#[test]
fn the_model_lists_48_errors() {
    let modelled: Vec<&ErrorName> = ErrorName::ALL.iter().filter(|name| name.is_modelled()).collect();
    assert_eq!(modelled.len(), 48);
    assert!(!ErrorName::ValidationException.is_modelled());
    assert!(!ErrorName::AccessDeniedException.is_modelled());
}
