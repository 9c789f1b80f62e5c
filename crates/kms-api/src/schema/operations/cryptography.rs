//! Cryptographic operations.

use super::super::shapes::{
    BACKING_KEY_ID_TYPE, BOOLEAN_TYPE, CIPHERTEXT_TYPE, CUSTOM_KEY_STORE_ID_TYPE, CUSTOMER_MASTER_KEY_SPEC,
    DATA_KEY_PAIR_SPEC, DATA_KEY_SPEC, DRY_RUN_MODIFIER_LIST, ENCAPSULATION_ALGORITHM_SPEC,
    ENCAPSULATION_ALGORITHM_SPEC_LIST, ENCRYPTION_ALGORITHM_SPEC, ENCRYPTION_ALGORITHM_SPEC_LIST,
    ENCRYPTION_CONTEXT_TYPE, GRANT_TOKEN_LIST, KEY_AGREEMENT_ALGORITHM_SPEC,
    KEY_AGREEMENT_ALGORITHM_SPEC_LIST, KEY_ID_TYPE, KEY_SPEC, KEY_USAGE_TYPE, MAC_ALGORITHM_SPEC,
    MESSAGE_TYPE, NULLABLE_BOOLEAN_TYPE, NUMBER_OF_BYTES_TYPE, ORIGIN_TYPE, PLAINTEXT_TYPE, PUBLIC_KEY_TYPE,
    RECIPIENT_INFO, SIGNING_ALGORITHM_SPEC, SIGNING_ALGORITHM_SPEC_LIST,
};
use super::super::{OperationSchema, optional, required};
use crate::ErrorName::{
    CustomKeyStoreInvalidStateException, CustomKeyStoreNotFoundException, DependencyTimeoutException,
    DisabledException, DryRunOperationException, IncorrectKeyException, InvalidArnException,
    InvalidCiphertextException, InvalidGrantTokenException, InvalidKeyUsageException,
    KeyUnavailableException, KmsInternalException, KmsInvalidMacException, KmsInvalidSignatureException,
    KmsInvalidStateException, NotFoundException, UnsupportedOperationException,
};

