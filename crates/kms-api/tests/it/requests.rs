//! Bodies as typed requests.

use kms_api::request::{self, Request};
use kms_api::{
    Document, EncryptionAlgorithm, EncryptionContext, ErrorName, GrantOperation, KmsError, Origin,
};

fn parse<R: Request>(body: &str) -> Result<R, KmsError> {
    kms_api::parse(&Document::parse(body.as_bytes())?)
}

#[test]
fn encrypt_reads_every_member() {
    let request: request::Encrypt = parse(
        r#"{"KeyId":"alias/a","Plaintext":"SGVsbG8=","EncryptionContext":{"b":"2","a":"1"},"GrantTokens":["t"],
            "EncryptionAlgorithm":"SYMMETRIC_DEFAULT","DryRun":true,"Unknown":{"x":[1]}}"#,
    )
    .unwrap();
    assert_eq!(request.key_id.as_str(), "alias/a");
    assert_eq!(request.plaintext.expose(), b"Hello");
    let pairs: Vec<_> = request
        .encryption_context
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(pairs, [("a", "1"), ("b", "2")]);
    assert_eq!(request.grant_tokens, ["t"]);
    assert_eq!(
        request.encryption_algorithm,
        Some(EncryptionAlgorithm::SymmetricDefault)
    );
    assert!(request.dry_run);
}

#[test]
fn what_is_absent_or_null_has_its_default() {
    let request: request::Encrypt =
        parse(r#"{"KeyId":"k","Plaintext":"SGVsbG8=","EncryptionContext":null,"DryRun":null}"#).unwrap();
    assert!(request.encryption_context.is_empty() && request.grant_tokens.is_empty() && !request.dry_run);
    assert_eq!(request.encryption_algorithm, None);
    let request: request::CreateKey = parse("{}").unwrap();
    assert!(request.policy.is_none() && request.tags.is_empty() && request.origin.is_none());
    let request: request::ListKeys = parse("").unwrap();
    assert_eq!((request.limit, request.marker), (None, None));
}

#[test]
fn structures_inside_are_read() {
    let request: request::CreateKey =
        parse(r#"{"Origin":"EXTERNAL_KEY_STORE","Tags":[{"TagKey":"k","TagValue":""}],"XksKeyId":"x"}"#)
            .unwrap();
    assert_eq!(request.origin, Some(Origin::ExternalKeyStore));
    assert_eq!(request.tags[0].tag_key, "k");
    let request: request::CreateGrant = parse(
        r#"{"KeyId":"k","GranteePrincipal":"arn:aws:iam::111122223333:user/u","Operations":["Decrypt","Encrypt"],
            "Constraints":{"EncryptionContextSubset":{"a":"b"}}}"#,
    )
    .unwrap();
    assert_eq!(
        request.operations,
        [GrantOperation::Decrypt, GrantOperation::Encrypt]
    );
    let constraints = request.constraints.unwrap();
    assert_eq!(constraints.encryption_context_subset.unwrap().get("a"), Some("b"));
    assert_eq!(constraints.encryption_context_equals, None);
    let request: request::CreateCustomKeyStore = parse(
        r#"{"CustomKeyStoreName":"n","XksProxyAuthenticationCredential":
            {"AccessKeyId":"ABCDEFGHIJKLMNOPQRST","RawSecretAccessKey":"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"}}"#,
    )
    .unwrap();
    assert_eq!(
        *request.xks_proxy_authentication_credential.unwrap().access_key_id,
        "ABCDEFGHIJKLMNOPQRST"
    );
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
    let limit = |text: &str| {
        parse::<request::ListKeys>(&format!("{{\"Limit\":{text}}}")).map(|request| request.limit)
    };
    assert_eq!(limit("7.0"), Ok(Some(7)));
    assert_eq!(limit("1e2"), Ok(Some(100)));
    for text in ["7.5", "2147483648", "1e300", "\"7\"", "true"] {
        assert_eq!(
            limit(text).unwrap_err().name(),
            ErrorName::SerializationException,
            "{text}"
        );
    }
}

#[test]
fn an_encryption_context_has_at_most_8192_bytes() {
    let of = |bytes: usize| EncryptionContext::new([("é".to_owned(), "v".repeat(bytes - 2))].into());
    assert!(of(8192).is_some());
    assert!(of(8193).is_none());
}
