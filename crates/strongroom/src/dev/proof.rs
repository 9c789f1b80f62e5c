//! The self-check: one Encrypt and one Decrypt as AWS KMS would send them.

use std::net::SocketAddr;

use ambient::{Clock, SystemClock};
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use sigv4::{PathForm, SecretAccessKey, Signer, Target};

use super::contract::Contract;
use super::http::Connection;

/// What the printed lines encrypt: "Hello World!".
pub(super) const PLAINTEXT: &str = "SGVsbG8gV29ybGQh";
/// Stands for the encryption context: "project=nile,department=marketing".
pub(super) const AAD: &str = "cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n";

/// What an Encrypt gave, so that a Decrypt line can be printed that works.
pub(super) struct Proved {
    pub(super) encrypted: Value,
}

/// Encrypts and decrypts over HTTPS and compares.
pub(super) async fn round_trip(contract: &Contract, address: SocketAddr) -> anyhow::Result<Proved> {
    let mut caller = Caller {
        connection: Connection::open(address, &contract.xks.ca_certificate).await?,
        contract,
        host: HeaderValue::from_str(&format!("localhost:{}", address.port()))?,
        secret: SecretAccessKey::new(contract.xks.secret_access_key.clone()),
    };
    let encrypted = caller.call("encrypt", &encrypt_body()).await?;
    let decrypted = caller.call("decrypt", &decrypt_body(&encrypted)).await?;
    let plaintext = decrypted.get("plaintext").and_then(Value::as_str);
    ensure!(
        plaintext == Some(PLAINTEXT),
        "Decrypt gave another plaintext than was encrypted"
    );
    Ok(Proved { encrypted })
}

struct Caller<'a> {
    connection: Connection,
    contract: &'a Contract,
    host: HeaderValue,
    secret: SecretAccessKey,
}

impl Caller<'_> {
    async fn call(&mut self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let xks = &self.contract.xks;
        let path = format!("{}/keys/{}/{operation}", xks.uri_path, xks.external_key_id);
        let body = Bytes::from(serde_json::to_vec(body)?);
        let mut request = Request::post(&path).body(Full::new(body.clone()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(xks_api::CONTENT_TYPE));
        let signer = Signer {
            access_key_id: &xks.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: &xks.region,
            service: xks_api::SIGNING_SERVICE,
            path: PathForm::AsReceived,
        };
        let target = Target {
            method: "POST",
            path: &path,
            query: "",
            authority: None,
        };
        signer.sign(&target, headers, &body, SystemClock.now())?;
        let response = self.connection.send(request).await?;
        let (status, answer) = (response.status(), response.into_body());
        if !status.is_success() {
            bail!(
                "{operation} was answered {status}: {}",
                String::from_utf8_lossy(&answer)
            );
        }
        serde_json::from_slice(&answer).with_context(|| format!("the answer to {operation} is not JSON"))
    }
}

/// The metadata that AWS KMS would send with `kms_operation`.
fn metadata(kms_operation: &str) -> Value {
    json!({
        "awsPrincipalArn": "arn:aws:iam::111122223333:user/alice",
        "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "kmsOperation": kms_operation,
        "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
    })
}

/// An Encrypt that asks for the CDIV.
pub(super) fn encrypt_body() -> Value {
    json!({
        "requestMetadata": metadata("Encrypt"),
        "plaintext": PLAINTEXT,
        "encryptionAlgorithm": "AES_GCM",
        "additionalAuthenticatedData": AAD,
        "ciphertextDataIntegrityValueAlgorithm": "SHA_256",
    })
}

/// The Decrypt of what an Encrypt gave.
pub(super) fn decrypt_body(encrypted: &Value) -> Value {
    let mut body = json!({
        "requestMetadata": metadata("Decrypt"),
        "encryptionAlgorithm": "AES_GCM",
        "additionalAuthenticatedData": AAD,
    });
    for name in [
        "ciphertext",
        "initializationVector",
        "authenticationTag",
        "ciphertextMetadata",
    ] {
        if let (Some(value), Some(members)) = (encrypted.get(name), body.as_object_mut()) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    body
}

/// What AWS KMS asks every few minutes.
pub(super) fn health_body() -> Value {
    json!({ "requestMetadata": { "kmsOperation": "KmsHealthCheck", "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae" } })
}
