//! Verdicts over requests that lack, repeat or bend what a signature needs.

mod secrets;

use std::cell::Cell;
use std::time::Duration;

use ambient::{FailingRandom, SeededRandom};
use proptest::prelude::*;

use super::*;
use crate::MalformedAuthorization;
use crate::tests::support::{ACCESS_KEY_ID, BODY, NOON, Request, rules, secret, signer, verifier};
use crate::{SignError, Signer, Target};

fn other_secret() -> SecretAccessKey {
    SecretAccessKey::new("AnotherSecretOfFortyThreeCharacters12345678".to_owned())
}

fn ahead_of_noon(secs: u64) -> Timestamp {
    NOON.saturating_add(Duration::from_secs(secs))
}

fn before_noon(secs: u64) -> Timestamp {
    Timestamp::from_secs(NOON.as_secs() - secs)
}

#[test]
fn xks_auth_07_five_minutes_are_accepted_and_a_second_more_is_not() {
    let request = Request::signed();
    let at = |now| request.verify_with(&rules(), now).err();
    assert_eq!(at(ahead_of_noon(300)), None);
    assert_eq!(at(before_noon(300)), None);
    let age = Duration::from_secs(301);
    assert_eq!(at(ahead_of_noon(301)), Some(Refusal::TooOld { age }));
    assert_eq!(at(before_noon(301)), Some(Refusal::TooNew { ahead: age }));
}

#[test]
fn xks_auth_07_the_limit_is_exact_to_the_microsecond() {
    let request = Request::signed();
    let past = Timestamp::from_micros(ahead_of_noon(300).as_micros() + 1);
    let future = Timestamp::from_micros(before_noon(300).as_micros() - 1);
    for now in [past, future] {
        assert!(request.verify_with(&rules(), now).is_err());
    }
}

#[test]
fn xks_auth_06_an_old_request_cannot_be_given_a_fresh_date() {
    let request = Request::signed().without("x-amz-date");
    let fresh = request.with("x-amz-date", "20240515T120500Z");
    let refusal = fresh.verify_with(&rules(), ahead_of_noon(301)).err();
    assert_eq!(refusal, Some(Refusal::UnknownCredentialOrSignature));
}

#[test]
fn xks_auth_06_a_request_without_one_good_date_is_refused() {
    let request = Request::signed();
    let undated = request.clone().without("x-amz-date");
    assert_eq!(undated.refusal(), Refusal::MalformedDate);
    let date_header = undated.clone().with("date", "Wed, 15 May 2024 12:00:00 GMT");
    assert_eq!(date_header.refusal(), Refusal::MalformedDate);
    let malformed = undated.with("x-amz-date", "2024-05-15T12:00:00Z");
    assert_eq!(malformed.refusal(), Refusal::MalformedDate);
    let twice = request.with("x-amz-date", "20240515T120000Z");
    assert_eq!(twice.refusal(), Refusal::DuplicateHeader("x-amz-date"));
}

#[test]
fn xks_auth_06_signatures_hold_across_midnight() {
    let midnight = Timestamp::from_secs(NOON.as_secs() / 86_400 * 86_400);
    let request = Request::unsigned().sign_at(&secret(), Timestamp::from_secs(midnight.as_secs() - 60));
    let now = midnight.saturating_add(Duration::from_secs(60));
    assert!(request.verify_with(&rules(), now).is_ok());
}

#[test]
fn xks_auth_02_the_scope_is_held_against_date_service_and_region() {
    let request = Request::signed();
    for (from, to, part) in [
        ("/20240515/", "/20240514/", ScopePart::Date),
        ("/kms-xks-proxy/", "/kms/", ScopePart::Service),
    ] {
        assert_eq!(
            request.clone().edit(from, to).refusal(),
            Refusal::WrongScope(part)
        );
    }
    let terminator = request.clone().edit("aws4_request", "aws5_request").refusal();
    assert_eq!(terminator, MalformedAuthorization::Credential.into());

    let mut rules = rules();
    rules.region = Some("us-east-1".into());
    assert!(request.verify_with(&rules, NOON).is_ok());
    rules.region = Some("us-east-2".into());
    let refusal = request.verify_with(&rules, NOON).err();
    assert_eq!(refusal, Some(Refusal::WrongScope(ScopePart::Region)));
}

