use super::*;
use crate::message::{EncryptRequest, EncryptResponse};
use crate::{CiphertextMetadata, Iv, SizeLimits};
use proptest::prelude::*;
use std::borrow::Cow;

/// The specification's example.
fn example() -> Value {
    json!({
        "requestMetadata": metadata("Encrypt"),
        "additionalAuthenticatedData": "cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n",
        "plaintext": "SGVsbG8gV29ybGQh",
        "encryptionAlgorithm": "AES_GCM",
        "ciphertextDataIntegrityValueAlgorithm": "SHA_256"
    })
}

/// Plaintext, AAD, whether a CDIV is wanted.
type Parsed = (Vec<u8>, Option<Vec<u8>>, bool);

/// Reads under the default limits.
fn parse(body: &Value) -> Result<Parsed, XksError> {
    parse_within(body, SizeLimits::default())
}

fn parse_within(body: &Value, limits: SizeLimits) -> Result<Parsed, XksError> {
    let body = body.to_string();
    let request = EncryptRequest::parse(body.as_bytes(), &limits)?;
    Ok((request.plaintext.expose().to_vec(), request.aad, request.cdiv))
}

#[test]
fn xks_enc_04_the_specifications_example_is_read() {
    let aad = b"project=nile,department=marketing".to_vec();
    assert_eq!(
        parse(&example()).unwrap(),
        (b"Hello World!".to_vec(), Some(aad), true)
    );
}

#[test]
fn xks_enc_01_plaintext_of_4300_bytes_is_handled() {
    let body = with(example(), "plaintext", b64([7; 4_300]));
    assert_eq!(body["plaintext"].as_str().unwrap().len(), 5_736);
    assert_eq!(parse(&body).unwrap().0, [7; 4_300]);
}

#[test]
fn xks_enc_01_plaintext_above_the_limit_is_unsupported() {
    for len in [4_301, 4_302, 4_303, 5_000, 100_000] {
        let body = with(example(), "plaintext", b64(vec![7; len]));
        assert_eq!(
            refused(parse(&body)),
            ErrorName::UnsupportedOperationException,
            "{len}"
        );
        assert_eq!(parse(&body).err().unwrap().http_status(), 501);
    }
    let limits = SizeLimits::new(5_000, 8_192).unwrap();
    assert!(parse_within(&with(example(), "plaintext", b64([7; 5_000])), limits).is_ok());
    let above = with(example(), "plaintext", b64([7; 5_001]));
    assert_eq!(
        refused(parse_within(&above, limits)),
        ErrorName::UnsupportedOperationException
    );
}

#[test]
fn xks_enc_01_empty_plaintext_is_plaintext() {
    assert_eq!(parse(&with(example(), "plaintext", "")).unwrap().0, b"");
}

#[test]
fn xks_enc_05_aad_of_8192_bytes_is_handled() {
    let body = with(example(), "additionalAuthenticatedData", b64([7; 8_192]));
    assert_eq!(
        body["additionalAuthenticatedData"].as_str().unwrap().len(),
        10_924
    );
    assert_eq!(parse(&body).unwrap().1, Some(vec![7; 8_192]));
}

#[test]
fn xks_enc_05_aad_above_the_limit_is_unsupported() {
    for (limit, beyond) in [(8_192, 8_193), (8_192, 8_194), (65_535, 65_536), (65_535, 70_000)] {
        let limits = SizeLimits::new(4_300, limit).unwrap();
        let body = |len| with(example(), "additionalAuthenticatedData", b64(vec![7; len]));
        assert!(parse_within(&body(limit), limits).is_ok());
        let refusal = refused(parse_within(&body(beyond), limits));
        assert_eq!(
            refusal,
            ErrorName::UnsupportedOperationException,
            "{limit} {beyond}"
        );
    }
}

#[test]
fn xks_enc_04_absent_and_empty_aad_are_different() {
    assert_eq!(
        parse(&with(example(), "additionalAuthenticatedData", ""))
            .unwrap()
            .1,
        Some(vec![])
    );
    assert_eq!(
        parse(&without(example(), "additionalAuthenticatedData"))
            .unwrap()
            .1,
        None
    );
}

