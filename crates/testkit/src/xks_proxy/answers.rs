//! What a working proxy says.

use ambient::Random as _;
use serde_json::{Value, json};
use sigv4::{Rules, UnverifiedRequest};
use xks_api::cdiv::cdiv;
use xks_api::message::{DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse};
use xks_api::uri::{KeyOperation, Resource, parse_path};
use xks_api::{CiphertextMetadata, ErrorName, Iv, SizeLimits, XksError, error_message};

use super::connection::Request;
use super::{ACCESS_KEY_ID, Edit, PREFIX, Shared};

pub(super) fn error(name: ErrorName) -> (u16, Vec<u8>) {
    let error = XksError::new(name, error_message!("as a test ordered"));
    (error.http_status(), error.to_json())
}

pub(super) fn answer(shared: &Shared, request: &Request, edit: Option<&Edit>) -> (u16, Vec<u8>) {
    match work(shared, request) {
        Ok((operation, body)) => {
            let body = match edit {
                None => body,
                Some(edit) => edited(operation, &body, edit),
            };
            (200, body)
        }
        Err(name) => error(name),
    }
}

fn edited(operation: &str, body: &[u8], edit: &Edit) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(body).unwrap();
    edit(operation, &mut value);
    serde_json::to_vec(&value).unwrap()
}

fn work(shared: &Shared, request: &Request) -> Result<(&'static str, Vec<u8>), ErrorName> {
    let target = parse_path(&request.path).map_err(|_| ErrorName::InvalidUriPathException)?;
    if target.prefix != PREFIX {
        return Err(ErrorName::InvalidUriPathException);
    }
    let unverified = UnverifiedRequest {
        method: "POST",
        path: &request.path,
        query: "",
        headers: &request.headers,
        authority: None,
    };
    let known = |id: &str| (id == ACCESS_KEY_ID).then_some(&shared.secret);
    let rules = Rules::new(xks_api::SIGNING_SERVICE);
    let body = shared
        .verifier
        .verify(unverified, &request.body[..], &rules, shared.clock.now(), known)
        .map_err(|_| ErrorName::AuthenticationFailedException)?
        .into_body();
    match target.resource {
        Resource::Health => Ok(("health", health())),
        Resource::Key {
            external_key_id: "missing",
            ..
        } => Err(ErrorName::KeyNotFoundException),
        Resource::Key { operation, .. } => match operation {
            KeyOperation::GetKeyMetadata => Ok(("metadata", metadata())),
            KeyOperation::Encrypt => Ok(("encrypt", encrypt(shared, body)?)),
            KeyOperation::Decrypt => Ok(("decrypt", decrypt(shared, body)?)),
        },
    }
}

fn health() -> Vec<u8> {
    let instance = |id: &str| json!({"id": id, "model": "testkit", "healthStatus": "ACTIVE"});
    let health = json!({
        "xksProxyFleetSize": 1,
        "xksProxyVendor": "testkit",
        "xksProxyModel": "testkit",
        "ekmVendor": "testkit",
        "ekmFleetDetails": [instance("one"), instance("two")],
    });
    serde_json::to_vec(&health).unwrap()
}

fn metadata() -> Vec<u8> {
    let metadata = json!({"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"});
    serde_json::to_vec(&metadata).unwrap()
}

fn encrypt(shared: &Shared, body: &[u8]) -> Result<Vec<u8>, ErrorName> {
    let request = EncryptRequest::parse(body, &SizeLimits::default()).map_err(|error| error.name)?;
    let mut nonce = [0; 24];
    shared.random.fill(&mut nonce).unwrap();
    let (extension, iv) = nonce.split_at(12);
    let mut ciphertext = request.plaintext.expose().to_vec();
    let aad = framed(request.aad.as_deref(), extension);
    let tag = shared.key.seal(&nonce, &aad, &mut ciphertext).unwrap();
    let answer = EncryptResponse {
        cdiv: request
            .cdiv
            .then(|| cdiv(request.aad.as_deref(), extension, iv, &ciphertext, &tag)),
        ciphertext: ciphertext.into(),
        ciphertext_metadata: CiphertextMetadata::try_from(extension).unwrap(),
        iv: Iv::try_from(iv).unwrap(),
        tag,
    };
    Ok(answer.to_json())
}

fn decrypt(shared: &Shared, body: &[u8]) -> Result<Vec<u8>, ErrorName> {
    let request = DecryptRequest::parse(body, &SizeLimits::default()).map_err(|error| error.name)?;
    let extension = request.ciphertext_metadata.as_bytes();
    let nonce = [extension, request.iv.as_bytes()].concat();
    let nonce = nonce
        .try_into()
        .map_err(|_| ErrorName::InvalidCiphertextException)?;
    let aad = framed(request.aad.as_deref(), extension);
    let mut plaintext = crypto::SecretBytes::zeroed(request.ciphertext.len());
    shared
        .key
        .open(
            &nonce,
            &aad,
            &request.ciphertext,
            &request.tag,
            plaintext.expose_mut(),
        )
        .map_err(|_| ErrorName::InvalidCiphertextException)?;
    Ok(DecryptResponse { plaintext }.to_json().expose().to_vec())
}

/// The specification's framing (XKS-AAD-02).
fn framed(aad: Option<&[u8]>, metadata: &[u8]) -> Vec<u8> {
    let aad = aad.unwrap_or_default();
    let len = u16::try_from(aad.len()).unwrap().to_be_bytes();
    let metadata_len = u8::try_from(metadata.len()).unwrap();
    [&len[..], aad, &[metadata_len], metadata].concat()
}
