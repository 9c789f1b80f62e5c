//! What the tests ask and are answered, and the bodies that KMS sends.

use std::time::Duration;

use ambient::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use serde_json::{Value, json};
use sigv4::{PathForm, SecretAccessKey, Signer, Target};

use super::{HOST, KMS_KEY, PRINCIPAL, TestCredential};

/// A request as it is handed to the proxy.
#[derive(Clone)]
pub(in crate::tests) struct Request {
    pub(in crate::tests) method: Method,
    pub(in crate::tests) path: String,
    pub(in crate::tests) query: String,
    pub(in crate::tests) headers: HeaderMap,
    pub(in crate::tests) body: Vec<u8>,
    /// HTTP/2's.
    pub(in crate::tests) authority: Option<String>,
    pub(in crate::tests) listener: String,
    pub(in crate::tests) common_name: Option<String>,
    /// Until its deadline.
    pub(in crate::tests) time: Duration,
}

impl Request {
    pub(in crate::tests) fn sign(&mut self, credential: &TestCredential, region: &str, now: Timestamp) {
        self.sign_for(credential, region, xks_api::SIGNING_SERVICE, now);
    }

    pub(in crate::tests) fn sign_for(
        &mut self,
        credential: &TestCredential,
        region: &str,
        service: &str,
        now: Timestamp,
    ) {
        if self.authority.is_none() && !self.headers.contains_key("host") {
            self.headers.insert("host", HeaderValue::from_static(HOST));
        }
        self.headers.remove("authorization");
        let secret = SecretAccessKey::new(credential.secret.clone());
        let signer = Signer {
            access_key_id: &credential.id,
            secret: &secret,
            session_token: None,
            region,
            service,
            path: PathForm::AsReceived,
        };
        let target = Target {
            method: self.method.as_str(),
            path: &self.path,
            query: &self.query,
            authority: self.authority.as_deref(),
        };
        signer.sign(&target, &mut self.headers, &self.body, now).unwrap();
    }
}

/// An answer.
pub(in crate::tests) struct Reply {
    pub(in crate::tests) status: u16,
    pub(in crate::tests) headers: HeaderMap,
    pub(in crate::tests) body: Bytes,
}

impl Reply {
    pub(in crate::tests) fn of(response: Response<Bytes>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.into_body(),
        }
    }

    pub(in crate::tests) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(in crate::tests) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The decoded bytes of a Base64 member.
    pub(in crate::tests) fn bytes(&self, member: &str) -> Vec<u8> {
        decode(&self.json()[member])
    }

    /// Holds that this is the error of that name, and everything that XKS-ERR-01 asks of it.
    #[track_caller]
    pub(in crate::tests) fn is_error(&self, name: &str) {
        let body = self.json();
        assert_eq!(body["errorName"], name, "{} {}", self.status, self.text());
        let known: xks_api::ErrorName = name.parse().unwrap();
        assert_eq!(self.status, known.http_status(), "{name}");
        let message = body["errorMessage"].as_str().unwrap();
        assert!(!message.is_empty() && message.len() < 512, "{message}");
        assert!(
            message.bytes().all(|byte| matches!(byte, 0x20..=0x7e)),
            "{message}"
        );
        assert_eq!(self.headers["content-type"], "application/json");
    }

    #[track_caller]
    pub(in crate::tests) fn is_success(&self) {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/json");
    }
}

/// What Encrypt answered, and the AAD that it was asked with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::tests) struct Encrypted {
    pub(in crate::tests) ciphertext: Vec<u8>,
    pub(in crate::tests) iv: Vec<u8>,
    pub(in crate::tests) tag: Vec<u8>,
    pub(in crate::tests) metadata: Vec<u8>,
    pub(in crate::tests) aad: Option<Vec<u8>>,
}

impl Encrypted {
    pub(in crate::tests) fn of(reply: &Reply, aad: Option<&[u8]>) -> Self {
        Self {
            ciphertext: reply.bytes("ciphertext"),
            iv: reply.bytes("initializationVector"),
            tag: reply.bytes("authenticationTag"),
            metadata: reply.bytes("ciphertextMetadata"),
            aad: aad.map(<[u8]>::to_vec),
        }
    }

    /// The body of the Decrypt request.
    pub(in crate::tests) fn body(&self) -> Value {
        let mut body = json!({
            "requestMetadata": request_metadata("Decrypt"),
            "encryptionAlgorithm": "AES_GCM",
            "ciphertext": STANDARD.encode(&self.ciphertext),
            "initializationVector": STANDARD.encode(&self.iv),
            "authenticationTag": STANDARD.encode(&self.tag),
        });
        if !self.metadata.is_empty() {
            body["ciphertextMetadata"] = STANDARD.encode(&self.metadata).into();
        }
        if let Some(aad) = &self.aad {
            body["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
        }
        body
    }
}

pub(in crate::tests) fn decode(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// What KMS reports with Encrypt and Decrypt.
pub(in crate::tests) fn request_metadata(operation: &str) -> Value {
    json!({
        "awsPrincipalArn": PRINCIPAL,
        "kmsKeyArn": KMS_KEY,
        "kmsOperation": operation,
        "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
    })
}

pub(in crate::tests) fn encrypt_body(plaintext: &[u8], aad: Option<&[u8]>) -> Value {
    let mut body = json!({
        "requestMetadata": request_metadata("Encrypt"),
        "plaintext": STANDARD.encode(plaintext),
        "encryptionAlgorithm": "AES_GCM",
    });
    if let Some(aad) = aad {
        body["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
    }
    body
}

pub(in crate::tests) fn metadata_body() -> Value {
    json!({
        "requestMetadata": {
            "awsPrincipalArn": PRINCIPAL,
            "kmsOperation": "CreateKey",
            "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
        }
    })
}

pub(in crate::tests) fn health_body() -> Value {
    json!({
        "requestMetadata": {
            "kmsOperation": "KmsHealthCheck",
            "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
        }
    })
}
