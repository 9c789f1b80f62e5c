//! The enumerations of the API, for those members that this project interprets.

use crate::text_enum::text_enum;

text_enum! {
    /// Why a custom key store could not be connected.
    pub enum ConnectionErrorCode {
        /// The credential is wrong: a password (CloudHSM), or the proxy credential.
        InvalidCredentials = "INVALID_CREDENTIALS",
        /// There is no such CloudHSM cluster.
        ClusterNotFound = "CLUSTER_NOT_FOUND",
        /// The network failed.
        NetworkErrors = "NETWORK_ERRORS",
        /// A fault inside KMS.
        InternalError = "INTERNAL_ERROR",
        /// Too few active HSMs in the CloudHSM cluster.
        InsufficientCloudhsmHsms = "INSUFFICIENT_CLOUDHSM_HSMS",
        /// The `kmsuser` of the cluster is locked out.
        UserLockedOut = "USER_LOCKED_OUT",
        /// The cluster has no `kmsuser`.
        UserNotFound = "USER_NOT_FOUND",
        /// Somebody is logged in as `kmsuser`.
        UserLoggedIn = "USER_LOGGED_IN",
        /// A subnet of the cluster is gone.
        SubnetNotFound = "SUBNET_NOT_FOUND",
        /// A subnet of the cluster has no free address.
        InsufficientFreeAddressesInSubnet = "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET",
        /// The proxy rejects the requests of KMS.
        XksProxyAccessDenied = "XKS_PROXY_ACCESS_DENIED",
        /// The proxy cannot be reached.
        XksProxyNotReachable = "XKS_PROXY_NOT_REACHABLE",
        /// There is no such VPC endpoint service, or it admits KMS no more.
        XksVpcEndpointServiceNotFound = "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND",
        /// The proxy answers nonsense.
        XksProxyInvalidResponse = "XKS_PROXY_INVALID_RESPONSE",
        /// The proxy knows no such URI path.
        XksProxyInvalidConfiguration = "XKS_PROXY_INVALID_CONFIGURATION",
        /// The VPC endpoint service does not fulfil the requirements.
        XksVpcEndpointServiceInvalidConfiguration = "XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION",
        /// The proxy is too slow.
        XksProxyTimedOut = "XKS_PROXY_TIMED_OUT",
        /// The proxy's certificate is not one that KMS accepts.
        XksProxyInvalidTlsConfiguration = "XKS_PROXY_INVALID_TLS_CONFIGURATION",
    }
}

text_enum! {
    /// The connection state of a custom key store.
    pub enum ConnectionState {
        /// Connected: its keys can be used.
        Connected = "CONNECTED",
        /// Being connected.
        Connecting = "CONNECTING",
        /// The attempt to connect failed; see the error code.
        Failed = "FAILED",
        /// Never connected, or disconnected to order.
        Disconnected = "DISCONNECTED",
        /// Being disconnected.
        Disconnecting = "DISCONNECTING",
    }
}

text_enum! {
    /// What is behind a custom key store.
    pub enum CustomKeyStoreType {
        /// A CloudHSM cluster.
        AwsCloudhsm = "AWS_CLOUDHSM",
        /// An XKS proxy.
        ExternalKeyStore = "EXTERNAL_KEY_STORE",
    }
}

text_enum! {
    /// The length of a data key.
    pub enum DataKeySpec {
        /// 32 bytes.
        Aes256 = "AES_256",
        /// 16 bytes.
        Aes128 = "AES_128",
    }
}

text_enum! {
    /// What a trial leaves out.
    pub enum DryRunModifier {
        /// The ciphertext: it need not be given.
        IgnoreCiphertext = "IGNORE_CIPHERTEXT",
    }
}

text_enum! {
    /// An encryption algorithm.
    pub enum EncryptionAlgorithm {
        /// AES-256 in Galois/Counter mode.
        SymmetricDefault = "SYMMETRIC_DEFAULT",
        /// `RSAES_OAEP_SHA_1`.
        RsaesOaepSha1 = "RSAES_OAEP_SHA_1",
        /// `RSAES_OAEP_SHA_256`.
        RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
        /// `SM2PKE`.
        Sm2pke = "SM2PKE",
    }
}

