//! Bodies of requests: JSON, once the signature was verified.

use xks_api::message::{DecryptRequest, EncryptRequest, GetKeyMetadataRequest, HealthRequest};
use xks_api::{SizeLimits, XksError};

/// What is accepted lies within the limits and reads the same when written out again; what is
/// refused is refused in the form of the specification (XKS-ERR-01).
pub fn bodies(data: &[u8]) {
    let limits = SizeLimits::default();
    match EncryptRequest::parse(data, &limits) {
        Ok(request) => check_encrypt(&request, &limits),
        Err(error) => check_error(&error),
    }
    match DecryptRequest::parse(data, &limits) {
        Ok(request) => check_decrypt(&request, &limits),
        Err(error) => check_error(&error),
    }
    match GetKeyMetadataRequest::parse(data) {
        Ok(request) => assert!(GetKeyMetadataRequest::parse(&request.to_json()).is_ok()),
        Err(error) => check_error(&error),
    }
    match HealthRequest::parse(data) {
        Ok(request) => assert!(HealthRequest::parse(&request.to_json()).is_ok()),
        Err(error) => check_error(&error),
    }
}

fn check_encrypt(request: &EncryptRequest<'_>, limits: &SizeLimits) {
    assert!(request.plaintext.expose().len() <= limits.plaintext());
    assert!(request.aad.as_ref().is_none_or(|aad| aad.len() <= limits.aad()));
    let written = request.to_json();
    let Ok(again) = EncryptRequest::parse(written.as_ref(), limits) else {
        unreachable!("what was accepted is refused when written out")
    };
    assert_eq!(again.metadata, request.metadata);
    assert_eq!(again.plaintext.expose(), request.plaintext.expose());
    assert_eq!((&again.aad, again.cdiv), (&request.aad, request.cdiv));
}

fn check_decrypt(request: &DecryptRequest<'_>, limits: &SizeLimits) {
    assert!(request.ciphertext.len() <= limits.plaintext());
    assert!(request.aad.as_ref().is_none_or(|aad| aad.len() <= limits.aad()));
    let written = request.to_json();
    assert!(DecryptRequest::parse(&written, limits).is_ok_and(|again| again == *request));
}

fn check_error(error: &XksError) {
    let written = error.to_json();
    assert!(
        written.iter().all(|byte| (0x20..0x7f).contains(byte)),
        "not printable: {written:?}"
    );
    assert!(written.len() < 512 + 100, "too long: {}", written.len());
    assert!(XksError::parse(&written).is_ok());
}
