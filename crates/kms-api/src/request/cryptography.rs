//! Cryptographic operations.

use crypto::SecretBytes;

use super::{requests, structures};
use crate::{
    DataKeySpec, DryRunModifier, EncryptionAlgorithm, EncryptionContext, KeyEncryptionMechanism, RequestedKey,
};

requests! {
    /// Encrypts up to 4096 bytes.
    Encrypt -> Encrypt {
        /// The key to encrypt under.
        key_id: RequestedKey = "KeyId",
        /// 1 to 4096 bytes.
        plaintext: SecretBytes = "Plaintext",
        /// Authenticated with the ciphertext.
        encryption_context: EncryptionContext = "EncryptionContext",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
        /// Absent means `SYMMETRIC_DEFAULT`.
        encryption_algorithm: Option<EncryptionAlgorithm> = "EncryptionAlgorithm",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
    }

    /// Decrypts.
    Decrypt -> Decrypt {
        /// 1 to 6144 bytes; may be absent in a trial that ignores it, and only there.
        ciphertext_blob: Option<Box<[u8]>> = "CiphertextBlob",
        /// As it was when encrypting.
        encryption_context: EncryptionContext = "EncryptionContext",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
        /// The key that the ciphertext must be under, if the caller says.
        key_id: Option<RequestedKey> = "KeyId",
        /// Absent means `SYMMETRIC_DEFAULT`.
        encryption_algorithm: Option<EncryptionAlgorithm> = "EncryptionAlgorithm",
        /// A Nitro enclave to encrypt the answer for.
        recipient: Option<Recipient> = "Recipient",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
        /// What the trial leaves out.
        dry_run_modifiers: Vec<DryRunModifier> = "DryRunModifiers",
    }

    /// Decrypts and encrypts anew.
    ReEncrypt -> ReEncrypt {
        /// 1 to 6144 bytes; may be absent in a trial that ignores it, and only there.
        ciphertext_blob: Option<Box<[u8]>> = "CiphertextBlob",
        /// As it was when encrypting.
        source_encryption_context: EncryptionContext = "SourceEncryptionContext",
        /// The key that the ciphertext must be under, if the caller says.
        source_key_id: Option<RequestedKey> = "SourceKeyId",
        /// The key to encrypt under.
        destination_key_id: RequestedKey = "DestinationKeyId",
        /// Authenticated with the new ciphertext.
        destination_encryption_context: EncryptionContext = "DestinationEncryptionContext",
        /// Absent means `SYMMETRIC_DEFAULT`.
        source_encryption_algorithm: Option<EncryptionAlgorithm> = "SourceEncryptionAlgorithm",
        /// Absent means `SYMMETRIC_DEFAULT`.
        destination_encryption_algorithm: Option<EncryptionAlgorithm> = "DestinationEncryptionAlgorithm",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
        /// What the trial leaves out.
        dry_run_modifiers: Vec<DryRunModifier> = "DryRunModifiers",
    }

    /// Makes a data key: in the clear and encrypted.
    GenerateDataKey -> GenerateDataKey {
        /// The key to encrypt under.
        key_id: RequestedKey = "KeyId",
        /// Authenticated with the ciphertext.
        encryption_context: EncryptionContext = "EncryptionContext",
        /// 1 to 1024. Either this or `key_spec` must be there, and not both.
        number_of_bytes: Option<u32> = "NumberOfBytes",
        /// See `number_of_bytes`.
        key_spec: Option<DataKeySpec> = "KeySpec",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
        /// A Nitro enclave to encrypt the answer for.
        recipient: Option<Recipient> = "Recipient",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
    }

    /// Makes a data key, encrypted only.
    GenerateDataKeyWithoutPlaintext -> GenerateDataKeyWithoutPlaintext {
        /// The key to encrypt under.
        key_id: RequestedKey = "KeyId",
        /// Authenticated with the ciphertext.
        encryption_context: EncryptionContext = "EncryptionContext",
        /// See `number_of_bytes`.
        key_spec: Option<DataKeySpec> = "KeySpec",
        /// 1 to 1024. Either this or `key_spec` must be there, and not both.
        number_of_bytes: Option<u32> = "NumberOfBytes",
        /// At most 10.
        grant_tokens: Vec<String> = "GrantTokens",
        /// Whether only a trial is asked for.
        dry_run: bool = "DryRun",
    }

    /// Returns random bytes.
    GenerateRandom -> GenerateRandom {
        /// 1 to 1024.
        number_of_bytes: Option<u32> = "NumberOfBytes",
        /// A CloudHSM key store that makes them.
        custom_key_store_id: Option<String> = "CustomKeyStoreId",
        /// A Nitro enclave to encrypt the answer for.
        recipient: Option<Recipient> = "Recipient",
    }
}

structures! {
    /// A Nitro enclave that an answer is to be encrypted for.
    Recipient {
        /// How the symmetric key of the answer is encrypted.
        key_encryption_algorithm: Option<KeyEncryptionMechanism> = "KeyEncryptionAlgorithm",
        /// What the enclave says of itself, signed: 1 to 262144 bytes.
        attestation_document: Option<Box<[u8]>> = "AttestationDocument",
    }
}