text_enum! {
    /// Whether imported key material expires.
    pub enum ExpirationModel {
        /// It expires.
        KeyMaterialExpires = "KEY_MATERIAL_EXPIRES",
        /// It does not expire.
        KeyMaterialDoesNotExpire = "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
}

text_enum! {
    /// An operation that a grant may allow.
    pub enum GrantOperation {
        /// `Decrypt`.
        Decrypt = "Decrypt",
        /// `Encrypt`.
        Encrypt = "Encrypt",
        /// `GenerateDataKey`.
        GenerateDataKey = "GenerateDataKey",
        /// `GenerateDataKeyWithoutPlaintext`.
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        /// `ReEncryptFrom`.
        ReEncryptFrom = "ReEncryptFrom",
        /// `ReEncryptTo`.
        ReEncryptTo = "ReEncryptTo",
        /// `Sign`.
        Sign = "Sign",
        /// `Verify`.
        Verify = "Verify",
        /// `GetPublicKey`.
        GetPublicKey = "GetPublicKey",
        /// `CreateGrant`.
        CreateGrant = "CreateGrant",
        /// `RetireGrant`.
        RetireGrant = "RetireGrant",
        /// `DescribeKey`.
        DescribeKey = "DescribeKey",
        /// `GenerateDataKeyPair`.
        GenerateDataKeyPair = "GenerateDataKeyPair",
        /// `GenerateDataKeyPairWithoutPlaintext`.
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        /// `GenerateMac`.
        GenerateMac = "GenerateMac",
        /// `VerifyMac`.
        VerifyMac = "VerifyMac",
        /// `DeriveSharedSecret`.
        DeriveSharedSecret = "DeriveSharedSecret",
        /// `Encapsulate`.
        Encapsulate = "Encapsulate",
        /// `Decapsulate`.
        Decapsulate = "Decapsulate",
    }
}

text_enum! {
    /// Whether key material of an imported key is there.
    pub enum ImportState {
        /// It is there.
        Imported = "IMPORTED",
        /// It waits to be imported.
        PendingImport = "PENDING_IMPORT",
    }
}

text_enum! {
    /// What ListKeyRotations lists.
    pub enum IncludeKeyMaterial {
        /// All key material, the first included.
        AllKeyMaterial = "ALL_KEY_MATERIAL",
        /// Key material that a rotation made.
        RotationsOnly = "ROTATIONS_ONLY",
    }
}

text_enum! {
    /// How an answer is encrypted for a Nitro enclave.
    pub enum KeyEncryptionMechanism {
        /// `RSAES_OAEP_SHA_256`.
        RsaesOaepSha256 = "RSAES_OAEP_SHA_256",
    }
}

text_enum! {
    /// An operation that counts as use of a KMS key.
    pub enum UsageOperation {
        /// `Decrypt`.
        Decrypt = "Decrypt",
        /// `DeriveSharedSecret`.
        DeriveSharedSecret = "DeriveSharedSecret",
        /// `Encrypt`.
        Encrypt = "Encrypt",
        /// `GenerateDataKey`.
        GenerateDataKey = "GenerateDataKey",
        /// `GenerateDataKeyPair`.
        GenerateDataKeyPair = "GenerateDataKeyPair",
        /// `GenerateDataKeyPairWithoutPlaintext`.
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        /// `GenerateDataKeyWithoutPlaintext`.
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        /// `GenerateMac`.
        GenerateMac = "GenerateMac",
        /// `ReEncrypt`.
        ReEncrypt = "ReEncrypt",
        /// `Sign`.
        Sign = "Sign",
        /// `Verify`.
        Verify = "Verify",
        /// `VerifyMac`.
        VerifyMac = "VerifyMac",
        /// `Encapsulate`.
        Encapsulate = "Encapsulate",
        /// `Decapsulate`.
        Decapsulate = "Decapsulate",
    }
}

text_enum! {
    /// Who manages a KMS key.
    pub enum KeyManager {
        /// AWS: an AWS managed key.
        Aws = "AWS",
        /// The customer.
        Customer = "CUSTOMER",
    }
}

text_enum! {
    /// Where key material stands in the life of its KMS key.
    pub enum KeyMaterialState {
        /// Decrypts only.
        NonCurrent = "NON_CURRENT",
        /// Encrypts and decrypts.
        Current = "CURRENT",
        /// Imported, and not current yet.
        PendingRotation = "PENDING_ROTATION",
        /// Imported, and not yet in every Region.
        PendingMultiRegionImportAndRotation = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION",
    }
}

text_enum! {
    /// The type of key material in a KMS key.
    pub enum KeySpec {
        /// `RSA_2048`.
        Rsa2048 = "RSA_2048",
        /// `RSA_3072`.
        Rsa3072 = "RSA_3072",
        /// `RSA_4096`.
        Rsa4096 = "RSA_4096",
        /// `ECC_NIST_P256`.
        EccNistP256 = "ECC_NIST_P256",
        /// `ECC_NIST_P384`.
        EccNistP384 = "ECC_NIST_P384",
        /// `ECC_NIST_P521`.
        EccNistP521 = "ECC_NIST_P521",
        /// `ECC_SECG_P256K1`.
        EccSecgP256k1 = "ECC_SECG_P256K1",
        /// AES-256 in Galois/Counter mode.
        SymmetricDefault = "SYMMETRIC_DEFAULT",
        /// `HMAC_224`.
        Hmac224 = "HMAC_224",
        /// `HMAC_256`.
        Hmac256 = "HMAC_256",
        /// `HMAC_384`.
        Hmac384 = "HMAC_384",
        /// `HMAC_512`.
        Hmac512 = "HMAC_512",
        /// `SM2`.
        Sm2 = "SM2",
        /// `ML_DSA_44`.
        MlDsa44 = "ML_DSA_44",
        /// `ML_DSA_65`.
        MlDsa65 = "ML_DSA_65",
        /// `ML_DSA_87`.
        MlDsa87 = "ML_DSA_87",
        /// `ECC_NIST_EDWARDS25519`.
        EccNistEdwards25519 = "ECC_NIST_EDWARDS25519",
        /// `ML_KEM_512`.
        MlKem512 = "ML_KEM_512",
        /// `ML_KEM_768`.
        MlKem768 = "ML_KEM_768",
        /// `ML_KEM_1024`.
        MlKem1024 = "ML_KEM_1024",
    }
}

text_enum! {
    /// The state of a KMS key.
    pub enum KeyState {
        /// A multi-Region replica being made.
        Creating = "Creating",
        /// Usable.
        Enabled = "Enabled",
        /// Unusable until enabled.
        Disabled = "Disabled",
        /// Unusable, and deleted when the waiting period ends.
        PendingDeletion = "PendingDeletion",
        /// Waits for key material to be imported.
        PendingImport = "PendingImport",
        /// A multi-Region primary whose deletion waits for its replicas.
        PendingReplicaDeletion = "PendingReplicaDeletion",
        /// Its custom key store is not connected.
        Unavailable = "Unavailable",
        /// A multi-Region key being changed.
        Updating = "Updating",
    }
}

text_enum! {
    /// The cryptographic operations that a KMS key is for.
    pub enum KeyUsage {
        /// Sign and verify.
        SignVerify = "SIGN_VERIFY",
        /// Encrypt and decrypt.
        EncryptDecrypt = "ENCRYPT_DECRYPT",
        /// Make and verify message authentication codes.
        GenerateVerifyMac = "GENERATE_VERIFY_MAC",
        /// Derive shared secrets.
        KeyAgreement = "KEY_AGREEMENT",
        /// Encapsulate and decapsulate shared secrets.
        EncapsulateDecapsulate = "ENCAPSULATE_DECAPSULATE",
    }
}

text_enum! {
    /// Where the key material of a KMS key comes from.
    pub enum Origin {
        /// KMS makes the key material.
        AwsKms = "AWS_KMS",
        /// The key material is imported.
        External = "EXTERNAL",
        /// Key material in a CloudHSM cluster.
        AwsCloudhsm = "AWS_CLOUDHSM",
        /// An external key behind an XKS proxy.
        ExternalKeyStore = "EXTERNAL_KEY_STORE",
    }
}

text_enum! {
    /// Whose keys ListKeys lists.
    pub enum ResourceOwner {
        /// The account's own keys.
        Own = "SELF",
        /// Keys that other accounts share.
        OtherAccountsViaRam = "OTHER_ACCOUNTS_VIA_RAM",
    }
}

text_enum! {
    /// What caused a rotation.
    pub enum RotationType {
        /// The rotation period ended.
        Automatic = "AUTOMATIC",
        /// RotateKeyOnDemand.
        OnDemand = "ON_DEMAND",
    }
}

text_enum! {
    /// How KMS reaches an XKS proxy.
    pub enum XksProxyConnectivity {
        /// Over the internet.
        PublicEndpoint = "PUBLIC_ENDPOINT",
        /// Through an interface VPC endpoint.
        VpcEndpointService = "VPC_ENDPOINT_SERVICE",
    }
}