#[test]
fn xks_auth_02_another_region_in_the_scope_is_another_key() {
    let request = Request::signed().edit("/us-east-1/", "/us-east-2/");
    assert_eq!(request.refusal(), Refusal::UnknownCredentialOrSignature);
}

#[test]
fn xks_auth_01_a_request_without_exactly_one_authorization_header_is_refused() {
    let request = Request::signed();
    assert_eq!(
        request.clone().without("authorization").refusal(),
        Refusal::MissingAuthorization
    );
    let line = request.authorization();
    let twice = request.clone().with("authorization", &line);
    assert_eq!(twice.refusal(), Refusal::DuplicateHeader("authorization"));
    let other = request
        .without("authorization")
        .with("authorization", "Bearer abc");
    assert_eq!(other.refusal(), MalformedAuthorization::Algorithm.into());
}

#[test]
fn xks_auth_01_a_signature_in_the_query_string_is_refused() {
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00".to_owned();
    let both = Request {
        query,
        ..Request::signed()
    };
    assert_eq!(both.refusal(), Refusal::QueryAuthentication);
    assert_eq!(
        both.without("authorization").refusal(),
        Refusal::QueryAuthentication
    );
}

#[test]
fn xks_auth_04_host_and_date_must_be_signed() {
    let request = Request::signed();
    let hostless = request.clone().edit("host;x-amz-date", "x-amz-date");
    assert_eq!(hostless.refusal(), Refusal::UnsignedHeader("host"));
    let dateless = request.edit("host;x-amz-date", "host");
    assert_eq!(dateless.refusal(), Refusal::UnsignedHeader("x-amz-date"));
}

#[test]
fn xks_auth_04_headers_are_taken_from_what_signed_headers_lists() {
    let request = Request::unsigned()
        .with("accept", "a  b")
        .with("x-amz-zz", "1")
        .with("x-amz-zz", "2")
        .sign(&secret());
    assert!(
        request
            .authorization()
            .contains("SignedHeaders=accept;host;x-amz-date;x-amz-zz,")
    );
    assert!(request.verify().is_ok());
    assert_eq!(request.without("accept").refusal(), Refusal::SignedHeaderAbsent);
}

#[test]
fn xks_auth_04_on_http_2_authority_plays_host() {
    let authority = Some("xks.example.com".to_owned());
    let request = Request {
        authority,
        ..Request::signed().without("host")
    };
    assert!(request.verify().is_ok(), "signed with Host, sent with :authority");
    let request = request.with("host", "xks.example.com");
    assert!(request.verify().is_ok(), "both, the same");
    let request = request.without("host").with("host", "XKS.example.com");
    assert_eq!(request.refusal(), Refusal::HostConflict);
    let authority = Some("other.example.com".to_owned());
    let other = Request {
        authority,
        ..Request::signed().without("host")
    };
    assert_eq!(other.refusal(), Refusal::UnknownCredentialOrSignature);
}

#[test]
fn xks_auth_04_a_request_has_one_well_formed_host() {
    let request = Request::signed();
    let twice = request.clone().with("host", "xks.example.com");
    assert_eq!(twice.refusal(), Refusal::DuplicateHeader("host"));
    let hostless = request.without("host");
    assert_eq!(hostless.refusal(), Refusal::MalformedHost);
    let long = "h".repeat(limits::HOST_LEN + 1);
    for host in ["", "a b", &long] {
        assert_eq!(
            hostless.clone().with("host", host).refusal(),
            Refusal::MalformedHost
        );
        let authority = Some(host.to_owned());
        let h2 = Request {
            authority,
            ..hostless.clone()
        };
        assert_eq!(h2.refusal(), Refusal::MalformedHost);
    }
    let authority = Some("a\nx-amz-date:20240515T120000Z".to_owned());
    let smuggled = Request {
        authority,
        ..hostless
    };
    assert_eq!(smuggled.refusal(), Refusal::MalformedHost);
}

