//! Requests prepared beforehand: complete bytes on the wire, signed, all different.

use ambient::{Clock as _, Random as _, SeededRandom, SystemClock};
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use sigv4::{PathForm, SecretAccessKey, Signer, Target};
use xtask::dev_server::Xks;

use crate::connection::{Connection, Dialer};

/// How many different requests a pool holds.
pub(crate) const POOL: u64 = 256;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Encrypt {
        plaintext: usize,
        aad: usize,
        cdiv: bool,
    },
    Decrypt {
        plaintext: usize,
        aad: usize,
    },
    Health,
}

/// Requests of one kind and the length of their answers.
pub(crate) struct Pool {
    requests: Vec<Vec<u8>>,
    /// Bytes of the path, within every request's first line.
    path: usize,
    answer: usize,
}

impl Pool {
    /// Prepares the requests against a running proxy: decryption needs its ciphertexts, and the
    /// length of an answer is taken from its first. To be used within five minutes, as long as
    /// signatures hold.
    pub(crate) async fn prepare(operation: Operation, xks: &Xks, dialer: &Dialer) -> Result<Self> {
        let client = Client::new(xks)?;
        let mut connection = dialer.dial().await?;
        let mut requests = Vec::new();
        for seed in 0..POOL {
            requests.push(client.request(operation, seed, &mut connection).await?);
        }
        let first = requests.first().context("the pool is empty")?;
        let answer = ok_body(&mut connection, first).await?.len();
        connection.close().await;
        Ok(Self {
            requests,
            path: client.path(operation).len(),
            answer,
        })
    }

    /// Requests that were prepared elsewhere, all with a path of `path` bytes, answered by `answer`
    /// bytes.
    pub(crate) const fn of(requests: Vec<Vec<u8>>, path: usize, answer: usize) -> Self {
        Self {
            requests,
            path,
            answer,
        }
    }

    /// The same bytes for a constant server: only the path differs. It has the same length unless
    /// that is too short, and asks for an answer of the same length as the proxy's.
    pub(crate) fn for_constant(&self) -> Self {
        let digits = format!("/{:0width$}", self.answer, width = self.path.saturating_sub(1));
        let replaced = self.requests.iter().map(|request| {
            let mut request = request.clone();
            if request.len() >= 5 + self.path {
                request.splice(5..5 + self.path, digits.bytes());
            }
            request
        });
        Self {
            requests: replaced.collect(),
            path: self.path,
            answer: self.answer,
        }
    }

    /// The `number`-th request, counted round and round.
    pub(crate) fn get(&self, number: usize) -> &[u8] {
        self.requests
            .get(number % self.requests.len().max(1))
            .map_or(&[], Vec::as_slice)
    }
}

/// The body of an answer that must be a success.
pub(crate) async fn ok_body<'c>(connection: &'c mut Connection, request: &[u8]) -> Result<&'c [u8]> {
    let answer = connection.exchange(request).await?;
    ensure!(
        answer.status == 200,
        "answered {}: {}",
        answer.status,
        String::from_utf8_lossy(answer.body)
    );
    Ok(answer.body)
}

/// Plays KMS for one key store.
struct Client<'x> {
    xks: &'x Xks,
    secret: SecretAccessKey,
    host: HeaderValue,
}

impl<'x> Client<'x> {
    fn new(xks: &'x Xks) -> Result<Self> {
        let host = xks
            .endpoint
            .strip_prefix("https://")
            .context("the endpoint is not https")?;
        let secret = SecretAccessKey::new(xks.secret_access_key.clone());
        Ok(Self {
            xks,
            secret,
            host: HeaderValue::from_str(host)?,
        })
    }

    fn path(&self, operation: Operation) -> String {
        let (base, key) = (&self.xks.uri_path, &self.xks.external_key_id);
        match operation {
            Operation::Encrypt { .. } => format!("{base}/keys/{key}/encrypt"),
            Operation::Decrypt { .. } => format!("{base}/keys/{key}/decrypt"),
            Operation::Health => format!("{base}/health"),
        }
    }

