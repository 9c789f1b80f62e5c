//! Requests of the AWS KMS API, signed beforehand.

use std::net::SocketAddr;

use ambient::{Clock as _, Random as _, SeededRandom, SystemClock};
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use sigv4::{PathForm, SecretAccessKey, Signer, Target};
use xtask::dev_server::Kms;

use crate::connection::Dialer;
use crate::requests::{POOL, Pool, ok_body};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Of 32 bytes, with an encryption context of two pairs.
    Encrypt,
    /// Of the same.
    Decrypt,
    /// Of 256 bits.
    GenerateDataKey,
}

/// Who is called, and by whom.
pub(super) struct Endpoint {
    address: SocketAddr,
    region: String,
    access_key_id: String,
    secret: SecretAccessKey,
    external_key: Option<String>,
}

impl Endpoint {
    /// As `strongroom dev` tells it, at another address.
    pub(super) fn of_dev(kms: &Kms, address: SocketAddr) -> Self {
        Self {
            address,
            region: kms.region.clone(),
            access_key_id: kms.access_key_id.clone(),
            secret: SecretAccessKey::new(kms.secret_access_key.clone()),
            external_key: Some(kms.key_arn.clone()),
        }
    }

    /// moto takes any credential.
    pub(super) fn of_moto(address: SocketAddr) -> Self {
        Self {
            address,
            region: "us-east-1".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: SecretAccessKey::new("moto".to_owned()),
            external_key: None,
        }
    }

    /// The ARN of the key in the external key store.
    pub(super) fn external_key(&self) -> Option<&String> {
        self.external_key.as_ref()
    }

    const fn dialer(&self) -> Dialer {
        Dialer::plain(self.address)
    }

    /// A new key with origin `AWS_KMS`; its ARN.
    pub(super) async fn create_key(&self) -> Result<String> {
        let answer = self.call("CreateKey", &json!({})).await?;
        let arn = answer.pointer("/KeyMetadata/Arn").and_then(Value::as_str);
        Ok(arn.context("CreateKey answered no ARN")?.to_owned())
    }

    /// Requests for `key`, all different. To be used within five minutes, as long as signatures
    /// hold.
    pub(super) async fn pool(&self, operation: Operation, key: &str) -> Result<Pool> {
        let mut requests = Vec::new();
        for seed in 0..POOL {
            requests.push(self.request(operation, key, seed).await?);
        }
        let first = requests.first().context("the pool is empty")?;
        let answer = self.send(first).await?.len();
        Ok(Pool::of(requests, PATH.len(), answer))
    }

    async fn request(&self, operation: Operation, key: &str, seed: u64) -> Result<Vec<u8>> {
        match operation {
            Operation::Encrypt => self.signed("Encrypt", &encrypt(key, seed)?),
            Operation::GenerateDataKey => self.signed(
                "GenerateDataKey",
                &json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context(seed) }),
            ),
            Operation::Decrypt => {
                let encrypted = self.call("Encrypt", &encrypt(key, seed)?).await?;
                let blob = encrypted.get("CiphertextBlob").context("no CiphertextBlob")?;
                self.signed(
                    "Decrypt",
                    &json!({ "CiphertextBlob": blob, "EncryptionContext": context(seed) }),
                )
            }
        }
    }

    async fn call(&self, operation: &str, body: &Value) -> Result<Value> {
        let answer = self.send(&self.signed(operation, body)?).await;
        Ok(serde_json::from_slice(
            &answer.with_context(|| operation.to_owned())?,
        )?)
    }

    /// Over a connection of its own, since moto closes each.
    async fn send(&self, request: &[u8]) -> Result<Vec<u8>> {
        let mut connection = self.dialer().dial().await?;
        let body = ok_body(&mut connection, request).await?.to_vec();
        connection.close().await;
        Ok(body)
    }

    fn signed(&self, operation: &str, body: &Value) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(body)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(&self.address.to_string())?);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        headers.insert(
            "x-amz-target",
            HeaderValue::from_str(&format!("TrentService.{operation}"))?,
        );
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: &self.region,
            service: "kms",
            path: PathForm::Normalised,
        };
        let target = Target {
            method: "POST",
            path: PATH,
            query: "",
            authority: None,
        };
        signer.sign(&target, &mut headers, &body, SystemClock.now())?;
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        Ok(bytes(&headers, &body))
    }
}

/// Of every request of the AWS KMS API.
const PATH: &str = "/";

fn bytes(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("POST {PATH} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn encrypt(key: &str, seed: u64) -> Result<Value> {
    let mut plaintext = [0; 32];
    SeededRandom::new(seed)
        .fill(&mut plaintext)
        .context("no randomness")?;
    Ok(json!({
        "KeyId": key,
        "Plaintext": STANDARD.encode(plaintext),
        "EncryptionContext": context(seed),
    }))
}

fn context(seed: u64) -> Value {
    json!({ "project": "nile", "number": seed.to_string() })
}
