//! Known and unknown secrets: the same work, the same answer, and what is remembered of them.

use super::*;

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
