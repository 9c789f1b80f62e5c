//! Against two independent implementations: what AWS's SDK signer signs we accept, what we sign
//! another verifier accepts, and what we refuse it refuses.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use ambient::Timestamp;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use scratchstack_aws_signature::principal::{Principal, User};
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, KSecretKey, NO_ADDITIONAL_SIGNED_HEADERS, SignatureOptions,
    service_for_signing_key_fn, sigv4_validate_request,
};

use super::support::{ACCESS_KEY_ID, REGION, SERVICE, verifier};
use crate::{PathForm, Refusal, Rules, SecretAccessKey, SessionTokens, Signer, Target, UnverifiedRequest};

const HOST: &str = "xks.example.com:8443";

/// A request that any client could send.
#[derive(Clone, Debug)]
struct Case {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    token: Option<String>,
    content_hash: bool,
    /// 40 characters, the only length that the other verifier takes.
    secret: String,
    at: Timestamp,
}

impl Case {
    fn uri(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static(HOST));
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn target(&self) -> Target<'_> {
        Target {
            method: self.method,
            path: &self.path,
            query: &self.query,
            authority: None,
        }
    }

    fn signed_by_us(&self, form: PathForm) -> HeaderMap {
        let secret = SecretAccessKey::new(self.secret.clone());
        let signer = Signer {
            access_key_id: ACCESS_KEY_ID,
            secret: &secret,
            session_token: self.token.as_deref(),
            region: REGION,
            service: SERVICE,
            path: form,
        };
        let mut headers = self.headers();
        signer
            .sign(&self.target(), &mut headers, &self.body, self.at)
            .unwrap();
        headers
    }

    fn verified_by_us(&self, headers: &HeaderMap, form: PathForm) -> Result<(), Refusal> {
        let mut rules = Rules::new(SERVICE);
        rules.path = form;
        rules.session_tokens = SessionTokens::Accepted;
        let request = UnverifiedRequest {
            method: self.method,
            path: &self.path,
            query: &self.query,
            headers,
            authority: None,
        };
        verifier()
            .verify(request, &self.body, &rules, self.at, |id| {
                (id == ACCESS_KEY_ID).then(|| SecretAccessKey::new(self.secret.clone()))
            })
            .map(drop)
    }

    /// Signed by aws-sigv4, the signer inside AWS's SDK for Rust.
    fn signed_by_aws(&self, form: PathForm) -> HeaderMap {
        let credentials = Credentials::new(ACCESS_KEY_ID, &self.secret, self.token.clone(), None, "test");
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        if form == PathForm::AsReceived {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if self.content_hash {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(SERVICE)
            .time(UNIX_EPOCH + Duration::from_secs(self.at.as_secs()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let mut headers = self.headers();
        let list = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let list = list.collect::<Vec<_>>();
        let uri = format!("https://{HOST}{}", self.uri());
        let body = SignableBody::Bytes(&self.body);
        let request = SignableRequest::new(self.method, uri, list.into_iter(), body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        for (name, value) in instructions.headers() {
            headers.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    /// The verdict of scratchstack-aws-signature.
    fn verified_by_scratchstack(&self, headers: &HeaderMap) -> bool {
        let mut request = http::Request::builder().method(self.method).uri(self.uri());
        *request.headers_mut().unwrap() = headers.clone();
        let request = request.body(self.body.clone()).unwrap();
        let secret = self.secret.clone();
        let key_of = move |wanted: GetSigningKeyRequest| {
            let key: KSecretKey = secret.parse().unwrap();
            let key = key.to_ksigning(wanted.request_date(), wanted.region(), wanted.service());
            let user = Principal::from(User::new("aws", "123456789012", "/", "user").unwrap());
            let response = GetSigningKeyResponse::builder()
                .principal(user)
                .signing_key(key)
                .build();
            std::future::ready(response.map_err(Into::into))
        };
        let mut keys = service_for_signing_key_fn(key_of);
        let validation = pin!(sigv4_validate_request(
            request,
            REGION,
            SERVICE,
            &mut keys,
            self.at.to_string().parse().unwrap(),
            &NO_ADDITIONAL_SIGNED_HEADERS,
            SignatureOptions::default(),
        ));
        match validation.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(verdict) => verdict.is_ok(),
            Poll::Pending => panic!("nothing here waits"),
        }
    }
}

/// Values with the white space that canonicalisation folds.
fn header_value() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,40}", " {0,3}[a-z]{0,3} {0,3}[a-z\"]{0,3} {0,3}"]
}

fn case(path: &'static str, query: &'static str) -> impl Strategy<Value = Case> {
    let headers = prop::collection::vec(("x-[a-m]{1,2}(-[a-z0-9]{1,3})?", header_value()), 0..6);
    let request = (
        prop::sample::select(vec!["POST", "GET", "PUT", "DELETE"]),
        path,
        query,
        headers,
        prop::collection::vec(any::<u8>(), 0..300),
    );
    let who = (
        prop::option::of("[A-Za-z0-9/+=]{1,60}"),
        any::<bool>(),
        "[A-Za-z0-9/+=]{40}",
        0_u64..4_000_000_000,
    );
    (request, who).prop_map(|(request, who)| {
        let (method, path, query, headers, body) = request;
        let (token, content_hash, secret, at) = who;
        Case {
            method,
            path,
            query,
            headers,
            body,
            token,
            content_hash,
            secret,
            at: Timestamp::from_secs(at),
        }
    })
}

/// Key ids that are a dot segment (`.`, `..`) are left out: signers differ on normalising them.
const XKS_PATH: &str =
    "(/[a-zA-Z0-9_-]{1,8}){0,3}/kms/xks/v1/(health|keys/[A-Za-z0-9][A-Za-z0-9._-]{0,20}/encrypt)";
const ANY_PATH: &str = "(/([a-zA-Z0-9._~@:!$&'()*+,;=-]|%[2-7][0-9A-F]){0,6}){1,5}";
const PLAIN_QUERY: &str =
    "([a-z~._-]{1,4}(=[A-Za-z0-9~._-]{0,4})?(&[a-c]{1,2}(=(%2[0-9A-F]|%7E|\\+|[a-z]){0,3})?){0,3})?";
/// Names of one length: the other verifier sorts `name=value` as one string, which differs from
/// AWS's order (`Param` before `Param-3` in AWS's vectors) when one name begins another.
const PLAIN_NAMES: &str =
    "([a-z]{2}(=[A-Za-z0-9~._-]{0,4})?(&[a-z]{2}(=(%2[0-9A-F]|%7E|\\+|[a-z]){0,3})?){0,3})?";

proptest! {
    #[test]
    fn xks_auth_01_what_the_aws_signer_signs_we_accept(case in case(XKS_PATH, "")) {
        let headers = case.signed_by_aws(PathForm::AsReceived);
        prop_assert_eq!(case.verified_by_us(&headers, PathForm::AsReceived), Ok(()));
        let headers = case.signed_by_aws(PathForm::Normalised);
        prop_assert_eq!(case.verified_by_us(&headers, PathForm::AsReceived), Ok(()), "XKS paths are their own normal form");
    }

    #[test]
    fn what_the_aws_signer_signs_for_other_services_we_accept(case in case(ANY_PATH, PLAIN_QUERY)) {
        let headers = case.signed_by_aws(PathForm::Normalised);
        prop_assert_eq!(case.verified_by_us(&headers, PathForm::Normalised), Ok(()));
    }

    #[test]
    fn we_sign_byte_for_byte_as_the_aws_signer(case in case(ANY_PATH, PLAIN_QUERY)) {
        let case = Case { content_hash: false, ..case };
        let (ours, theirs) = (case.signed_by_us(PathForm::Normalised), case.signed_by_aws(PathForm::Normalised));
        prop_assert_eq!(&ours["authorization"], &theirs["authorization"]);
        prop_assert_eq!(&ours["x-amz-date"], &theirs["x-amz-date"]);
    }

    #[test]
    fn what_we_sign_another_verifier_accepts(case in case(XKS_PATH, PLAIN_NAMES)) {
        for form in [PathForm::AsReceived, PathForm::Normalised] {
            let headers = case.signed_by_us(form);
            prop_assert!(case.verified_by_scratchstack(&headers));
            prop_assert_eq!(case.verified_by_us(&headers, form), Ok(()));
        }
    }

    #[test]
    fn what_somebody_changed_no_verifier_accepts(
        case in case(XKS_PATH, ""),
        flip in any::<prop::sample::Index>(),
        in_body in any::<bool>(),
    ) {
        let mut headers = case.signed_by_us(PathForm::AsReceived);
        let mut changed = case;
        if in_body && !changed.body.is_empty() {
            let bit = flip.index(changed.body.len() * 8);
            changed.body[bit / 8] ^= 1 << (bit % 8);
        } else {
            let mut line = headers["authorization"].as_bytes().to_vec();
            let digit = line.len() - 1 - flip.index(64);
            line[digit] = if line[digit] == b'0' { b'1' } else { b'0' };
            headers.insert("authorization", HeaderValue::from_bytes(&line).unwrap());
        }
        prop_assert!(!changed.verified_by_scratchstack(&headers));
        prop_assert_eq!(
            changed.verified_by_us(&headers, PathForm::AsReceived),
            Err(Refusal::UnknownCredentialOrSignature)
        );
    }
}
