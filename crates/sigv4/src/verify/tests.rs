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

/// The work of one verdict over the reference request as `edit` bends it.
fn work_of(request: &Request, secret: Option<&SecretAccessKey>) -> (bool, Work) {
    let rules = rules();
    let claim = Claim::read(&request.unverified(), &rules, NOON).unwrap();
    let message = StringToSign {
        date: claim.date,
        scope: claim.authorization.scope(),
        canonical: claim
            .canonical_hash(&request.unverified(), &request.body, &rules)
            .unwrap(),
    };
    let mut work = Work::default();
    let proved = verifier().proves(secret, &message, claim.authorization.signature(), &mut work);
    (proved, work)
}

fn remembering(request: &Request) -> SecretAccessKey {
    let secret = secret();
    assert!(work_of(request, Some(&secret)).0);
    secret
}

#[test]
fn xks_auth_01_unknown_credential_wrong_secret_and_wrong_signature_are_the_same_work() {
    let good = Request::signed();
    let bad = good.clone().edit("Signature=4", "Signature=5");
    let expected = Work {
        hmacs: 6,
        comparisons: 2,
    };
    assert_eq!(
        work_of(&good, None),
        (false, expected),
        "unknown, or of another key store"
    );
    assert_eq!(
        work_of(&good, Some(&other_secret())),
        (false, expected),
        "wrong secret"
    );
    assert_eq!(
        work_of(&bad, Some(&secret())),
        (false, expected),
        "wrong signature, no key remembered"
    );
    assert_eq!(
        work_of(&bad, Some(&remembering(&good))),
        (false, expected),
        "wrong signature, key remembered"
    );
    assert_eq!(work_of(&bad, None), (false, expected));
}

#[test]
fn a_remembered_key_saves_the_derivation() {
    let good = Request::signed();
    let secret = remembering(&good);
    assert_eq!(
        work_of(&good, Some(&secret)),
        (
            true,
            Work {
                hmacs: 1,
                comparisons: 1
            }
        )
    );
}

#[test]
fn xks_auth_01_the_answer_is_the_same_whoever_is_unknown() {
    let verifier = verifier();
    let good = Request::signed();
    let bad = good.clone().edit("Signature=4", "Signature=5");
    let verdict = |request: &Request, secret: Option<SecretAccessKey>| {
        verifier
            .verify(request.unverified(), BODY, &rules(), NOON, |_| secret)
            .err()
    };
    let same = Some(Refusal::UnknownCredentialOrSignature);
    assert_eq!(verdict(&good, None), same);
    assert_eq!(verdict(&good, Some(other_secret())), same);
    assert_eq!(verdict(&bad, Some(secret())), same);
    assert_eq!(verdict(&good, Some(secret())), None);
}

#[test]
fn only_a_verified_signature_leaves_a_derived_key() {
    let good = Request::signed();
    let bad = good.clone().edit("Signature=4", "Signature=5");
    let rules = rules();
    let claim = Claim::read(&good.unverified(), &rules, NOON).unwrap();
    let scope = claim.authorization.scope();
    let secret = secret();
    assert!(!work_of(&bad, Some(&secret)).0);
    assert!(secret.remembered(&scope).is_none());
    assert!(work_of(&good, Some(&secret)).0);
    assert!(secret.remembered(&scope).is_some());
}

#[test]
fn xks_cred_07_nothing_remembered_opens_for_a_credential_that_is_gone_or_changed() {
    let verifier = verifier();
    let request = Request::signed();
    let (kept, other) = (secret(), other_secret());
    let verdict = |secret: Option<&SecretAccessKey>| {
        verifier
            .verify(request.unverified(), BODY, &rules(), NOON, |_| secret)
            .err()
    };
    assert_eq!(verdict(Some(&kept)), None);
    assert_eq!(
        verdict(None),
        Some(Refusal::UnknownCredentialOrSignature),
        "retired"
    );
    assert_eq!(
        verdict(Some(&other)),
        Some(Refusal::UnknownCredentialOrSignature),
        "same id, new secret"
    );
    assert_eq!(verdict(Some(&kept)), None);
}