#[test]
fn xks_enc_03_the_algorithm_is_aes_gcm() {
    for wrong in ["", "aes_gcm", "AES_GCM ", "AES_CBC", "AES-GCM"] {
        let result = parse(&with(example(), "encryptionAlgorithm", wrong));
        assert_eq!(refused(result), ErrorName::ValidationException, "{wrong}");
    }
}

#[test]
fn xks_enc_06_the_cdiv_algorithm_is_sha_256() {
    for wrong in ["", "sha_256", "SHA256", "SHA_512"] {
        let result = parse(&with(example(), "ciphertextDataIntegrityValueAlgorithm", wrong));
        assert_eq!(refused(result), ErrorName::ValidationException, "{wrong}");
    }
    assert!(
        !parse(&without(example(), "ciphertextDataIntegrityValueAlgorithm"))
            .unwrap()
            .2
    );
}

#[test]
fn xks_enc_04_required_members_are_required() {
    for member in ["requestMetadata", "plaintext", "encryptionAlgorithm"] {
        assert_eq!(
            refused(parse(&without(example(), member))),
            ErrorName::ValidationException,
            "{member}"
        );
    }
}

#[test]
fn xks_enc_04_members_are_strings_of_canonical_base64() {
    for member in ["plaintext", "additionalAuthenticatedData"] {
        for text in NOT_CANONICAL {
            let result = parse(&with(example(), member, text));
            assert_eq!(
                refused(result),
                ErrorName::ValidationException,
                "{member} {text:?}"
            );
        }
    }
    for member in example().as_object().unwrap().keys() {
        for value in no_strings() {
            let result = parse(&with(example(), member, value.clone()));
            assert_eq!(
                refused(result),
                ErrorName::ValidationException,
                "{member} {value}"
            );
        }
    }
}

