//! Published vectors: AWS's test suites and the reference vector of the XKS requirements.

use ambient::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::support::{ACCESS_KEY_ID, BODY, NOON, REGION, Request, SECRET, SERVICE, secret, verifier};
use crate::canonical::{CanonicalRequest, hex_32};
use crate::date::AmzDate;
use crate::secret::{StringToSign, Work, derive_bytes};
use crate::{
    Authorization, PathForm, Rules, Scope, SecretAccessKey, SessionTokens, Signer, SigningKey, Target,
    UnverifiedRequest,
};

const VECTORS: &str = include_str!("aws_vectors.txt");
/// The suites' example secret.
const EXAMPLE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct Vector {
    name: &'static str,
    form: PathForm,
    method: &'static str,
    path: &'static str,
    query: &'static str,
    headers: HeaderMap,
    body: &'static str,
    canonical: &'static str,
    /// The published signature belongs to this request.
    signed: bool,
}

fn vectors() -> impl Iterator<Item = Vector> {
    VECTORS
        .trim_end()
        .split("\n\n")
        .filter(|block| !block.starts_with('#'))
        .map(vector)
}

fn vector(block: &'static str) -> Vector {
    let lines = || block.lines().map(|line| line.split_once(' ').unwrap());
    let one = |key: &str| {
        lines()
            .find(|(name, _)| *name == key)
            .map_or("", |(_, value)| value)
    };
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    };
    let mut headers = HeaderMap::new();
    for (_, line) in lines().filter(|(name, _)| *name == "header") {
        let (name, value) = header(line);
        headers.append(name, value);
    }
    Vector {
        name: one("vector"),
        form: match one("form") {
            "normalised" => PathForm::Normalised,
            "as-received" => PathForm::AsReceived,
            other => panic!("{other}"),
        },
        method: one("method"),
        path: one("path"),
        query: one("query"),
        headers,
        body: one("body"),
        canonical: one("canonical"),
        signed: one("check").is_empty(),
    }
}

#[test]
fn the_suites_are_all_there() {
    assert_eq!(vectors().count(), VECTORS.matches("\nvector ").count());
    assert!(vectors().count() >= 40);
}

#[test]
fn aws_canonical_requests_are_ours() {
    for vector in vectors() {
        let authorization = Authorization::parse(vector.headers["authorization"].as_bytes()).unwrap();
        let canonical = CanonicalRequest {
            method: vector.method,
            path: vector.path,
            path_form: vector.form,
            query: vector.query,
            headers: &vector.headers,
            host: vector.headers["host"].to_str().unwrap(),
            signed_headers: authorization.signed_headers_text(),
            payload_hash: &hex_32(&crypto::sha256(&[vector.body.as_bytes()])),
        };
        let hash = canonical.hash().unwrap();
        assert_eq!(crypto::hex(&hash), vector.canonical, "{}", vector.name);
    }
}

#[test]
fn aws_signatures_verify() {
    for vector in vectors().filter(|vector| vector.signed) {
        let authorization = Authorization::parse(vector.headers["authorization"].as_bytes()).unwrap();
        let mut rules = Rules::new(match authorization.scope().service {
            "lambda" => "lambda",
            _ => "service",
        });
        rules.path = vector.form;
        rules.session_tokens = SessionTokens::Accepted;
        let request = UnverifiedRequest {
            method: vector.method,
            path: vector.path,
            query: vector.query,
            headers: &vector.headers,
            authority: None,
        };
        let verified = verifier().verify(request, vector.body, &rules, signed_at(&vector), |_| {
            Some(SecretAccessKey::new(EXAMPLE_SECRET.to_owned()))
        });
        assert_eq!(verified.err(), None, "{}", vector.name);
    }
}

#[test]
fn we_sign_as_aws_does() {
    for vector in vectors().filter(|vector| vector.signed) {
        let expected = vector.headers["authorization"].clone();
        let authorization = Authorization::parse(expected.as_bytes()).unwrap();
        let secret = SecretAccessKey::new(EXAMPLE_SECRET.to_owned());
        let signer = Signer {
            access_key_id: authorization.access_key_id(),
            secret: &secret,
            session_token: None,
            region: authorization.scope().region,
            service: authorization.scope().service,
            path: vector.form,
        };
        let target = Target {
            method: vector.method,
            path: vector.path,
            query: vector.query,
            authority: None,
        };
        let mut headers = vector.headers.clone();
        let at = signed_at(&vector);
        signer
            .sign(&target, &mut headers, vector.body.as_bytes(), at)
            .unwrap();
        assert_eq!(headers["authorization"], expected, "{}", vector.name);
    }
}

fn signed_at(vector: &Vector) -> Timestamp {
    AmzDate::parse(vector.headers["x-amz-date"].as_bytes())
        .unwrap()
        .at()
}

