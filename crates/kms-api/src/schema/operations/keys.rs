//! The life of KMS keys.

use super::super::shapes::{
    BOOLEAN_TYPE, CUSTOM_KEY_STORE_ID_TYPE, CUSTOMER_MASTER_KEY_SPEC, DATE_TYPE, DESCRIPTION_TYPE,
    GRANT_TOKEN_LIST, KEY_ID_TYPE, KEY_LAST_USAGE_DATA, KEY_LIST, KEY_METADATA, KEY_SPEC, KEY_STATE,
    KEY_USAGE_TYPE, LIMIT_TYPE, MARKER_TYPE, NULLABLE_BOOLEAN_TYPE, ORIGIN_TYPE, PENDING_WINDOW_IN_DAYS_TYPE,
    POLICY_TYPE, REGION_TYPE, RESOURCE_OWNERS_LIST, TAG_LIST, XKS_KEY_ID_TYPE,
};
use super::super::{OperationSchema, optional, required};
use crate::ErrorName::{
    AlreadyExistsException, CloudHsmClusterInvalidConfigurationException,
    CustomKeyStoreInvalidStateException, CustomKeyStoreNotFoundException, DependencyTimeoutException,
    DisabledException, InvalidArnException, InvalidMarkerException, KmsInternalException,
    KmsInvalidStateException, LimitExceededException, MalformedPolicyDocumentException, NotFoundException,
    TagException, UnsupportedOperationException, XksKeyAlreadyInUseException,
    XksKeyInvalidConfigurationException, XksKeyNotFoundException,
};

pub(super) static CREATE_KEY: OperationSchema = OperationSchema {
    input: &[
        optional("Policy", &POLICY_TYPE),
        optional("Description", &DESCRIPTION_TYPE),
        optional("KeyUsage", &KEY_USAGE_TYPE),
        optional("CustomerMasterKeySpec", &CUSTOMER_MASTER_KEY_SPEC),
        optional("KeySpec", &KEY_SPEC),
        optional("Origin", &ORIGIN_TYPE),
        optional("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE),
        optional("BypassPolicyLockoutSafetyCheck", &BOOLEAN_TYPE),
        optional("Tags", &TAG_LIST),
        optional("MultiRegion", &NULLABLE_BOOLEAN_TYPE),
        optional("XksKeyId", &XKS_KEY_ID_TYPE),
    ],
    output: Some(&[optional("KeyMetadata", &KEY_METADATA)]),
    errors: &[
        MalformedPolicyDocumentException,
        DependencyTimeoutException,
        InvalidArnException,
        UnsupportedOperationException,
        KmsInternalException,
        LimitExceededException,
        TagException,
        CustomKeyStoreNotFoundException,
        CustomKeyStoreInvalidStateException,
        CloudHsmClusterInvalidConfigurationException,
        XksKeyInvalidConfigurationException,
        XksKeyAlreadyInUseException,
        XksKeyNotFoundException,
    ],
};

pub(super) static DESCRIBE_KEY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
    ],
    output: Some(&[optional("KeyMetadata", &KEY_METADATA)]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
    ],
};

pub(super) static LIST_KEYS: OperationSchema = OperationSchema {
    input: &[
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
        optional("ResourceOwners", &RESOURCE_OWNERS_LIST),
    ],
    output: Some(&[
        optional("Keys", &KEY_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        DependencyTimeoutException,
        KmsInternalException,
        InvalidMarkerException,
    ],
};

pub(super) static ENABLE_KEY: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: None,
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        LimitExceededException,
        KmsInvalidStateException,
    ],
};

pub(super) static DISABLE_KEY: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: None,
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static SCHEDULE_KEY_DELETION: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("PendingWindowInDays", &PENDING_WINDOW_IN_DAYS_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("DeletionDate", &DATE_TYPE),
        optional("KeyState", &KEY_STATE),
        optional("PendingWindowInDays", &PENDING_WINDOW_IN_DAYS_TYPE),
    ]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static CANCEL_KEY_DELETION: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: Some(&[optional("KeyId", &KEY_ID_TYPE)]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static UPDATE_KEY_DESCRIPTION: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("Description", &DESCRIPTION_TYPE),
    ],
    output: None,
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static GET_KEY_LAST_USAGE: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyLastUsage", &KEY_LAST_USAGE_DATA),
        optional("TrackingStartDate", &DATE_TYPE),
        optional("KeyCreationDate", &DATE_TYPE),
    ]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
    ],
};

pub(super) static REPLICATE_KEY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("ReplicaRegion", &REGION_TYPE),
        optional("Policy", &POLICY_TYPE),
        optional("BypassPolicyLockoutSafetyCheck", &BOOLEAN_TYPE),
        optional("Description", &DESCRIPTION_TYPE),
        optional("Tags", &TAG_LIST),
    ],
    output: Some(&[
        optional("ReplicaKeyMetadata", &KEY_METADATA),
        optional("ReplicaPolicy", &POLICY_TYPE),
        optional("ReplicaTags", &TAG_LIST),
    ]),
    errors: &[
        AlreadyExistsException,
        DisabledException,
        InvalidArnException,
        KmsInvalidStateException,
        KmsInternalException,
        LimitExceededException,
        MalformedPolicyDocumentException,
        NotFoundException,
        TagException,
        UnsupportedOperationException,
    ],
};

pub(super) static UPDATE_PRIMARY_REGION: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("PrimaryRegion", &REGION_TYPE),
    ],
    output: None,
    errors: &[
        DisabledException,
        InvalidArnException,
        KmsInvalidStateException,
        KmsInternalException,
        NotFoundException,
        UnsupportedOperationException,
    ],
};