#[test]
fn xks_enc_04_members_come_once_unknown_ones_as_they_like() {
    let body = example().to_string();
    let limits = SizeLimits::default();
    let repeated = body.replace(r#""plaintext":"#, r#""plaintext":"QQ==","plaintext":"#);
    assert_eq!(
        refused(EncryptRequest::parse(repeated.as_bytes(), &limits)),
        ErrorName::ValidationException
    );
    let unknown = body.replace(r#""plaintext":"#, r#""x":null,"x":[{}],"plaintext":"#);
    assert!(EncryptRequest::parse(unknown.as_bytes(), &limits).is_ok());
}

#[test]
fn xks_enc_04_escapes_in_strings_are_understood() {
    let body = example().to_string().replace("SGVsbG8gV29ybGQh", r"\u002f\/\/\/");
    let request = EncryptRequest::parse(body.as_bytes(), &SizeLimits::default())
        .ok()
        .unwrap();
    assert_eq!(request.plaintext.expose(), [0xff; 3]);
}

/// An error must not quote what it complains about, wherever the fault is.
#[test]
fn xks_enc_02_errors_say_nothing_of_the_plaintext() {
    let body = example().to_string();
    for end in 0..body.len() {
        refused(EncryptRequest::parse(
            &body.as_bytes()[..end],
            &SizeLimits::default(),
        ));
    }
    let misplaced = json!({ "requestMetadata": "SGVsbG8gV29ybGQh" }).to_string();
    refused(EncryptRequest::parse(
        misplaced.as_bytes(),
        &SizeLimits::default(),
    ));
}

fn response(cdiv: bool) -> EncryptResponse<'static> {
    EncryptResponse {
        ciphertext: Cow::Owned(STANDARD.decode("ghxkK1txeDNn3q8Y").unwrap()),
        ciphertext_metadata: CiphertextMetadata::try_from(b"key_version=1".as_slice()).unwrap(),
        iv: Iv::try_from(STANDARD.decode("HMrlRw85cAJUd5Ax").unwrap().as_slice()).unwrap(),
        tag: STANDARD
            .decode("vBxN2ncH1oEkR8WVXpmyYQ==")
            .unwrap()
            .try_into()
            .unwrap(),
        cdiv: cdiv.then(|| {
            let digest = STANDARD.decode("qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=");
            digest.unwrap().try_into().unwrap()
        }),
    }
}

#[test]
fn xks_enc_08_the_response_is_that_of_the_specification() {
    let printed: Value = serde_json::from_slice(&response(true).to_json()).unwrap();
    let expected = json!({
        "authenticationTag": "vBxN2ncH1oEkR8WVXpmyYQ==",
        "ciphertext": "ghxkK1txeDNn3q8Y",
        "ciphertextDataIntegrityValue": "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=",
        "ciphertextMetadata": "a2V5X3ZlcnNpb249MQ==",
        "initializationVector": "HMrlRw85cAJUd5Ax"
    });
    assert_eq!(printed, expected);
}

#[test]
fn xks_enc_07_the_cdiv_is_there_if_and_only_if_given() {
    let printed: Value = serde_json::from_slice(&response(false).to_json()).unwrap();
    assert_eq!(printed.get("ciphertextDataIntegrityValue"), None);
    let printed: Value = serde_json::from_slice(&response(true).to_json()).unwrap();
    assert_eq!(
        printed["ciphertextDataIntegrityValue"].as_str().unwrap().len(),
        44
    );
}

#[test]
fn xks_enc_10_empty_metadata_is_left_out() {
    let response = EncryptResponse {
        ciphertext_metadata: CiphertextMetadata::default(),
        ..response(true)
    };
    let printed: Value = serde_json::from_slice(&response.to_json()).unwrap();
    assert_eq!(printed.get("ciphertextMetadata"), None);
}

#[test]
fn xks_enc_09_a_response_with_wrong_sizes_is_malformed() {
    let good: Value = serde_json::from_slice(&response(true).to_json()).unwrap();
    let parse = |body: &Value, len| EncryptResponse::parse(body.to_string().as_bytes(), len);
    assert!(parse(&good, 12).ok().unwrap() == response(true));
    assert!(parse(&good, 11).is_err());
    assert!(parse(&with(good.clone(), "ciphertextMetadata", Value::Null), 12).is_ok());
    for (member, len) in [
        ("ciphertext", 13),
        ("ciphertextMetadata", 21),
        ("initializationVector", 13),
        ("authenticationTag", 15),
        ("ciphertextDataIntegrityValue", 31),
    ] {
        assert!(
            parse(&with(good.clone(), member, b64(vec![1; len])), 12).is_err(),
            "{member}"
        );
        assert!(parse(&with(good.clone(), member, "!"), 12).is_err(), "{member}");
    }
    for member in ["ciphertext", "initializationVector", "authenticationTag"] {
        assert!(parse(&without(good.clone(), member), 12).is_err(), "{member}");
    }
}

proptest! {
    #[test]
    fn requests_and_responses_survive_the_wire(
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        aad in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        cdiv in any::<bool>(),
        id in any::<String>(),
        ciphertext_metadata in prop::collection::vec(any::<u8>(), 0..=20),
        iv in prop_oneof![prop::collection::vec(any::<u8>(), 12), prop::collection::vec(any::<u8>(), 16)],
        tag in any::<[u8; 16]>(),
        digest in any::<[u8; 32]>(),
    ) {
        let body = with(example(), "requestMetadata", with(metadata("Encrypt"), "kmsRequestId", id)).to_string();
        let template = EncryptRequest::parse(body.as_bytes(), &SizeLimits::default()).ok().unwrap();
        let request = EncryptRequest { plaintext: plaintext.clone().into(), aad, cdiv, ..template };
        let printed = request.to_json();
        let again = EncryptRequest::parse(printed.expose(), &SizeLimits::default()).ok().unwrap();
        prop_assert_eq!(&again.metadata, &request.metadata);
        prop_assert_eq!(again.plaintext.expose(), plaintext.as_slice());
        prop_assert_eq!((again.aad, again.cdiv), (request.aad, request.cdiv));

        let response = EncryptResponse {
            ciphertext: Cow::Borrowed(&plaintext),
            ciphertext_metadata: ciphertext_metadata.as_slice().try_into().unwrap(),
            iv: iv.as_slice().try_into().unwrap(),
            tag,
            cdiv: cdiv.then_some(digest),
        };
        let printed = response.to_json();
        prop_assert_eq!(printed.len(), printed.capacity());
        prop_assert!(EncryptResponse::parse(&printed, plaintext.len()).ok() == Some(response));
    }

    #[test]
    fn xks_enc_02_no_body_breaks_the_parser_or_shows_in_an_error(body in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = EncryptRequest::parse(&body, &SizeLimits::default()) {
            prop_assert_eq!(error.name, ErrorName::ValidationException);
        }
    }
}