const SCOPE: Scope<'_> = Scope {
    date: *b"20240515",
    region: REGION,
    service: SERVICE,
};

#[test]
fn xks_auth_03_the_reference_vector_step_by_step() {
    let payload_hash = hex_32(&crypto::sha256(&[BODY]));
    assert_eq!(
        &payload_hash[..],
        b"ebb9c8419d64a08529aa7a6da1bc3f485c284714a613aeb6e94b30bc5b3c2f23"
    );
    let request = Request::signed();
    let canonical = CanonicalRequest {
        method: "POST",
        path: &request.path,
        path_form: PathForm::AsReceived,
        query: "",
        headers: &request.headers,
        host: "xks.example.com",
        signed_headers: "host;x-amz-date",
        payload_hash: &payload_hash,
    }
    .hash()
    .unwrap();
    assert_eq!(
        crypto::hex(&canonical),
        "a9d7097afd51e9b9798bebc3b3360a47d13eac4e37d6303d963447dd5ffa02e3"
    );
    let key = derive_bytes(&secret(), &SCOPE, &mut Work::default());
    assert_eq!(
        crypto::hex(key.as_slice()),
        "eeef2a71723887fe06249936fcdc248224d035bf0e149484e2fd47d6c8f0fb4a"
    );
    let message = StringToSign {
        date: AmzDate::of(NOON).unwrap(),
        scope: SCOPE,
        canonical,
    };
    let signature = SigningKey::derive(&secret(), &SCOPE).sign(&message, &mut Work::default());
    assert_eq!(
        crypto::hex(&signature),
        "45adcf03093952f71fffbd919f89895baef0725898ccf67bb11072e19de1423f"
    );
}

#[test]
fn xks_auth_01_the_reference_vector_is_accepted_whole() {
    let request = Request::unsigned().with("x-amz-date", "20240515T120000Z").with(
        "authorization",
        "AWS4-HMAC-SHA256 \
         Credential=HGIE2BUAFNDMBCMSQVWLGCEXAMPLE/20240515/us-east-1/kms-xks-proxy/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=45adcf03093952f71fffbd919f89895baef0725898ccf67bb11072e19de1423f",
    );
    let verified = request.verify().unwrap();
    assert_eq!(verified.access_key_id(), ACCESS_KEY_ID);
    assert_eq!(verified.region(), REGION);
    assert_eq!(verified.session_token(), None);
    assert_eq!(verified.signed_at(), NOON);
    assert_eq!(verified.into_body(), BODY);
    assert_eq!(Request::signed().authorization(), request.authorization());
}

/// Recorded from curl 7.88.1 `--aws-sigv4 aws:amz:us-east-1:kms-xks-proxy`.
#[test]
fn xks_auth_04_what_curl_signed_is_accepted() {
    let request = Request::unsigned()
        .without("host")
        .with("host", "localhost:18099")
        .with("x-amz-date", "20261122T003314Z")
        .with("user-agent", "curl/7.88.1")
        .with("accept", "*/*")
        .with("content-type", "application/json")
        .with("x-test", "one")
        .with("content-length", "107")
        .with(
            "authorization",
            "AWS4-HMAC-SHA256 \
             Credential=HGIE2BUAFNDMBCMSQVWLGCEXAMPLE/20261122/us-east-1/kms-xks-proxy/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-test, \
             Signature=e5eba0f7df2e52f0d68218fa398fe7d23199bc7d069571803ccfc6691f5bd2e2",
        );
    let then = AmzDate::parse(b"20261122T003314Z").unwrap().at();
    assert!(request.verify_with(&Rules::new(SERVICE), then).is_ok());
}

#[test]
fn xks_cred_01_the_secret_string_is_the_key_not_what_it_decodes_to() {
    let mut key = crypto::hmac_sha256(format!("AWS4{SECRET}").as_bytes(), &[b"20240515"]);
    for part in [REGION, SERVICE, "aws4_request"] {
        key = crypto::hmac_sha256(&key, &[part.as_bytes()]);
    }
    assert_eq!(*derive_bytes(&secret(), &SCOPE, &mut Work::default()), key);
}

#[test]
fn xks_cred_01_secrets_of_43_to_64_characters_of_the_alphabet_work() {
    for text in ["+/=".repeat(15)[..43].to_owned(), "aZ9=".repeat(16)] {
        let secret = SecretAccessKey::new(text.clone());
        let request = Request::unsigned().sign(&secret);
        let again = SecretAccessKey::from_bytes(text.as_bytes());
        let verified = verifier().verify(request.unverified(), BODY, &Rules::new(SERVICE), NOON, |_| {
            Some(again)
        });
        assert!(verified.is_ok());
    }
}
