//! Cryptographic operations.

use crypto::SecretBytes;

use super::responses;
use crate::{EncryptionAlgorithm, KeyArn};

responses! {
    /// See [`request::Encrypt`](crate::request::Encrypt).
    Encrypt {
        /// 1 to 6144 bytes.
        ciphertext_blob: Box<[u8]> = "CiphertextBlob",
        /// The key used.
        key_id: KeyArn = "KeyId",
        /// The algorithm used.
        encryption_algorithm: EncryptionAlgorithm = "EncryptionAlgorithm",
    }

    /// See [`request::Decrypt`](crate::request::Decrypt).
    Decrypt {
        /// The key used.
        key_id: KeyArn = "KeyId",
        /// At most 4096 bytes.
        plaintext: SecretBytes = "Plaintext",
        /// The algorithm used.
        encryption_algorithm: EncryptionAlgorithm = "EncryptionAlgorithm",
        /// The key material used: 64 hexadecimal digits.
        key_material_id: Option<String> = "KeyMaterialId",
    }

    /// See [`request::ReEncrypt`](crate::request::ReEncrypt).
    ReEncrypt {
        /// 1 to 6144 bytes.
        ciphertext_blob: Box<[u8]> = "CiphertextBlob",
        /// The key that decrypted.
        source_key_id: KeyArn = "SourceKeyId",
        /// The key that encrypted.
        key_id: KeyArn = "KeyId",
        /// The algorithm that decrypted.
        source_encryption_algorithm: EncryptionAlgorithm = "SourceEncryptionAlgorithm",
        /// The algorithm that encrypted.
        destination_encryption_algorithm: EncryptionAlgorithm = "DestinationEncryptionAlgorithm",
        /// The key material that decrypted.
        source_key_material_id: Option<String> = "SourceKeyMaterialId",
        /// The key material that encrypted.
        destination_key_material_id: Option<String> = "DestinationKeyMaterialId",
    }

    /// See [`request::GenerateDataKey`](crate::request::GenerateDataKey).
    GenerateDataKey {
        /// The data key, encrypted.
        ciphertext_blob: Box<[u8]> = "CiphertextBlob",
        /// The data key.
        plaintext: SecretBytes = "Plaintext",
        /// The key used.
        key_id: KeyArn = "KeyId",
        /// The key material used: 64 hexadecimal digits.
        key_material_id: Option<String> = "KeyMaterialId",
    }

    /// See [`request::GenerateDataKeyWithoutPlaintext`](crate::request::GenerateDataKeyWithoutPlaintext).
    GenerateDataKeyWithoutPlaintext {
        /// The data key, encrypted.
        ciphertext_blob: Box<[u8]> = "CiphertextBlob",
        /// The key used.
        key_id: KeyArn = "KeyId",
        /// The key material used: 64 hexadecimal digits.
        key_material_id: Option<String> = "KeyMaterialId",
    }

    /// See [`request::GenerateRandom`](crate::request::GenerateRandom).
    GenerateRandom {
        /// As many as asked for.
        plaintext: SecretBytes = "Plaintext",
    }
}
