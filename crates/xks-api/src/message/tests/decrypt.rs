use super::*;
use crate::message::{DecryptRequest, DecryptResponse};
use crate::{CiphertextMetadata, Iv, SizeLimits};
use proptest::prelude::*;

/// The specification's example.
fn example() -> Value {
    json!({
        "requestMetadata": metadata("Decrypt"),
        "additionalAuthenticatedData": "cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n",
        "encryptionAlgorithm": "AES_GCM",
        "ciphertext": "ghxkK1txeDNn3q8Y",
        "ciphertextMetadata": "a2V5X3ZlcnNpb249MQ==",
        "initializationVector": "HMrlRw85cAJUd5Ax",
        "authenticationTag": "vBxN2ncH1oEkR8WVXpmyYQ=="
    })
}

/// All but the request metadata, under the default limits.
fn parse(body: &Value) -> Result<DecryptRequest<'static>, XksError> {
    parse_within(body, SizeLimits::default())
}

fn parse_within(body: &Value, limits: SizeLimits) -> Result<DecryptRequest<'static>, XksError> {
    let body = body.to_string();
    let DecryptRequest {
        metadata,
        ciphertext,
        iv,
        tag,
        ciphertext_metadata,
        aad,
    } = DecryptRequest::parse(body.as_bytes(), &limits)?;
    Ok(DecryptRequest {
        metadata: metadata.into_owned(),
        ciphertext,
        iv,
        tag,
        ciphertext_metadata,
        aad,
    })
}

#[test]
fn xks_dec_04_the_specifications_example_is_read() {
    let request = parse(&example()).ok().unwrap();
    assert_eq!(request.ciphertext, STANDARD.decode("ghxkK1txeDNn3q8Y").unwrap());
    assert_eq!(request.ciphertext_metadata.as_bytes(), b"key_version=1");
    assert_eq!(
        request.aad.as_deref(),
        Some(b"project=nile,department=marketing".as_slice())
    );
    assert_eq!(b64(request.iv.as_bytes()), "HMrlRw85cAJUd5Ax");
    assert_eq!(b64(request.tag), "vBxN2ncH1oEkR8WVXpmyYQ==");
}

#[test]
fn xks_dec_01_ciphertext_of_4300_bytes_is_handled() {
    assert_eq!(
        parse(&with(example(), "ciphertext", b64([7; 4_300])))
            .ok()
            .unwrap()
            .ciphertext,
        [7; 4_300]
    );
    assert_eq!(
        parse(&with(example(), "ciphertext", "")).ok().unwrap().ciphertext,
        b""
    );
}

#[test]
fn xks_dec_01_ciphertext_above_the_limit_is_unsupported() {
    for len in [4_301, 4_302, 4_303, 100_000] {
        let result = parse(&with(example(), "ciphertext", b64(vec![7; len])));
        assert_eq!(refused(result), ErrorName::UnsupportedOperationException, "{len}");
    }
}

#[test]
fn xks_dec_04_aad_of_8192_bytes_is_handled() {
    let body = with(example(), "additionalAuthenticatedData", b64([7; 8_192]));
    assert_eq!(parse(&body).ok().unwrap().aad, Some(vec![7; 8_192]));
}