#[test]
fn xks_auth_04_the_host_is_a_configured_name_if_names_are_configured() {
    let mut rules = rules();
    rules.hosts = HostNames::new(["a.example.com", "XKS.example.com:443"]);
    let request = Request::signed();
    assert!(request.verify_with(&rules, NOON).is_ok());
    rules.hosts = HostNames::new(["a.example.com"]);
    assert_eq!(
        request.verify_with(&rules, NOON).err(),
        Some(Refusal::HostNotConfigured)
    );
}

#[test]
fn xks_auth_03_a_claimed_payload_hash_must_be_the_real_one() {
    let real = crypto::hex(&crypto::sha256(&[BODY]));
    let name = "x-amz-content-sha256";
    assert!(
        Request::unsigned()
            .with(name, &real)
            .sign(&secret())
            .verify()
            .is_ok()
    );
    assert!(
        Request::signed().with(name, &real).verify().is_ok(),
        "not signed, but right"
    );
    for value in [
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        &real.to_uppercase(),
        &real[1..],
        "",
    ] {
        let signed = Request::unsigned().with(name, value).sign(&secret());
        assert_eq!(signed.refusal(), Refusal::PayloadHashMismatch, "{value}");
        let unsigned = Request::signed().with(name, value);
        assert_eq!(unsigned.refusal(), Refusal::PayloadHashMismatch, "{value}");
    }
    let twice = Request::signed().with(name, &real).with(name, &real);
    assert_eq!(twice.refusal(), Refusal::DuplicateHeader(name));
}

#[test]
fn session_tokens_are_refused_unless_the_rules_accept_them() {
    let name = "x-amz-security-token";
    let request = Request::unsigned().with(name, "token").sign(&secret());
    assert_eq!(request.refusal(), Refusal::SessionToken);
    let mut rules = rules();
    rules.session_tokens = SessionTokens::Accepted;
    let verified = request.verify_with(&rules, NOON).unwrap();
    assert_eq!(verified.session_token(), Some("token"));

    let verdict = |request: Request| request.verify_with(&rules, NOON).err();
    let unsigned = Request::signed().with(name, "token");
    assert_eq!(verdict(unsigned), Some(Refusal::UnsignedHeader(name)));
    let twice = request.with(name, "token");
    assert_eq!(verdict(twice), Some(Refusal::DuplicateHeader(name)));
    let sized = |len: usize| Request::unsigned().with(name, &"t".repeat(len)).sign(&secret());
    assert_eq!(verdict(sized(limits::SESSION_TOKEN_LEN)), None);
    for len in [0, limits::SESSION_TOKEN_LEN + 1] {
        assert_eq!(verdict(sized(len)), Some(Refusal::SessionToken));
    }
}

#[test]
fn a_signer_adds_its_session_token() {
    let secret = secret();
    let signer = Signer {
        session_token: Some("token"),
        ..signer(&secret)
    };
    let mut request = Request::unsigned();
    let target = Target {
        method: "POST",
        path: &request.path,
        query: "",
        authority: None,
    };
    signer.sign(&target, &mut request.headers, BODY, NOON).unwrap();
    let mut rules = rules();
    rules.session_tokens = SessionTokens::Accepted;
    assert_eq!(
        request.verify_with(&rules, NOON).unwrap().session_token(),
        Some("token")
    );
}

#[test]
fn what_no_verifier_would_take_is_not_signed() {
    let secret = secret();
    let mut headers = Request::unsigned().headers;
    let target = Target {
        method: "POST",
        path: "/",
        query: "",
        authority: None,
    };
    for signer in [
        Signer {
            access_key_id: "",
            ..signer(&secret)
        },
        Signer {
            region: "US",
            ..signer(&secret)
        },
        Signer {
            service: "a/b",
            ..signer(&secret)
        },
        Signer {
            session_token: Some("\n"),
            ..signer(&secret)
        },
    ] {
        let refused = signer.sign(&target, &mut headers, b"", NOON);
        assert_eq!(refused, Err(SignError::Credential));
    }
    let mut none = HeaderMap::new();
    let hostless = signer(&secret).sign(&target, &mut none, b"", NOON);
    assert_eq!(hostless, Err(SignError::Request(Refusal::MalformedHost)));
    let far = Timestamp::from_secs(253_402_300_800);
    assert_eq!(
        signer(&secret).sign(&target, &mut headers, b"", far),
        Err(SignError::Time)
    );
}
