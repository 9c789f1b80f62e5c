//! A signed request that tests can bend, and who verifies it.

use ambient::{SeededRandom, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Refusal, Rules, SecretAccessKey, Signer, Target, UnverifiedRequest, Verified, Verifier};

// Reference vector, section 11 (cross-checked with botocore's signer).
pub(crate) const ACCESS_KEY_ID: &str = "HGIE2BUAFNDMBCMSQVWLGCEXAMPLE";
pub(crate) const SECRET: &str = "VU6W2byoiBrhDqNGbx703oL0syCAmhlQgwNUT123456";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const SERVICE: &str = "kms-xks-proxy";
/// 2024-05-15 12:00:00 UTC.
pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_715_774_400);
pub(crate) const BODY: &[u8] = br#"{"requestMetadata":{"kmsOperation":"KmsHealthCheck","kmsRequestId":"1124f4d6-db54-4af4-ae30-c55a22a8abcd"}}"#;

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) authority: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The reference vector's request, not signed yet.
    pub(crate) fn unsigned() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("xks.example.com"));
        Self {
            method: "POST".into(),
            path: "/path/kms/xks/v1/health".into(),
            query: String::new(),
            headers,
            authority: None,
            body: BODY.to_vec(),
        }
    }

    /// The reference vector's request, signed by us.
    pub(crate) fn signed() -> Self {
        Self::unsigned().sign(&secret())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn sign(self, secret: &SecretAccessKey) -> Self {
        self.sign_at(secret, NOON)
    }

    pub(crate) fn sign_at(mut self, secret: &SecretAccessKey, at: Timestamp) -> Self {
        let signer = signer(secret);
        let target = Target {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            authority: self.authority.as_deref(),
        };
        signer.sign(&target, &mut self.headers, &self.body, at).unwrap();
        self
    }

    /// Edits the `Authorization` header.
    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        let before = self.authorization();
        let after = before.replace(from, to);
        assert_ne!(before, after, "the edit must change something");
        self.headers
            .insert("authorization", HeaderValue::from_str(&after).unwrap());
        self
    }

    pub(crate) fn authorization(&self) -> String {
        self.headers["authorization"].to_str().unwrap().to_owned()
    }

    pub(crate) fn unverified(&self) -> UnverifiedRequest<'_> {
        UnverifiedRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            authority: self.authority.as_deref(),
        }
    }

    /// Verified at noon under the XKS rules by whoever knows only the reference credential.
    pub(crate) fn verify(&self) -> Result<Verified<&[u8]>, Refusal> {
        self.verify_with(&rules(), NOON)
    }

    pub(crate) fn verify_with(&self, rules: &Rules, now: Timestamp) -> Result<Verified<&[u8]>, Refusal> {
        verifier().verify(self.unverified(), self.body.as_slice(), rules, now, |id| {
            (id == ACCESS_KEY_ID).then(secret)
        })
    }

    pub(crate) fn refusal(&self) -> Refusal {
        self.verify().err().expect("must be refused")
    }
}

pub(crate) fn signer(secret: &SecretAccessKey) -> Signer<'_> {
    Signer {
        access_key_id: ACCESS_KEY_ID,
        secret,
        session_token: None,
        region: REGION,
        service: SERVICE,
        path: crate::PathForm::AsReceived,
    }
}

pub(crate) fn secret() -> SecretAccessKey {
    SecretAccessKey::new(SECRET.to_owned())
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(&SeededRandom::new(1)).unwrap()
}

pub(crate) fn rules() -> Rules {
    Rules::new(SERVICE)
}