#[test]
fn xks_dec_04_aad_above_the_limit_is_unsupported() {
    for (limit, beyond) in [(8_192, 8_193), (65_535, 65_536)] {
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
fn xks_dec_04_absent_and_empty_aad_are_different() {
    let body = with(example(), "additionalAuthenticatedData", "");
    assert_eq!(parse(&body).ok().unwrap().aad, Some(vec![]));
    assert_eq!(
        parse(&without(example(), "additionalAuthenticatedData"))
            .ok()
            .unwrap()
            .aad,
        None
    );
}

#[test]
fn xks_dec_02_ciphertext_metadata_has_at_most_20_bytes() {
    for len in 0..=20 {
        let request = parse(&with(example(), "ciphertextMetadata", b64(vec![7; len])))
            .ok()
            .unwrap();
        assert_eq!(request.ciphertext_metadata.as_bytes(), vec![7; len]);
    }
    for len in [21, 22, 23, 24, 255, 256, 10_000] {
        let result = parse(&with(example(), "ciphertextMetadata", b64(vec![7; len])));
        assert_eq!(refused(result), ErrorName::ValidationException, "{len}");
    }
    let absent = parse(&without(example(), "ciphertextMetadata")).ok().unwrap();
    assert_eq!(absent.ciphertext_metadata, CiphertextMetadata::default());
}

#[test]
fn xks_dec_05_the_iv_has_12_or_16_bytes() {
    for len in [12, 16] {
        let request = parse(&with(example(), "initializationVector", b64(vec![7; len])))
            .ok()
            .unwrap();
        assert_eq!(request.iv.as_bytes(), vec![7; len]);
    }
    for len in (0..12).chain(13..16).chain([17, 18, 100_000]) {
        let result = parse(&with(example(), "initializationVector", b64(vec![7; len])));
        assert_eq!(refused(result), ErrorName::InvalidCiphertextException, "{len}");
    }
}

#[test]
fn xks_dec_05_the_tag_has_16_bytes() {
    for len in (0..16).chain([17, 18, 32, 100_000]) {
        let result = parse(&with(example(), "authenticationTag", b64(vec![7; len])));
        assert_eq!(refused(result), ErrorName::InvalidCiphertextException, "{len}");
    }
}

#[test]
fn xks_dec_04_required_members_are_required() {
    for member in [
        "requestMetadata",
        "ciphertext",
        "encryptionAlgorithm",
        "initializationVector",
        "authenticationTag",
    ] {
        assert_eq!(
            refused(parse(&without(example(), member))),
            ErrorName::ValidationException,
            "{member}"
        );
    }
    let result = parse(&with(example(), "encryptionAlgorithm", "AES_CBC"));
    assert_eq!(refused(result), ErrorName::ValidationException);
}

#[test]
fn xks_dec_04_members_are_strings_of_canonical_base64() {
    for member in ["ciphertext", "additionalAuthenticatedData", "ciphertextMetadata"] {
        for text in NOT_CANONICAL {
            let result = parse(&with(example(), member, text));
            assert_eq!(
                refused(result),
                ErrorName::ValidationException,
                "{member} {text:?}"
            );
        }
    }
    // Right in size, wrong in its last bits, alphabet or padding.
    for (member, text) in [
        ("authenticationTag", "vBxN2ncH1oEkR8WVXpmyYR=="),
        ("authenticationTag", "vBxN2ncH1oEkR8WVXpmyY_=="),
        ("authenticationTag", "vBxN2ncH1oEkR8WVXpmyYQ"),
        ("initializationVector", "HMrlRw85cAJUd5A!"),
        ("initializationVector", "HMrlRw85cAJUd5A"),
    ] {
        let result = parse(&with(example(), member, text));
        assert_eq!(
            refused(result),
            ErrorName::ValidationException,
            "{member} {text:?}"
        );
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
fn xks_dec_06_the_response_is_that_of_the_specification() {
    let response = DecryptResponse {
        plaintext: b"Hello World!".to_vec().into(),
    };
    assert_eq!(
        response.to_json().expose(),
        br#"{"plaintext":"SGVsbG8gV29ybGQh"}"#
    );
    assert_eq!(
        response.to_json().as_ref(),
        response.to_json().into_secret().expose()
    );
}

#[test]
fn xks_dec_06_a_response_of_another_length_is_malformed() {
    let body = br#"{"plaintext":"SGVsbG8gV29ybGQh"}"#;
    assert_eq!(
        DecryptResponse::parse(body, 12).ok().unwrap().plaintext.expose(),
        b"Hello World!"
    );
    assert!(DecryptResponse::parse(body, 11).is_err());
    assert!(DecryptResponse::parse(b"{}", 0).is_err());
    assert!(DecryptResponse::parse(br#"["SGVsbG8gV29ybGQh"]"#, 12).is_err());
}

proptest! {
    #[test]
    fn requests_and_responses_survive_the_wire(
        ciphertext in prop::collection::vec(any::<u8>(), 0..200),
        aad in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        ciphertext_metadata in prop::collection::vec(any::<u8>(), 0..=20),
        iv in prop_oneof![prop::collection::vec(any::<u8>(), 12), prop::collection::vec(any::<u8>(), 16)],
        tag in any::<[u8; 16]>(),
    ) {
        let request = DecryptRequest {
            ciphertext: ciphertext.clone(),
            aad,
            ciphertext_metadata: ciphertext_metadata.as_slice().try_into().unwrap(),
            iv: Iv::try_from(iv.as_slice()).unwrap(),
            tag,
            ..parse(&example()).ok().unwrap()
        };
        let printed = request.to_json();
        prop_assert!(DecryptRequest::parse(&printed, &SizeLimits::default()).ok() == Some(request));

        let response = DecryptResponse { plaintext: ciphertext.clone().into() }.to_json();
        let again = DecryptResponse::parse(response.expose(), ciphertext.len()).ok().unwrap();
        prop_assert_eq!(again.plaintext.expose(), ciphertext.as_slice());
    }

    #[test]
    fn no_body_breaks_the_parser(body in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = DecryptRequest::parse(&body, &SizeLimits::default()) {
            prop_assert_eq!(error.name, ErrorName::ValidationException);
        }
    }
}
