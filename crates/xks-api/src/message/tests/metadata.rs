//! Request metadata, on all operations.

use super::*;
use crate::SizeLimits;
use crate::message::{DecryptRequest, EncryptRequest, GetKeyMetadataRequest, HealthRequest};
use crate::metadata::RequestMetadata;
use crate::uri::Operation;

/// Reads these metadata within an otherwise valid body of the operation.
fn parse(operation: Operation, metadata: &Value) -> Result<RequestMetadata<'static>, XksError> {
    let body = with(
        json!({
            "encryptionAlgorithm": "AES_GCM", "plaintext": "QQ==", "ciphertext": "QQ==",
            "initializationVector": b64([1; 12]), "authenticationTag": b64([2; 16]),
        }),
        "requestMetadata",
        metadata.clone(),
    )
    .to_string();
    let (body, limits) = (body.as_bytes(), SizeLimits::default());
    let metadata = match operation {
        Operation::GetKeyMetadata => GetKeyMetadataRequest::parse(body)?.metadata,
        Operation::Encrypt => EncryptRequest::parse(body, &limits)?.metadata,
        Operation::Decrypt => DecryptRequest::parse(body, &limits)?.metadata,
        Operation::GetHealthStatus => HealthRequest::parse(body)?.metadata,
    };
    Ok(metadata.into_owned())
}

const MEMBERS: [&str; 7] = [
    "awsPrincipalArn",
    "awsSourceVpc",
    "awsSourceVpce",
    "kmsKeyArn",
    "kmsOperation",
    "kmsRequestId",
    "kmsViaService",
];

fn required(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::GetKeyMetadata => &["awsPrincipalArn", "kmsOperation", "kmsRequestId"],
        Operation::Encrypt | Operation::Decrypt => {
            &["awsPrincipalArn", "kmsKeyArn", "kmsOperation", "kmsRequestId"]
        }
        Operation::GetHealthStatus => &["kmsOperation", "kmsRequestId"],
    }
}

fn full() -> Value {
    with(
        with(metadata("Encrypt"), "awsSourceVpc", "vpc-1"),
        "awsSourceVpce",
        "vpce-1",
    )
}

#[test]
fn xks_gen_10_exactly_the_required_members_are_required() {
    for operation in Operation::ALL {
        assert!(parse(operation, &full()).is_ok());
        for member in MEMBERS {
            let result = parse(operation, &without(full(), member));
            if required(operation).contains(&member) {
                assert_eq!(
                    refused(result),
                    ErrorName::ValidationException,
                    "{operation} {member}"
                );
            } else {
                assert!(result.is_ok(), "{operation} {member}");
            }
        }
        let mut only_required = json!({});
        for member in required(operation) {
            only_required[*member] = json!("x");
        }
        let parsed = parse(operation, &only_required).unwrap();
        assert_eq!((parsed.aws_source_vpc, parsed.kms_via_service), (None, None));
        assert_eq!(
            refused(parse(operation, &json!({}))),
            ErrorName::ValidationException
        );
    }
}

#[test]
fn xks_gen_10_all_members_arrive() {
    let parsed = parse(Operation::Encrypt, &full()).unwrap();
    assert_eq!(
        parsed.aws_principal_arn.as_deref(),
        Some("arn:aws:iam::123456789012:user/Alice")
    );
    assert_eq!(parsed.aws_source_vpc.as_deref(), Some("vpc-1"));
    assert_eq!(parsed.aws_source_vpce.as_deref(), Some("vpce-1"));
    assert!(parsed.kms_key_arn.as_deref().unwrap().ends_with("1234567890ab"));
    assert_eq!(parsed.kms_operation, "Encrypt");
    assert_eq!(parsed.kms_request_id, "4112f4d6-db54-4af4-ae30-c55a22a8dfae");
    assert_eq!(parsed.kms_via_service.as_deref(), Some("ebs"));
}

#[test]
fn xks_gen_05_arns_of_2048_characters_are_accepted_in_every_member() {
    for operation in Operation::ALL {
        for member in MEMBERS {
            for longest in ["a".repeat(2_048), "\u{1f512}".repeat(2_048)] {
                assert!(
                    parse(operation, &with(full(), member, longest)).is_ok(),
                    "{operation} {member}"
                );
            }
            let longer = "a".repeat(2_049);
            let result = parse(operation, &with(full(), member, longer));
            assert_eq!(
                refused(result),
                ErrorName::ValidationException,
                "{operation} {member}"
            );
        }
    }
}