pub(super) static ENCRYPT: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("Plaintext", &PLAINTEXT_TYPE),
        optional("EncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("EncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("CiphertextBlob", &CIPHERTEXT_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("EncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static DECRYPT: OperationSchema = OperationSchema {
    input: &[
        optional("CiphertextBlob", &CIPHERTEXT_TYPE),
        optional("EncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("KeyId", &KEY_ID_TYPE),
        optional("EncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("Recipient", &RECIPIENT_INFO),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
        optional("DryRunModifiers", &DRY_RUN_MODIFIER_LIST),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("Plaintext", &PLAINTEXT_TYPE),
        optional("EncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("CiphertextForRecipient", &CIPHERTEXT_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        InvalidCiphertextException,
        KeyUnavailableException,
        IncorrectKeyException,
        InvalidKeyUsageException,
        DependencyTimeoutException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static RE_ENCRYPT: OperationSchema = OperationSchema {
    input: &[
        optional("CiphertextBlob", &CIPHERTEXT_TYPE),
        optional("SourceEncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        optional("SourceKeyId", &KEY_ID_TYPE),
        required("DestinationKeyId", &KEY_ID_TYPE),
        optional("DestinationEncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        optional("SourceEncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("DestinationEncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
        optional("DryRunModifiers", &DRY_RUN_MODIFIER_LIST),
    ],
    output: Some(&[
        optional("CiphertextBlob", &CIPHERTEXT_TYPE),
        optional("SourceKeyId", &KEY_ID_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("SourceEncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("DestinationEncryptionAlgorithm", &ENCRYPTION_ALGORITHM_SPEC),
        optional("SourceKeyMaterialId", &BACKING_KEY_ID_TYPE),
        optional("DestinationKeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        InvalidCiphertextException,
        KeyUnavailableException,
        IncorrectKeyException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static GENERATE_DATA_KEY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("EncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        optional("NumberOfBytes", &NUMBER_OF_BYTES_TYPE),
        optional("KeySpec", &DATA_KEY_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("Recipient", &RECIPIENT_INFO),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("CiphertextBlob", &CIPHERTEXT_TYPE),
        optional("Plaintext", &PLAINTEXT_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("CiphertextForRecipient", &CIPHERTEXT_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static GENERATE_DATA_KEY_WITHOUT_PLAINTEXT: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("EncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        optional("KeySpec", &DATA_KEY_SPEC),
        optional("NumberOfBytes", &NUMBER_OF_BYTES_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("CiphertextBlob", &CIPHERTEXT_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static GENERATE_DATA_KEY_PAIR: OperationSchema = OperationSchema {
    input: &[
        optional("EncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        required("KeyId", &KEY_ID_TYPE),
        required("KeyPairSpec", &DATA_KEY_PAIR_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("Recipient", &RECIPIENT_INFO),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("PrivateKeyCiphertextBlob", &CIPHERTEXT_TYPE),
        optional("PrivateKeyPlaintext", &PLAINTEXT_TYPE),
        optional("PublicKey", &PUBLIC_KEY_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyPairSpec", &DATA_KEY_PAIR_SPEC),
        optional("CiphertextForRecipient", &CIPHERTEXT_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
        DryRunOperationException,
    ],
};

pub(super) static GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT: OperationSchema = OperationSchema {
    input: &[
        optional("EncryptionContext", &ENCRYPTION_CONTEXT_TYPE),
        required("KeyId", &KEY_ID_TYPE),
        required("KeyPairSpec", &DATA_KEY_PAIR_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("PrivateKeyCiphertextBlob", &CIPHERTEXT_TYPE),
        optional("PublicKey", &PUBLIC_KEY_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyPairSpec", &DATA_KEY_PAIR_SPEC),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
        DryRunOperationException,
    ],
};

pub(super) static GENERATE_RANDOM: OperationSchema = OperationSchema {
    input: &[
        optional("NumberOfBytes", &NUMBER_OF_BYTES_TYPE),
        optional("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE),
        optional("Recipient", &RECIPIENT_INFO),
    ],
    output: Some(&[
        optional("Plaintext", &PLAINTEXT_TYPE),
        optional("CiphertextForRecipient", &CIPHERTEXT_TYPE),
    ]),
    errors: &[
        DependencyTimeoutException,
        KmsInternalException,
        UnsupportedOperationException,
        CustomKeyStoreNotFoundException,
        CustomKeyStoreInvalidStateException,
    ],
};

pub(super) static GENERATE_MAC: OperationSchema = OperationSchema {
    input: &[
        required("Message", &PLAINTEXT_TYPE),
        required("KeyId", &KEY_ID_TYPE),
        required("MacAlgorithm", &MAC_ALGORITHM_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("Mac", &CIPHERTEXT_TYPE),
        optional("MacAlgorithm", &MAC_ALGORITHM_SPEC),
        optional("KeyId", &KEY_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static VERIFY_MAC: OperationSchema = OperationSchema {
    input: &[
        required("Message", &PLAINTEXT_TYPE),
        required("KeyId", &KEY_ID_TYPE),
        required("MacAlgorithm", &MAC_ALGORITHM_SPEC),
        required("Mac", &CIPHERTEXT_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("MacValid", &BOOLEAN_TYPE),
        optional("MacAlgorithm", &MAC_ALGORITHM_SPEC),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidMacException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static SIGN: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("Message", &PLAINTEXT_TYPE),
        optional("MessageType", &MESSAGE_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        required("SigningAlgorithm", &SIGNING_ALGORITHM_SPEC),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("Signature", &CIPHERTEXT_TYPE),
        optional("SigningAlgorithm", &SIGNING_ALGORITHM_SPEC),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static VERIFY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("Message", &PLAINTEXT_TYPE),
        optional("MessageType", &MESSAGE_TYPE),
        required("Signature", &CIPHERTEXT_TYPE),
        required("SigningAlgorithm", &SIGNING_ALGORITHM_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("SignatureValid", &BOOLEAN_TYPE),
        optional("SigningAlgorithm", &SIGNING_ALGORITHM_SPEC),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidKeyUsageException,
        InvalidGrantTokenException,
        KmsInternalException,
        KmsInvalidStateException,
        KmsInvalidSignatureException,
        DryRunOperationException,
    ],
};

pub(super) static DERIVE_SHARED_SECRET: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("KeyAgreementAlgorithm", &KEY_AGREEMENT_ALGORITHM_SPEC),
        required("PublicKey", &PUBLIC_KEY_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
        optional("Recipient", &RECIPIENT_INFO),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("SharedSecret", &PLAINTEXT_TYPE),
        optional("CiphertextForRecipient", &CIPHERTEXT_TYPE),
        optional("KeyAgreementAlgorithm", &KEY_AGREEMENT_ALGORITHM_SPEC),
        optional("KeyOrigin", &ORIGIN_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidGrantTokenException,
        InvalidKeyUsageException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static ENCAPSULATE: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("EncapsulationAlgorithm", &ENCAPSULATION_ALGORITHM_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("SharedSecret", &PLAINTEXT_TYPE),
        optional("SharedSecretCiphertextBlob", &CIPHERTEXT_TYPE),
        optional("EncapsulationAlgorithm", &ENCAPSULATION_ALGORITHM_SPEC),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidGrantTokenException,
        InvalidKeyUsageException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static DECAPSULATE: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("SharedSecretCiphertextBlob", &CIPHERTEXT_TYPE),
        required("EncapsulationAlgorithm", &ENCAPSULATION_ALGORITHM_SPEC),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("SharedSecret", &PLAINTEXT_TYPE),
        optional("EncapsulationAlgorithm", &ENCAPSULATION_ALGORITHM_SPEC),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        InvalidGrantTokenException,
        InvalidKeyUsageException,
        InvalidCiphertextException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static GET_PUBLIC_KEY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("PublicKey", &PUBLIC_KEY_TYPE),
        optional("CustomerMasterKeySpec", &CUSTOMER_MASTER_KEY_SPEC),
        optional("KeySpec", &KEY_SPEC),
        optional("KeyUsage", &KEY_USAGE_TYPE),
        optional("EncryptionAlgorithms", &ENCRYPTION_ALGORITHM_SPEC_LIST),
        optional("SigningAlgorithms", &SIGNING_ALGORITHM_SPEC_LIST),
        optional("KeyAgreementAlgorithms", &KEY_AGREEMENT_ALGORITHM_SPEC_LIST),
        optional("EncapsulationAlgorithms", &ENCAPSULATION_ALGORITHM_SPEC_LIST),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        KeyUnavailableException,
        DependencyTimeoutException,
        UnsupportedOperationException,
        InvalidArnException,
        InvalidGrantTokenException,
        InvalidKeyUsageException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};
