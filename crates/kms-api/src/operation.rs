//! The operations of the AWS KMS API.

use crate::text_enum::text_enum;

/// What stands before the operation's name in `X-Amz-Target`.
const TARGET_PREFIX: &str = "TrentService.";

text_enum! {
    /// An operation of the API (version 2014-11-01), by the name that its model gives it.
    pub enum Operation {
        /// Takes a KMS key out of `PendingDeletion`; it is then `Disabled`.
        CancelKeyDeletion = "CancelKeyDeletion",
        /// Connects a custom key store; asynchronous.
        ConnectCustomKeyStore = "ConnectCustomKeyStore",
        /// Names a KMS key.
        CreateAlias = "CreateAlias",
        /// Makes a custom key store.
        CreateCustomKeyStore = "CreateCustomKeyStore",
        /// Adds a grant to a KMS key.
        CreateGrant = "CreateGrant",
        /// Makes a KMS key.
        CreateKey = "CreateKey",
        /// Recovers a shared secret with a KEM key.
        Decapsulate = "Decapsulate",
        /// Decrypts what KMS encrypted.
        Decrypt = "Decrypt",
        /// Removes an alias.
        DeleteAlias = "DeleteAlias",
        /// Removes a custom key store that has no keys.
        DeleteCustomKeyStore = "DeleteCustomKeyStore",
        /// Removes imported key material.
        DeleteImportedKeyMaterial = "DeleteImportedKeyMaterial",
        /// Derives a shared secret with an elliptic-curve key.
        DeriveSharedSecret = "DeriveSharedSecret",
        /// Lists custom key stores and their states.
        DescribeCustomKeyStores = "DescribeCustomKeyStores",
        /// Shows the metadata of a KMS key.
        DescribeKey = "DescribeKey",
        /// Makes a KMS key unusable until it is enabled.
        DisableKey = "DisableKey",
        /// Ends automatic rotation.
        DisableKeyRotation = "DisableKeyRotation",
        /// Disconnects a custom key store.
        DisconnectCustomKeyStore = "DisconnectCustomKeyStore",
        /// Makes a disabled KMS key usable.
        EnableKey = "EnableKey",
        /// Begins automatic rotation, or changes its period.
        EnableKeyRotation = "EnableKeyRotation",
        /// Makes a shared secret with a KEM key.
        Encapsulate = "Encapsulate",
        /// Encrypts up to 4096 bytes.
        Encrypt = "Encrypt",
        /// Makes a data key: in the clear and encrypted.
        GenerateDataKey = "GenerateDataKey",
        /// Makes an asymmetric data key pair.
        GenerateDataKeyPair = "GenerateDataKeyPair",
        /// Makes an asymmetric data key pair, its private key encrypted only.
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        /// Makes a data key, encrypted only.
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        /// Computes an HMAC.
        GenerateMac = "GenerateMac",
        /// Returns random bytes.
        GenerateRandom = "GenerateRandom",
        /// Tells when a KMS key was last used.
        GetKeyLastUsage = "GetKeyLastUsage",
        /// Returns the key policy.
        GetKeyPolicy = "GetKeyPolicy",
        /// Tells whether and how often a KMS key rotates.
        GetKeyRotationStatus = "GetKeyRotationStatus",
        /// Returns what an import of key material needs.
        GetParametersForImport = "GetParametersForImport",
        /// Returns the public key of an asymmetric KMS key.
        GetPublicKey = "GetPublicKey",
        /// Imports key material.
        ImportKeyMaterial = "ImportKeyMaterial",
        /// Lists aliases.
        ListAliases = "ListAliases",
        /// Lists the grants of a KMS key.
        ListGrants = "ListGrants",
        /// Lists the names of key policies.
        ListKeyPolicies = "ListKeyPolicies",
        /// Lists rotations that are done.
        ListKeyRotations = "ListKeyRotations",
        /// Lists KMS keys.
        ListKeys = "ListKeys",
        /// Lists the tags of a KMS key.
        ListResourceTags = "ListResourceTags",
        /// Lists the grants that a principal may retire.
        ListRetirableGrants = "ListRetirableGrants",
        /// Replaces the key policy.
        PutKeyPolicy = "PutKeyPolicy",
        /// Decrypts and encrypts anew under another KMS key or context.
        ReEncrypt = "ReEncrypt",
        /// Replicates a multi-Region key.
        ReplicateKey = "ReplicateKey",
        /// Removes a grant, by those who may retire it.
        RetireGrant = "RetireGrant",
        /// Removes a grant, by administrators of the key.
        RevokeGrant = "RevokeGrant",
        /// Rotates the key material now.
        RotateKeyOnDemand = "RotateKeyOnDemand",
        /// Puts a KMS key into `PendingDeletion`.
        ScheduleKeyDeletion = "ScheduleKeyDeletion",
        /// Signs.
        Sign = "Sign",
        /// Adds or changes tags.
        TagResource = "TagResource",
        /// Removes tags.
        UntagResource = "UntagResource",
        /// Points an alias at another KMS key.
        UpdateAlias = "UpdateAlias",
        /// Changes a custom key store.
        UpdateCustomKeyStore = "UpdateCustomKeyStore",
        /// Changes the description of a KMS key.
        UpdateKeyDescription = "UpdateKeyDescription",
        /// Changes the primary Region of a multi-Region key.
        UpdatePrimaryRegion = "UpdatePrimaryRegion",
        /// Verifies a signature.
        Verify = "Verify",
        /// Verifies an HMAC.
        VerifyMac = "VerifyMac",
    }
}

impl Operation {
    /// The operation that an `X-Amz-Target` header names; `None` if there is no such operation.
    /// Names are exact, as at AWS.
    pub fn from_target(target: &str) -> Option<Self> {
        target.strip_prefix(TARGET_PREFIX)?.parse().ok()
    }

    /// The value of `X-Amz-Target`.
    pub fn target(self) -> String {
        format!("{TARGET_PREFIX}{}", self.name())
    }

    /// The operation's name, as in permissions (`kms:<name>`, but ReEncrypt) and in CloudTrail.
    pub const fn name(self) -> &'static str {
        self.as_str()
    }
}