#[test]
fn xks_cred_06_two_credentials_are_good_at_once_each_with_its_own_secret() {
    let verifier = verifier();
    let (first, second) = (secret(), other_secret());
    let lookup = |id: &str| match id {
        ACCESS_KEY_ID => Some(&first),
        "SECONDCREDENTIAL234567" => Some(&second),
        _ => None,
    };
    let verdict = |access_key_id: &str, secret: &SecretAccessKey| {
        let mut request = Request::unsigned();
        let signer = Signer {
            access_key_id,
            ..signer(secret)
        };
        let target = Target {
            method: "POST",
            path: &request.path,
            query: "",
            authority: None,
        };
        signer.sign(&target, &mut request.headers, BODY, NOON).unwrap();
        verifier
            .verify(request.unverified(), BODY, &rules(), NOON, lookup)
            .err()
    };
    let refused = Some(Refusal::UnknownCredentialOrSignature);
    for _ in 0..2 {
        assert_eq!(verdict(ACCESS_KEY_ID, &first), None);
        assert_eq!(verdict("SECONDCREDENTIAL234567", &second), None);
        assert_eq!(verdict(ACCESS_KEY_ID, &second), refused);
        assert_eq!(verdict("SECONDCREDENTIAL234567", &first), refused);
    }
}

#[test]
fn a_verifier_and_its_secrets_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Verifier>();
    shared::<SecretAccessKey>();
    shared::<Rules>();
    shared::<Verified<Vec<u8>>>();
}

#[test]
fn nobody_can_sign_with_the_dummies() {
    let verifier = Verifier::new(&SeededRandom::new(1)).unwrap();
    let random = SeededRandom::new(1);
    let dummy = SecretAccessKey::dummy(&random).unwrap();
    let request = Request::unsigned().sign(&dummy);
    let verdict = verifier.verify(request.unverified(), BODY, &rules(), NOON, |_| {
        None::<SecretAccessKey>
    });
    assert_eq!(verdict.err(), Some(Refusal::UnknownCredentialOrSignature));
    let verdict = verifier.verify(request.unverified(), BODY, &rules(), NOON, |_| Some(secret()));
    assert_eq!(verdict.err(), Some(Refusal::UnknownCredentialOrSignature));
}

#[test]
fn secrets_are_asked_for_once_by_id_and_only_if_all_else_is_right() {
    let asked = Cell::new(0);
    let verify = |request: &Request| {
        verifier().verify(request.unverified(), BODY, &rules(), NOON, |id| {
            asked.set(asked.get() + 1);
            assert_eq!(id, ACCESS_KEY_ID);
            Some(secret())
        })
    };
    assert!(verify(&Request::signed()).is_ok());
    assert_eq!(asked.get(), 1);
    assert!(verify(&Request::signed().without("x-amz-date")).is_err());
    assert!(verify(&Request::signed().edit("/20240515/", "/20240514/")).is_err());
    assert_eq!(asked.get(), 1);
}

#[test]
fn a_verifier_needs_randomness() {
    assert!(Verifier::new(&FailingRandom).is_err());
}

proptest! {
    #[test]
    fn no_request_makes_the_verifier_panic(
        method in ".{0,8}",
        path in ".{0,30}",
        query in ".{0,30}",
        authority in prop::option::of(".{0,10}"),
        headers in prop::collection::vec((
            prop::sample::select(vec![
                "host", "x-amz-date", "authorization", "x-amz-content-sha256", "x-amz-security-token", "x",
            ]),
            prop::collection::vec(any::<u8>(), 0..80),
        ), 0..8),
        real in any::<bool>(),
        form in prop::sample::select(vec![PathForm::AsReceived, PathForm::Normalised]),
    ) {
        let mut request = if real { Request::signed() } else { Request::unsigned().without("host") };
        request = Request { method, path, query, authority, ..request };
        for (name, value) in headers {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                request.headers.append(HeaderName::from_static(name), value);
            }
        }
        let mut rules = rules();
        rules.path = form;
        rules.session_tokens = SessionTokens::Accepted;
        prop_assert!(request.verify_with(&rules, NOON).is_err());
    }
}
