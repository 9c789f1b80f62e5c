//! Ciphertext blobs that clients hand to the KMS endpoint.

/// A blob either does not parse or is written again as the same bytes: it has one form.
pub fn kms_ciphertexts(data: &[u8]) {
    kms::inspect::parse_ciphertext(data);
}
