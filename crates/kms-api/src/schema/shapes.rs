//! The named types of the model. The words of enumerations that this project interprets come from
//! their Rust types, so that there is one list of each.

use super::{
    Kind, Shape, any_text, blob, bounded_list, integer, list, matching, optional, pattern, required,
    sensitive, shape, structure, text, word,
};
use crate::enums;

pub(super) static AWS_ACCOUNT_ID_TYPE: Shape = any_text("AWSAccountIdType");
pub(super) static ACCOUNT_ID_TYPE: Shape = matching("AccountIdType", 12, 12, &pattern::DIGITS_12);
pub(super) static ALGORITHM_SPEC: Shape = word(
    "AlgorithmSpec",
    &[
        "RSAES_PKCS1_V1_5",
        "RSAES_OAEP_SHA_1",
        "RSAES_OAEP_SHA_256",
        "RSA_AES_KEY_WRAP_SHA_1",
        "RSA_AES_KEY_WRAP_SHA_256",
        "SM2PKE",
    ],
);
pub(super) static ALIAS_LIST: Shape = list("AliasList", &ALIAS_LIST_ENTRY);
pub(super) static ALIAS_LIST_ENTRY: Shape = structure(
    "AliasListEntry",
    &[
        optional("AliasName", &ALIAS_NAME_TYPE),
        optional("AliasArn", &ARN_TYPE),
        optional("TargetKeyId", &KEY_ID_TYPE),
        optional("CreationDate", &DATE_TYPE),
        optional("LastUpdatedDate", &DATE_TYPE),
    ],
);
pub(super) static ALIAS_NAME_TYPE: Shape = matching("AliasNameType", 1, 256, &pattern::NAME);
pub(super) static ARN_TYPE: Shape = text("ArnType", 20, 2048);
pub(super) static ATTESTATION_DOCUMENT_TYPE: Shape = blob("AttestationDocumentType", 1, 262144);
pub(super) static BACKING_KEY_ID_RESPONSE_TYPE: Shape =
    matching("BackingKeyIdResponseType", 0, 64, &pattern::HEX);
pub(super) static BACKING_KEY_ID_TYPE: Shape = matching("BackingKeyIdType", 64, 64, &pattern::HEX);
pub(super) static BOOLEAN_TYPE: Shape = shape("BooleanType", Kind::Boolean);
pub(super) static CIPHERTEXT_TYPE: Shape = blob("CiphertextType", 1, 6144);
pub(super) static CLOUDHSM_CLUSTER_ID_TYPE: Shape =
    matching("CloudHsmClusterIdType", 19, 24, &pattern::CLOUDHSM_CLUSTER);
pub(super) static CLOUDTRAIL_EVENT_ID_TYPE: Shape = any_text("CloudTrailEventIdType");
pub(super) static CONNECTION_ERROR_CODE_TYPE: Shape =
    word("ConnectionErrorCodeType", enums::ConnectionErrorCode::NAMES);