    /// A complete request; different seeds give different bodies.
    async fn request(&self, operation: Operation, seed: u64, connection: &mut Connection) -> Result<Vec<u8>> {
        let body = match operation {
            Operation::Encrypt { plaintext, aad, cdiv } => encrypt(seed, plaintext, aad, cdiv)?,
            Operation::Decrypt { plaintext, aad } => {
                let original = encrypt(seed, plaintext, aad, false)?;
                let path = self.path(Operation::Encrypt {
                    plaintext,
                    aad,
                    cdiv: false,
                });
                let encrypt = self.signed(&path, &original)?;
                decrypt(&original, ok_body(connection, &encrypt).await?)?
            }
            Operation::Health => json!({ "requestMetadata": {
                "kmsOperation": "KmsHealthCheck", "kmsRequestId": request_id(seed) } }),
        };
        self.signed(&self.path(operation), &body)
    }

    fn signed(&self, path: &str, body: &Value) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(body)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        let signer = Signer {
            access_key_id: &self.xks.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: &self.xks.region,
            service: "kms-xks-proxy",
            path: PathForm::AsReceived,
        };
        let target = Target {
            method: "POST",
            path,
            query: "",
            authority: None,
        };
        signer.sign(&target, &mut headers, &body, SystemClock.now())?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        let mut bytes = format!("POST {path} HTTP/1.1\r\n").into_bytes();
        for (name, value) in &headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }
}

fn metadata(operation: &str, seed: u64) -> Value {
    json!({
        "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice",
        "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "kmsOperation": operation,
        "kmsRequestId": request_id(seed),
        "kmsViaService": "ebs",
    })
}

fn request_id(seed: u64) -> String {
    format!("4112f4d6-db54-4af4-ae30-{seed:012x}")
}

fn encrypt(seed: u64, plaintext: usize, aad: usize, cdiv: bool) -> Result<Value> {
    let mut bytes = vec![0; plaintext + aad];
    SeededRandom::new(seed)
        .fill(&mut bytes)
        .context("no randomness")?;
    let (plaintext, aad) = bytes.split_at(plaintext);
    let mut body = json!({
        "requestMetadata": metadata("Encrypt", seed),
        "additionalAuthenticatedData": STANDARD.encode(aad),
        "plaintext": STANDARD.encode(plaintext),
        "encryptionAlgorithm": "AES_GCM",
    });
    if cdiv && let Some(members) = body.as_object_mut() {
        members.insert(
            "ciphertextDataIntegrityValueAlgorithm".to_owned(),
            json!("SHA_256"),
        );
    }
    Ok(body)
}

/// The decryption of what `original` was encrypted to.
fn decrypt(original: &Value, encrypted: &[u8]) -> Result<Value> {
    let mut body: Value = serde_json::from_slice(encrypted)?;
    let members = body.as_object_mut().context("the answer is no object")?;
    members.insert("encryptionAlgorithm".to_owned(), json!("AES_GCM"));
    for member in ["requestMetadata", "additionalAuthenticatedData"] {
        members.insert(
            member.to_owned(),
            original.get(member).cloned().unwrap_or_default(),
        );
    }
    if let Some(metadata) = members.get_mut("requestMetadata").and_then(Value::as_object_mut) {
        metadata.insert("kmsOperation".to_owned(), json!("Decrypt"));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_servers_request_has_the_same_length() {
        let request = b"POST /abc/health HTTP/1.1\r\n\r\n{}".to_vec();
        let pool = Pool {
            requests: vec![request.clone()],
            path: "/abc/health".len(),
            answer: 213,
        };
        let constant = pool.for_constant();
        assert_eq!(constant.get(5), b"POST /0000000213 HTTP/1.1\r\n\r\n{}");
        assert_eq!(constant.get(0).len(), request.len());
    }

    #[test]
    fn a_path_too_short_for_the_length_grows() {
        let pool = Pool::of(vec![b"POST / HTTP/1.1\r\n\r\n".to_vec()], 1, 213);
        assert_eq!(pool.for_constant().get(0), b"POST /213 HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn requests_of_a_pool_differ() {
        assert_ne!(
            encrypt(1, 32, 200, true).unwrap(),
            encrypt(2, 32, 200, true).unwrap()
        );
    }
}