#[test]
fn xks_gen_08_unknown_operations_are_accepted() {
    for operation in Operation::ALL {
        for name in ["BulkEncrypt", "", "encrypt", "\u{20ac}\n"] {
            let parsed = parse(operation, &with(full(), "kmsOperation", name)).unwrap();
            assert_eq!(parsed.kms_operation, name);
        }
    }
}

#[test]
fn xks_gen_09_unknown_members_are_accepted() {
    let later = json!({ "pcr": ["a", { "b": null }], "n": 1e300, "deep": [[[[[]]]]] });
    for operation in Operation::ALL {
        assert!(parse(operation, &with(full(), "attestation", later.clone())).is_ok());
    }
}

#[test]
fn xks_gen_09_unknown_members_cost_no_stack() {
    let deep = format!(
        r#"{{"x":{}{},"requestMetadata":{{"kmsOperation":"a","kmsRequestId":"b"}}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    assert!(HealthRequest::parse(deep.as_bytes()).is_ok());
}

#[test]
fn xks_gen_10_principals_need_not_be_arns() {
    for principal in [
        "AWS Internal",
        "ec2.amazonaws.com",
        "arn:aws:sts::1:assumed-role/\u{e4}/x",
        "",
    ] {
        for operation in [Operation::GetKeyMetadata, Operation::Encrypt, Operation::Decrypt] {
            let parsed = parse(operation, &with(full(), "awsPrincipalArn", principal)).unwrap();
            assert_eq!(parsed.aws_principal_arn.as_deref(), Some(principal));
        }
    }
}

#[test]
fn xks_md_01_request_ids_are_opaque() {
    for operation in Operation::ALL {
        for id in ["", "x", "not a uuid", "\u{0}\u{7f}\"\\/", "4112F4D6-DB54"] {
            let parsed = parse(operation, &with(full(), "kmsRequestId", id)).unwrap();
            assert_eq!(parsed.kms_request_id, id);
        }
    }
}

#[test]
fn xks_gen_10_values_are_strings_and_come_once() {
    for operation in Operation::ALL {
        for member in MEMBERS {
            for value in no_strings() {
                let result = parse(operation, &with(full(), member, value.clone()));
                assert_eq!(
                    refused(result),
                    ErrorName::ValidationException,
                    "{operation} {member} {value}"
                );
            }
        }
        for metadata in [
            json!(null),
            json!([]),
            json!("x"),
            json!(["a", "b", "c", "d", "e", "f", "g"]),
        ] {
            assert_eq!(
                refused(parse(operation, &metadata)),
                ErrorName::ValidationException,
                "{metadata}"
            );
        }
    }
    let twice = r#"{"requestMetadata":{"kmsOperation":"a","kmsRequestId":"b","kmsRequestId":"b"}}"#;
    assert_eq!(
        refused(HealthRequest::parse(twice.as_bytes())),
        ErrorName::ValidationException
    );
    let escaped = r#"{"requestMetadata":{"kmsOperation":"a","kmsRequestId":"b","\u006bmsRequestId":"b"}}"#;
    assert_eq!(
        refused(HealthRequest::parse(escaped.as_bytes())),
        ErrorName::ValidationException
    );
}

#[test]
fn xks_gen_01_bodies_are_json_objects() {
    let good = r#"{"requestMetadata":{"kmsOperation":"a","kmsRequestId":"b"}}"#;
    assert!(HealthRequest::parse(good.as_bytes()).is_ok());
    assert!(HealthRequest::parse(format!(" \n{good}\r\n\t").as_bytes()).is_ok());
    for bad in [
        String::new(),
        "{".into(),
        "null".into(),
        "{}".into(),
        r#"[{"kmsOperation":"a","kmsRequestId":"b"}]"#.into(),
        format!("{good}{good}"),
        format!("{good},"),
        format!("\u{feff}{good}"),
        good.replace(r#""b""#, r#""b","#),
        good.replace('"', "'"),
        good.replace(r#""b""#, r#""\ud800""#),
    ] {
        assert_eq!(
            refused(HealthRequest::parse(bad.as_bytes())),
            ErrorName::ValidationException,
            "{bad}"
        );
    }
    let mut invalid_utf8 = good.replace("\"a\"", "\"a\",\"later\":\"?\"").into_bytes();
    assert!(HealthRequest::parse(&invalid_utf8).is_ok());
    let position = invalid_utf8.iter().position(|byte| *byte == b'?').unwrap();
    invalid_utf8[position] = 0xff;
    assert_eq!(
        refused(HealthRequest::parse(&invalid_utf8)),
        ErrorName::ValidationException
    );
}