pub(super) static CONNECTION_STATE_TYPE: Shape = word("ConnectionStateType", enums::ConnectionState::NAMES);
pub(super) static CUSTOM_KEY_STORE_ID_TYPE: Shape = text("CustomKeyStoreIdType", 1, 64);
pub(super) static CUSTOM_KEY_STORE_NAME_TYPE: Shape = text("CustomKeyStoreNameType", 1, 256);
pub(super) static CUSTOM_KEY_STORE_TYPE: Shape = word("CustomKeyStoreType", enums::CustomKeyStoreType::NAMES);
pub(super) static CUSTOM_KEY_STORES_LIST: Shape = list("CustomKeyStoresList", &CUSTOM_KEY_STORES_LIST_ENTRY);
pub(super) static CUSTOM_KEY_STORES_LIST_ENTRY: Shape = structure(
    "CustomKeyStoresListEntry",
    &[
        optional("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE),
        optional("CustomKeyStoreName", &CUSTOM_KEY_STORE_NAME_TYPE),
        optional("CloudHsmClusterId", &CLOUDHSM_CLUSTER_ID_TYPE),
        optional("TrustAnchorCertificate", &TRUST_ANCHOR_CERTIFICATE_TYPE),
        optional("ConnectionState", &CONNECTION_STATE_TYPE),
        optional("ConnectionErrorCode", &CONNECTION_ERROR_CODE_TYPE),
        optional("CreationDate", &DATE_TYPE),
        optional("CustomKeyStoreType", &CUSTOM_KEY_STORE_TYPE),
        optional("XksProxyConfiguration", &XKS_PROXY_CONFIGURATION_TYPE),
    ],
);
pub(super) static CUSTOMER_MASTER_KEY_SPEC: Shape = word(
    "CustomerMasterKeySpec",
    &[
        "RSA_2048",
        "RSA_3072",
        "RSA_4096",
        "ECC_NIST_P256",
        "ECC_NIST_P384",
        "ECC_NIST_P521",
        "ECC_SECG_P256K1",
        "SYMMETRIC_DEFAULT",
        "HMAC_224",
        "HMAC_256",
        "HMAC_384",
        "HMAC_512",
        "SM2",
    ],
);
pub(super) static DATA_KEY_PAIR_SPEC: Shape = word(
    "DataKeyPairSpec",
    &[
        "RSA_2048",
        "RSA_3072",
        "RSA_4096",
        "ECC_NIST_P256",
        "ECC_NIST_P384",
        "ECC_NIST_P521",
        "ECC_SECG_P256K1",
        "SM2",
        "ECC_NIST_EDWARDS25519",
        "ML_KEM_512",
        "ML_KEM_768",
        "ML_KEM_1024",
    ],
);
pub(super) static DATA_KEY_SPEC: Shape = word("DataKeySpec", enums::DataKeySpec::NAMES);
pub(super) static DATE_TYPE: Shape = shape("DateType", Kind::Timestamp);
pub(super) static DESCRIPTION_TYPE: Shape = text("DescriptionType", 0, 8192);
pub(super) static DRY_RUN_MODIFIER_LIST: Shape = list("DryRunModifierList", &DRY_RUN_MODIFIER_TYPE);
pub(super) static DRY_RUN_MODIFIER_TYPE: Shape = word("DryRunModifierType", enums::DryRunModifier::NAMES);
pub(super) static ENCAPSULATION_ALGORITHM_SPEC: Shape = word("EncapsulationAlgorithmSpec", &["ML_KEM"]);
pub(super) static ENCAPSULATION_ALGORITHM_SPEC_LIST: Shape =
    list("EncapsulationAlgorithmSpecList", &ENCAPSULATION_ALGORITHM_SPEC);
pub(super) static ENCRYPTION_ALGORITHM_SPEC: Shape =
    word("EncryptionAlgorithmSpec", enums::EncryptionAlgorithm::NAMES);
pub(super) static ENCRYPTION_ALGORITHM_SPEC_LIST: Shape =
    list("EncryptionAlgorithmSpecList", &ENCRYPTION_ALGORITHM_SPEC);
pub(super) static ENCRYPTION_CONTEXT_KEY: Shape = any_text("EncryptionContextKey");
pub(super) static ENCRYPTION_CONTEXT_TYPE: Shape = shape(
    "EncryptionContextType",
    Kind::Map {
        key: &ENCRYPTION_CONTEXT_KEY,
        value: &ENCRYPTION_CONTEXT_VALUE,
    },
);
pub(super) static ENCRYPTION_CONTEXT_VALUE: Shape = any_text("EncryptionContextValue");
pub(super) static EXPIRATION_MODEL_TYPE: Shape = word("ExpirationModelType", enums::ExpirationModel::NAMES);
pub(super) static GRANT_CONSTRAINT_SOURCE_ARN_TYPE: Shape =
    matching("GrantConstraintSourceArnType", 20, 512, &pattern::SOURCE_ARN);
pub(super) static GRANT_CONSTRAINTS: Shape = structure(
    "GrantConstraints",
    &[
        optional("EncryptionContextSubset", &ENCRYPTION_CONTEXT_TYPE),
        optional("EncryptionContextEquals", &ENCRYPTION_CONTEXT_TYPE),
        optional("SourceArn", &GRANT_CONSTRAINT_SOURCE_ARN_TYPE),
    ],
);
pub(super) static GRANT_ID_TYPE: Shape = text("GrantIdType", 1, 128);
pub(super) static GRANT_LIST: Shape = list("GrantList", &GRANT_LIST_ENTRY);
pub(super) static GRANT_LIST_ENTRY: Shape = structure(
    "GrantListEntry",
    &[
        optional("KeyId", &KEY_ID_TYPE),
        optional("GrantId", &GRANT_ID_TYPE),
        optional("Name", &GRANT_NAME_TYPE),
        optional("CreationDate", &DATE_TYPE),
        optional("GranteePrincipal", &PRINCIPAL_ID_TYPE),
        optional("RetiringPrincipal", &PRINCIPAL_ID_TYPE),
        optional("IssuingAccount", &PRINCIPAL_ID_TYPE),
        optional("Operations", &GRANT_OPERATION_LIST),
        optional("Constraints", &GRANT_CONSTRAINTS),
        optional("GranteeServicePrincipal", &SERVICE_PRINCIPAL_TYPE),
        optional("RetiringServicePrincipal", &SERVICE_PRINCIPAL_TYPE),
    ],
);
pub(super) static GRANT_NAME_TYPE: Shape = matching("GrantNameType", 1, 256, &pattern::NAME);
pub(super) static GRANT_OPERATION: Shape = word("GrantOperation", enums::GrantOperation::NAMES);
pub(super) static GRANT_OPERATION_LIST: Shape = list("GrantOperationList", &GRANT_OPERATION);
pub(super) static GRANT_TOKEN_LIST: Shape = bounded_list("GrantTokenList", &GRANT_TOKEN_TYPE, 0, 10);
pub(super) static GRANT_TOKEN_TYPE: Shape = text("GrantTokenType", 1, 8192);
pub(super) static IMPORT_STATE: Shape = word("ImportState", enums::ImportState::NAMES);
pub(super) static IMPORT_TYPE: Shape = word("ImportType", &["NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"]);
pub(super) static INCLUDE_KEY_MATERIAL: Shape = word("IncludeKeyMaterial", enums::IncludeKeyMaterial::NAMES);
pub(super) static KEY_AGREEMENT_ALGORITHM_SPEC: Shape = word("KeyAgreementAlgorithmSpec", &["ECDH"]);
pub(super) static KEY_AGREEMENT_ALGORITHM_SPEC_LIST: Shape =
    list("KeyAgreementAlgorithmSpecList", &KEY_AGREEMENT_ALGORITHM_SPEC);
pub(super) static KEY_ENCRYPTION_MECHANISM: Shape =
    word("KeyEncryptionMechanism", enums::KeyEncryptionMechanism::NAMES);
pub(super) static KEY_ID_TYPE: Shape = text("KeyIdType", 1, 2048);
pub(super) static KEY_LAST_USAGE_DATA: Shape = structure(
    "KeyLastUsageData",
    &[
        optional("Operation", &KEY_LAST_USAGE_TRACKING_OPERATION),
        optional("Timestamp", &DATE_TYPE),
        optional("CloudTrailEventId", &CLOUDTRAIL_EVENT_ID_TYPE),
        optional("KmsRequestId", &KMS_REQUEST_ID_TYPE),
    ],
);
pub(super) static KEY_LAST_USAGE_TRACKING_OPERATION: Shape =
    word("KeyLastUsageTrackingOperation", enums::UsageOperation::NAMES);
pub(super) static KEY_LIST: Shape = list("KeyList", &KEY_LIST_ENTRY);
pub(super) static KEY_LIST_ENTRY: Shape = structure(
    "KeyListEntry",
    &[optional("KeyId", &KEY_ID_TYPE), optional("KeyArn", &ARN_TYPE)],
);
pub(super) static KEY_MANAGER_TYPE: Shape = word("KeyManagerType", enums::KeyManager::NAMES);
pub(super) static KEY_MATERIAL_DESCRIPTION_TYPE: Shape =
    matching("KeyMaterialDescriptionType", 0, 256, &pattern::DESCRIPTION);
pub(super) static KEY_MATERIAL_STATE: Shape = word("KeyMaterialState", enums::KeyMaterialState::NAMES);
pub(super) static KEY_METADATA: Shape = structure(
    "KeyMetadata",
    &[
        optional("AWSAccountId", &AWS_ACCOUNT_ID_TYPE),
        required("KeyId", &KEY_ID_TYPE),
        optional("Arn", &ARN_TYPE),
        optional("CreationDate", &DATE_TYPE),
        optional("Enabled", &BOOLEAN_TYPE),
        optional("Description", &DESCRIPTION_TYPE),
        optional("KeyUsage", &KEY_USAGE_TYPE),
        optional("KeyState", &KEY_STATE),
        optional("DeletionDate", &DATE_TYPE),
        optional("ValidTo", &DATE_TYPE),
        optional("Origin", &ORIGIN_TYPE),
        optional("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE),
        optional("CloudHsmClusterId", &CLOUDHSM_CLUSTER_ID_TYPE),
        optional("ExpirationModel", &EXPIRATION_MODEL_TYPE),
        optional("KeyManager", &KEY_MANAGER_TYPE),
        optional("CustomerMasterKeySpec", &CUSTOMER_MASTER_KEY_SPEC),
        optional("KeySpec", &KEY_SPEC),
        optional("EncryptionAlgorithms", &ENCRYPTION_ALGORITHM_SPEC_LIST),
        optional("SigningAlgorithms", &SIGNING_ALGORITHM_SPEC_LIST),
        optional("KeyAgreementAlgorithms", &KEY_AGREEMENT_ALGORITHM_SPEC_LIST),
        optional("EncapsulationAlgorithms", &ENCAPSULATION_ALGORITHM_SPEC_LIST),
        optional("MultiRegion", &NULLABLE_BOOLEAN_TYPE),
        optional("MultiRegionConfiguration", &MULTI_REGION_CONFIGURATION),
        optional("PendingDeletionWindowInDays", &PENDING_WINDOW_IN_DAYS_TYPE),
        optional("MacAlgorithms", &MAC_ALGORITHM_SPEC_LIST),
        optional("XksKeyConfiguration", &XKS_KEY_CONFIGURATION_TYPE),
        optional("CurrentKeyMaterialId", &BACKING_KEY_ID_TYPE),
    ],
);
pub(super) static KEY_SPEC: Shape = word("KeySpec", enums::KeySpec::NAMES);
pub(super) static KEY_STATE: Shape = word("KeyState", enums::KeyState::NAMES);
pub(super) static KEY_STORE_PASSWORD_TYPE: Shape = sensitive(text("KeyStorePasswordType", 7, 32));
pub(super) static KEY_USAGE_TYPE: Shape = word("KeyUsageType", enums::KeyUsage::NAMES);
pub(super) static KMS_REQUEST_ID_TYPE: Shape = any_text("KmsRequestIdType");
pub(super) static LIMIT_TYPE: Shape = integer("LimitType", 1, 1000);
pub(super) static MAC_ALGORITHM_SPEC: Shape = word(
    "MacAlgorithmSpec",
    &["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"],
);
pub(super) static MAC_ALGORITHM_SPEC_LIST: Shape = list("MacAlgorithmSpecList", &MAC_ALGORITHM_SPEC);
pub(super) static MARKER_TYPE: Shape = matching("MarkerType", 1, 1024, &pattern::LATIN);
pub(super) static MESSAGE_TYPE: Shape = word("MessageType", &["RAW", "DIGEST", "EXTERNAL_MU"]);
pub(super) static MULTI_REGION_CONFIGURATION: Shape = structure(
    "MultiRegionConfiguration",
    &[
        optional("MultiRegionKeyType", &MULTI_REGION_KEY_TYPE),
        optional("PrimaryKey", &MULTI_REGION_KEY),
        optional("ReplicaKeys", &MULTI_REGION_KEY_LIST),
    ],
);
pub(super) static MULTI_REGION_KEY: Shape = structure(
    "MultiRegionKey",
    &[optional("Arn", &ARN_TYPE), optional("Region", &REGION_TYPE)],
);
pub(super) static MULTI_REGION_KEY_LIST: Shape = list("MultiRegionKeyList", &MULTI_REGION_KEY);
pub(super) static MULTI_REGION_KEY_TYPE: Shape = word("MultiRegionKeyType", &["PRIMARY", "REPLICA"]);
pub(super) static NULLABLE_BOOLEAN_TYPE: Shape = shape("NullableBooleanType", Kind::Boolean);
pub(super) static NUMBER_OF_BYTES_TYPE: Shape = integer("NumberOfBytesType", 1, 1024);
pub(super) static ORIGIN_TYPE: Shape = word("OriginType", enums::Origin::NAMES);
pub(super) static PENDING_WINDOW_IN_DAYS_TYPE: Shape = integer("PendingWindowInDaysType", 1, 365);
pub(super) static PLAINTEXT_TYPE: Shape = sensitive(blob("PlaintextType", 1, 4096));
pub(super) static POLICY_NAME_LIST: Shape = list("PolicyNameList", &POLICY_NAME_TYPE);
pub(super) static POLICY_NAME_TYPE: Shape = matching("PolicyNameType", 1, 128, &pattern::WORD);
pub(super) static POLICY_TYPE: Shape = matching("PolicyType", 1, 131072, &pattern::POLICY);
pub(super) static PRINCIPAL_ID_TYPE: Shape = matching("PrincipalIdType", 1, 256, &pattern::PRINCIPAL);
pub(super) static PUBLIC_KEY_TYPE: Shape = blob("PublicKeyType", 1, 8192);
pub(super) static RECIPIENT_INFO: Shape = structure(
    "RecipientInfo",
    &[
        optional("KeyEncryptionAlgorithm", &KEY_ENCRYPTION_MECHANISM),
        optional("AttestationDocument", &ATTESTATION_DOCUMENT_TYPE),
    ],
);
pub(super) static REGION_TYPE: Shape = matching("RegionType", 1, 32, &pattern::REGION);
pub(super) static RESOURCE_OWNER_TYPE: Shape = word("ResourceOwnerType", enums::ResourceOwner::NAMES);
pub(super) static RESOURCE_OWNERS_LIST: Shape =
    bounded_list("ResourceOwnersList", &RESOURCE_OWNER_TYPE, 1, 2);
pub(super) static ROTATION_PERIOD_IN_DAYS_TYPE: Shape = integer("RotationPeriodInDaysType", 90, 2560);
pub(super) static ROTATION_TYPE: Shape = word("RotationType", enums::RotationType::NAMES);
pub(super) static ROTATIONS_LIST: Shape = list("RotationsList", &ROTATIONS_LIST_ENTRY);
pub(super) static ROTATIONS_LIST_ENTRY: Shape = structure(
    "RotationsListEntry",
    &[
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
        optional("KeyMaterialDescription", &KEY_MATERIAL_DESCRIPTION_TYPE),
        optional("ImportState", &IMPORT_STATE),
        optional("KeyMaterialState", &KEY_MATERIAL_STATE),
        optional("ExpirationModel", &EXPIRATION_MODEL_TYPE),
        optional("ValidTo", &DATE_TYPE),
        optional("RotationDate", &DATE_TYPE),
        optional("RotationType", &ROTATION_TYPE),
    ],
);
pub(super) static SERVICE_PRINCIPAL_TYPE: Shape =
    matching("ServicePrincipalType", 1, 128, &pattern::SERVICE_PRINCIPAL);
pub(super) static SIGNING_ALGORITHM_SPEC: Shape = word(
    "SigningAlgorithmSpec",
    &[
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "ECDSA_SHA_256",
        "ECDSA_SHA_384",
        "ECDSA_SHA_512",
        "SM2DSA",
        "ML_DSA_SHAKE_256",
        "ED25519_SHA_512",
        "ED25519_PH_SHA_512",
    ],
);
pub(super) static SIGNING_ALGORITHM_SPEC_LIST: Shape =
    list("SigningAlgorithmSpecList", &SIGNING_ALGORITHM_SPEC);
pub(super) static TAG: Shape = structure(
    "Tag",
    &[
        required("TagKey", &TAG_KEY_TYPE),
        required("TagValue", &TAG_VALUE_TYPE),
    ],
);
pub(super) static TAG_KEY_LIST: Shape = list("TagKeyList", &TAG_KEY_TYPE);
pub(super) static TAG_KEY_TYPE: Shape = text("TagKeyType", 1, 128);
pub(super) static TAG_LIST: Shape = list("TagList", &TAG);
pub(super) static TAG_VALUE_TYPE: Shape = text("TagValueType", 0, 256);
pub(super) static TRUST_ANCHOR_CERTIFICATE_TYPE: Shape = text("TrustAnchorCertificateType", 1, 5000);
pub(super) static WRAPPING_KEY_SPEC: Shape =
    word("WrappingKeySpec", &["RSA_2048", "RSA_3072", "RSA_4096", "SM2"]);
pub(super) static XKS_KEY_CONFIGURATION_TYPE: Shape =
    structure("XksKeyConfigurationType", &[optional("Id", &XKS_KEY_ID_TYPE)]);
pub(super) static XKS_KEY_ID_TYPE: Shape = matching("XksKeyIdType", 1, 128, &pattern::XKS_KEY);
pub(super) static XKS_PROXY_AUTHENTICATION_ACCESS_KEY_ID_TYPE: Shape = sensitive(matching(
    "XksProxyAuthenticationAccessKeyIdType",
    20,
    30,
    &pattern::BASE32,
));
pub(super) static XKS_PROXY_AUTHENTICATION_CREDENTIAL_TYPE: Shape = structure(
    "XksProxyAuthenticationCredentialType",
    &[
        required("AccessKeyId", &XKS_PROXY_AUTHENTICATION_ACCESS_KEY_ID_TYPE),
        required(
            "RawSecretAccessKey",
            &XKS_PROXY_AUTHENTICATION_RAW_SECRET_ACCESS_KEY_TYPE,
        ),
    ],
);
pub(super) static XKS_PROXY_AUTHENTICATION_RAW_SECRET_ACCESS_KEY_TYPE: Shape = sensitive(matching(
    "XksProxyAuthenticationRawSecretAccessKeyType",
    43,
    64,
    &pattern::BASE64,
));
pub(super) static XKS_PROXY_CONFIGURATION_TYPE: Shape = structure(
    "XksProxyConfigurationType",
    &[
        optional("Connectivity", &XKS_PROXY_CONNECTIVITY_TYPE),
        optional("AccessKeyId", &XKS_PROXY_AUTHENTICATION_ACCESS_KEY_ID_TYPE),
        optional("UriEndpoint", &XKS_PROXY_URI_ENDPOINT_TYPE),
        optional("UriPath", &XKS_PROXY_URI_PATH_TYPE),
        optional(
            "VpcEndpointServiceName",
            &XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
        ),
        optional("VpcEndpointServiceOwner", &ACCOUNT_ID_TYPE),
    ],
);
pub(super) static XKS_PROXY_CONNECTIVITY_TYPE: Shape =
    word("XksProxyConnectivityType", enums::XksProxyConnectivity::NAMES);
pub(super) static XKS_PROXY_URI_ENDPOINT_TYPE: Shape =
    matching("XksProxyUriEndpointType", 10, 128, &pattern::URI_ENDPOINT);
pub(super) static XKS_PROXY_URI_PATH_TYPE: Shape =
    matching("XksProxyUriPathType", 10, 128, &pattern::URI_PATH);
pub(super) static XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE: Shape = matching(
    "XksProxyVpcEndpointServiceNameType",
    20,
    64,
    &pattern::VPC_ENDPOINT_SERVICE,
);

/// Every named type of the model but the requests, the answers and the errors.
pub static SHAPES: &[&Shape] = &[
    &AWS_ACCOUNT_ID_TYPE,
    &ACCOUNT_ID_TYPE,
    &ALGORITHM_SPEC,
    &ALIAS_LIST,
    &ALIAS_LIST_ENTRY,
    &ALIAS_NAME_TYPE,
    &ARN_TYPE,
    &ATTESTATION_DOCUMENT_TYPE,
    &BACKING_KEY_ID_RESPONSE_TYPE,
    &BACKING_KEY_ID_TYPE,
    &BOOLEAN_TYPE,
    &CIPHERTEXT_TYPE,
    &CLOUDHSM_CLUSTER_ID_TYPE,
    &CLOUDTRAIL_EVENT_ID_TYPE,
    &CONNECTION_ERROR_CODE_TYPE,
    &CONNECTION_STATE_TYPE,
    &CUSTOM_KEY_STORE_ID_TYPE,
    &CUSTOM_KEY_STORE_NAME_TYPE,
    &CUSTOM_KEY_STORE_TYPE,
    &CUSTOM_KEY_STORES_LIST,
    &CUSTOM_KEY_STORES_LIST_ENTRY,
    &CUSTOMER_MASTER_KEY_SPEC,
    &DATA_KEY_PAIR_SPEC,
    &DATA_KEY_SPEC,
    &DATE_TYPE,
    &DESCRIPTION_TYPE,
    &DRY_RUN_MODIFIER_LIST,
    &DRY_RUN_MODIFIER_TYPE,
    &ENCAPSULATION_ALGORITHM_SPEC,
    &ENCAPSULATION_ALGORITHM_SPEC_LIST,
    &ENCRYPTION_ALGORITHM_SPEC,
    &ENCRYPTION_ALGORITHM_SPEC_LIST,
    &ENCRYPTION_CONTEXT_KEY,
    &ENCRYPTION_CONTEXT_TYPE,
    &ENCRYPTION_CONTEXT_VALUE,
    &EXPIRATION_MODEL_TYPE,
    &GRANT_CONSTRAINT_SOURCE_ARN_TYPE,
    &GRANT_CONSTRAINTS,
    &GRANT_ID_TYPE,
    &GRANT_LIST,
    &GRANT_LIST_ENTRY,
    &GRANT_NAME_TYPE,
    &GRANT_OPERATION,
    &GRANT_OPERATION_LIST,
    &GRANT_TOKEN_LIST,
    &GRANT_TOKEN_TYPE,
    &IMPORT_STATE,
    &IMPORT_TYPE,
    &INCLUDE_KEY_MATERIAL,
    &KEY_AGREEMENT_ALGORITHM_SPEC,
    &KEY_AGREEMENT_ALGORITHM_SPEC_LIST,
    &KEY_ENCRYPTION_MECHANISM,
    &KEY_ID_TYPE,
    &KEY_LAST_USAGE_DATA,
    &KEY_LAST_USAGE_TRACKING_OPERATION,
    &KEY_LIST,
    &KEY_LIST_ENTRY,
    &KEY_MANAGER_TYPE,
    &KEY_MATERIAL_DESCRIPTION_TYPE,
    &KEY_MATERIAL_STATE,
    &KEY_METADATA,
    &KEY_SPEC,
    &KEY_STATE,
    &KEY_STORE_PASSWORD_TYPE,
    &KEY_USAGE_TYPE,
    &KMS_REQUEST_ID_TYPE,
    &LIMIT_TYPE,
    &MAC_ALGORITHM_SPEC,
    &MAC_ALGORITHM_SPEC_LIST,
    &MARKER_TYPE,
    &MESSAGE_TYPE,
    &MULTI_REGION_CONFIGURATION,
    &MULTI_REGION_KEY,
    &MULTI_REGION_KEY_LIST,
    &MULTI_REGION_KEY_TYPE,
    &NULLABLE_BOOLEAN_TYPE,
    &NUMBER_OF_BYTES_TYPE,
    &ORIGIN_TYPE,
    &PENDING_WINDOW_IN_DAYS_TYPE,
    &PLAINTEXT_TYPE,
    &POLICY_NAME_LIST,
    &POLICY_NAME_TYPE,
    &POLICY_TYPE,
    &PRINCIPAL_ID_TYPE,
    &PUBLIC_KEY_TYPE,
    &RECIPIENT_INFO,
    &REGION_TYPE,
    &RESOURCE_OWNER_TYPE,
    &RESOURCE_OWNERS_LIST,
    &ROTATION_PERIOD_IN_DAYS_TYPE,
    &ROTATION_TYPE,
    &ROTATIONS_LIST,
    &ROTATIONS_LIST_ENTRY,
    &SERVICE_PRINCIPAL_TYPE,
    &SIGNING_ALGORITHM_SPEC,
    &SIGNING_ALGORITHM_SPEC_LIST,
    &TAG,
    &TAG_KEY_LIST,
    &TAG_KEY_TYPE,
    &TAG_LIST,
    &TAG_VALUE_TYPE,
    &TRUST_ANCHOR_CERTIFICATE_TYPE,
    &WRAPPING_KEY_SPEC,
    &XKS_KEY_CONFIGURATION_TYPE,
    &XKS_KEY_ID_TYPE,
    &XKS_PROXY_AUTHENTICATION_ACCESS_KEY_ID_TYPE,
    &XKS_PROXY_AUTHENTICATION_CREDENTIAL_TYPE,
    &XKS_PROXY_AUTHENTICATION_RAW_SECRET_ACCESS_KEY_TYPE,
    &XKS_PROXY_CONFIGURATION_TYPE,
    &XKS_PROXY_CONNECTIVITY_TYPE,
    &XKS_PROXY_URI_ENDPOINT_TYPE,
    &XKS_PROXY_URI_PATH_TYPE,
    &XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
];
