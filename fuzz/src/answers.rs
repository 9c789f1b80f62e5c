//! Answers of XKS proxies: JSON from somebody else's server, which a KMS has to judge.

use xks_api::message::{DecryptResponse, EncryptResponse, FleetDetails, HealthResponse, ReportedKeyMetadata};
use xks_api::{CiphertextMetadata, XksError};

/// Lengths of what was asked for, the seeds' among them.
const LENGTHS: [usize; 4] = [0, 12, 16, 4_300];

/// What is accepted has the sizes of the specification and of the request, and reads the same when
/// written out again.
pub fn answers(data: &[u8]) {
    for len in LENGTHS {
        if let Ok(answer) = EncryptResponse::parse(data, len) {
            check_encrypt(&answer, len);
        }
        if let Ok(answer) = DecryptResponse::parse(data, len) {
            assert_eq!(answer.plaintext.len(), len);
            let written = answer.to_json();
            assert!(DecryptResponse::parse(written.expose(), len).is_ok());
        }
    }
    if let Ok(health) = HealthResponse::parse(data) {
        assert!((1..=FleetDetails::MAX_ENTRIES).contains(&health.fleet.instances().len()));
        assert!(HealthResponse::parse(&health.to_json()).is_ok_and(|again| again == health));
    }
    if let Ok(metadata) = ReportedKeyMetadata::parse(data) {
        assert!(metadata.key_usage.len() <= ReportedKeyMetadata::MAX_USAGES);
    }
    if let Ok(error) = XksError::parse(data) {
        assert!(XksError::parse(&error.to_json()).is_ok_and(|again| again == error));
    }
}

fn check_encrypt(answer: &EncryptResponse<'_>, len: usize) {
    assert_eq!(answer.ciphertext.len(), len);
    assert!(matches!(answer.iv.as_bytes().len(), 12 | 16));
    assert!(answer.ciphertext_metadata.as_bytes().len() <= CiphertextMetadata::MAX_BYTES);
    assert!(EncryptResponse::parse(&answer.to_json(), len).is_ok_and(|again| again == *answer));
}
