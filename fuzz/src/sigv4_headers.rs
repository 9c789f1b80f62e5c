//! Signed requests. The input is a request as text: a line `METHOD path[?query]`, headers one a
//! line, an empty line, the body.

use std::sync::LazyLock;

use ambient::{SeededRandom, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use sigv4::{Rules, SecretAccessKey, UnverifiedRequest, Verified, Verifier};

/// The signed request among the seeds: what is signed of it, nobody can change.
const ACCESS_KEY_ID: &str = "HGIE2BUAFNDMBCMSQVWLGCEXAMPLE";
const SECRET: &str = "VU6W2byoiBrhDqNGbx703oL0syCAmhlQgwNUT123456";
const PATH: &str = "/path/kms/xks/v1/health";
const HOST: &[u8] = b"xks.example.com";
const BODY: &[u8] =
    br#"{"requestMetadata":{"kmsOperation":"KmsHealthCheck","kmsRequestId":"1124f4d6-db54-4af4-ae30-c55a22a8abcd"}}"#;
/// 2024-05-15T12:00:00Z, when it was signed.
const NOW: Timestamp = Timestamp::from_secs(1_715_774_400);

static SECRET_KEY: LazyLock<SecretAccessKey> = LazyLock::new(|| SecretAccessKey::new(SECRET.to_owned()));
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| match Verifier::new(&SeededRandom::new(1)) {
    Ok(verifier) => verifier,
    Err(_) => unreachable!("a seeded source does not fail"),
});

/// Whether a request as text verifies.
pub fn verifies(data: &[u8]) -> bool {
    Request::read(data).is_some_and(|request| request.verify().is_some())
}

/// Whatever verifies has the method, path, query, host and body that were signed.
pub fn sigv4_headers(data: &[u8]) {
    let Some(request) = Request::read(data) else {
        return;
    };
    if let Some(verified) = request.verify() {
        assert_eq!(verified.access_key_id(), ACCESS_KEY_ID);
        assert_eq!(verified.into_body(), BODY);
        assert_eq!((request.method, request.path, request.query), ("POST", PATH, ""));
        let host = request
            .headers
            .get("host")
            .map(|host| host.as_bytes().trim_ascii());
        assert_eq!(host, Some(HOST));
    }
}

struct Request<'d> {
    method: &'d str,
    path: &'d str,
    query: &'d str,
    headers: HeaderMap,
    body: &'d [u8],
}

impl<'d> Request<'d> {
    /// `None` for what no HTTP server would hand on.
    fn read(data: &'d [u8]) -> Option<Self> {
        let end = data.windows(2).position(|window| window == b"\n\n")?;
        let (head, body) = data.split_at(end);
        let (_, body) = body.split_at_checked(2)?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(colon);
            let (_, value) = value.split_first()?;
            let value = HeaderValue::from_bytes(value.trim_ascii()).ok()?;
            headers
                .try_append(HeaderName::from_bytes(name).ok()?, value)
                .ok()?;
        }
        Some(Self {
            method,
            path,
            query,
            headers,
            body,
        })
    }

    fn verify(&self) -> Option<Verified<&'d [u8]>> {
        let unverified = UnverifiedRequest {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &self.headers,
            authority: None,
        };
        let rules = Rules::new("kms-xks-proxy");
        let secret = |id: &str| (id == ACCESS_KEY_ID).then_some(&*SECRET_KEY);
        VERIFIER.verify(unverified, self.body, &rules, NOW, secret).ok()
    }
}
