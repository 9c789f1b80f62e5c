//! Broken constraints in AWS's words, and every bound of the model.

use kms_api::{Document, ErrorName, KmsError, Operation};
use testkit::kms_values;

fn validate(operation: Operation, body: &str) -> Result<(), KmsError> {
    kms_api::validate(operation, &Document::parse(body.as_bytes()).unwrap())
}

fn message(operation: Operation, body: &str) -> String {
    let error = validate(operation, body).unwrap_err();
    assert_eq!(error.name(), ErrorName::ValidationException);
    error.message().unwrap().to_owned()
}

fn type_error(operation: Operation, body: &str) -> String {
    let error = validate(operation, body).unwrap_err();
    assert_eq!(error.name(), ErrorName::SerializationException);
    error.message().unwrap().to_owned()
}

#[test]
fn kms_constraint_every_bound_of_the_model_is_exact() {
    let mut count = 0;
    for operation in Operation::ALL {
        for case in kms_values::cases(*operation) {
            let result = validate(*operation, &case.body.to_string());
            match &case.broken {
                None => assert_eq!(result, Ok(()), "{case}"),
                Some(path) => {
                    let error = result.expect_err(&case.to_string());
                    assert_eq!(error.name(), ErrorName::ValidationException, "{case}");
                    let text = error.message().unwrap();
                    // A value may break its length and its pattern at once, but no other member's.
                    let here = format!(" at '{path}' failed to satisfy constraint: ");
                    let found = text.matches(" failed to satisfy constraint: ").count();
                    assert_eq!(text.matches(&here).count(), found, "{case}: {text}");
                    assert!(found > 0, "{case}: {text}");
                }
            }
            count += 1;
        }
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn a_missing_member_must_not_be_null() {
    let expected = "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: \
                    Member must not be null";
    assert_eq!(message(Operation::DescribeKey, "{}"), expected);
    assert_eq!(message(Operation::DescribeKey, r#"{"KeyId":null}"#), expected);
}

#[test]
fn lengths_patterns_and_words_are_quoted_with_the_value() {
    let long = "x".repeat(1025);
    assert_eq!(
        message(
            Operation::ListKeys,
            &format!(r#"{{"Marker":"{long}","Limit":0}}"#)
        ),
        format!(
            "2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have \
             value greater than or equal to 1; Value '{}' at 'marker' failed to satisfy constraint: Member must \
             have length less than or equal to 1024",
            &long[..1024]
        )
    );
    assert_eq!(
        message(Operation::GenerateDataKey, r#"{"KeyId":"k","KeySpec":"AES_257"}"#),
        "1 validation error detected: Value 'AES_257' at 'keySpec' failed to satisfy constraint: \
         Member must satisfy enum value set: [AES_256, AES_128]"
    );
    assert_eq!(
        message(Operation::DeleteAlias, r#"{"AliasName":""}"#),
        "2 validation errors detected: Value '' at 'aliasName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: ^[a-zA-Z0-9:/_-]+$; Value '' at 'aliasName' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
}

#[test]
fn what_may_be_secret_is_not_quoted() {
    assert_eq!(
        message(Operation::Encrypt, r#"{"KeyId":"k","Plaintext":""}"#),
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
    let all = message(
        Operation::CreateCustomKeyStore,
        r#"{"CustomKeyStoreName":"n","KeyStorePassword":"hidden","XksProxyAuthenticationCredential":
            {"AccessKeyId":"hidden","RawSecretAccessKey":"hidden"}}"#,
    );
    assert!(
        all.starts_with("4 validation errors detected: Value at 'keyStorePassword'"),
        "{all}"
    );
    assert!(
        all.contains("Value at 'xksProxyAuthenticationCredential.rawSecretAccessKey'"),
        "{all}"
    );
    assert!(!all.contains("hidden"), "{all}");
}

#[test]
fn lists_show_their_elements_and_structures_in_lists_their_place() {
    let all = message(
        Operation::CreateGrant,
        r#"{"KeyId":"k","Operations":["Decrypt","Fly"]}"#,
    );
    assert!(
        all.starts_with(
            "1 validation error detected: Value '[Decrypt, Fly]' at 'operations' failed to satisfy constraint: \
             Member must satisfy constraint: [Member must satisfy enum value set: [Decrypt, Encrypt,"
        ),
        "{all}"
    );
    assert_eq!(
        message(
            Operation::TagResource,
            r#"{"KeyId":"k","Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"","TagValue":"b"}]}"#
        ),
        "1 validation error detected: Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
    let all = message(Operation::Decrypt, r#"{"EncryptionContext":{"a":null}}"#);
    assert!(
        all.contains("Value '{a=null}' at 'encryptionContext' failed to satisfy constraint: Map value must"),
        "{all}"
    );
    let null = message(Operation::TagResource, r#"{"KeyId":"k","Tags":[null]}"#);
    assert!(null.contains("Value null at 'tags.1.member' failed"), "{null}");
}

#[test]
fn an_answer_does_not_grow_with_the_request() {
    let tags = vec![r#"{"TagKey":""}"#; 5000].join(",");
    let all = message(
        Operation::TagResource,
        &format!(r#"{{"KeyId":"k","Tags":[{tags}]}}"#),
    );
    assert!(all.starts_with("10 validation errors detected: "), "{all}");
    let long = "x".repeat(100_000);
    assert!(message(Operation::DescribeKey, &format!(r#"{{"KeyId":"{long}"}}"#)).len() < 1400);
    let context = format!(r#"{{"EncryptionContext":{{"a":"{long}"}}}}"#);
    assert!(message(Operation::Decrypt, &context).len() < 1400);
}

#[test]
fn lengths_count_characters() {
    let of = |count: usize| format!(r#"{{"KeyId":"k","Description":"{}"}}"#, "☃".repeat(count));
    assert!(validate(Operation::UpdateKeyDescription, &of(8192)).is_ok());
    assert!(validate(Operation::UpdateKeyDescription, &of(8193)).is_err());
}

#[test]
fn a_wrong_json_type_comes_before_every_constraint() {
    let cases = [
        (
            Operation::DescribeKey,
            r#"{"KeyId":1}"#,
            "NUMBER_VALUE can not be converted to String",
        ),
        (
            Operation::DescribeKey,
            r#"{"KeyId":true}"#,
            "TRUE_VALUE can not be converted to String",
        ),
        (
            Operation::DescribeKey,
            r#"{"KeyId":{}}"#,
            "Start of structure or map found where not expected.",
        ),
        (
            Operation::DescribeKey,
            r#"{"KeyId":[]}"#,
            "Start of list found where not expected",
        ),
        (
            Operation::ListKeys,
            r#"{"Marker":"","Limit":"7"}"#,
            "STRING_VALUE can not be converted to Integer",
        ),
        (
            Operation::Encrypt,
            r#"{"DryRun":"true"}"#,
            "STRING_VALUE can not be converted to Boolean",
        ),
        (
            Operation::Encrypt,
            r#"{"EncryptionContext":"x"}"#,
            "Unexpected field type",
        ),
        (
            Operation::Encrypt,
            r#"{"EncryptionContext":{"a":1}}"#,
            "NUMBER_VALUE can not be converted to String",
        ),
        (
            Operation::Encrypt,
            r#"{"GrantTokens":"x"}"#,
            "Unexpected field type",
        ),
        (
            Operation::Encrypt,
            r#"{"GrantTokens":{}}"#,
            "Start of structure or map found where not expected.",
        ),
        (
            Operation::ImportKeyMaterial,
            r#"{"ValidTo":"2030"}"#,
            "STRING_VALUE can not be converted to Timestamp",
        ),
    ];
    for (operation, body, expected) in cases {
        assert_eq!(type_error(operation, body), expected, "{body}");
    }
}

#[test]
fn bytes_are_canonical_base64() {
    for text in [
        "SGVsbG8",
        "SGVsbG8==",
        "SGVsbG9=",
        "SGVs bG8=",
        "SGVsbG8-",
        "=",
        "A",
        "SGVsbG8=\\n",
    ] {
        let body = format!(r#"{{"KeyId":"k","Plaintext":"{text}"}}"#);
        assert_eq!(
            type_error(Operation::Encrypt, &body),
            "STRING_VALUE can not be converted to Blob",
            "{text}"
        );
    }
    assert!(validate(Operation::Encrypt, r#"{"KeyId":"k","Plaintext":"SGVsbG8="}"#).is_ok());
}
