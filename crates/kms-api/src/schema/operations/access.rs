//! Aliases, tags, key policies and grants.

use super::super::shapes::{
    ALIAS_LIST, ALIAS_NAME_TYPE, BOOLEAN_TYPE, GRANT_CONSTRAINTS, GRANT_ID_TYPE, GRANT_LIST, GRANT_NAME_TYPE,
    GRANT_OPERATION_LIST, GRANT_TOKEN_LIST, GRANT_TOKEN_TYPE, KEY_ID_TYPE, LIMIT_TYPE, MARKER_TYPE,
    NULLABLE_BOOLEAN_TYPE, POLICY_NAME_LIST, POLICY_NAME_TYPE, POLICY_TYPE, PRINCIPAL_ID_TYPE,
    SERVICE_PRINCIPAL_TYPE, TAG_KEY_LIST, TAG_LIST,
};
use super::super::{OperationSchema, optional, required};
use crate::ErrorName::{
    AlreadyExistsException, DependencyTimeoutException, DisabledException, DryRunOperationException,
    InvalidAliasNameException, InvalidArnException, InvalidGrantIdException, InvalidGrantTokenException,
    InvalidMarkerException, KmsInternalException, KmsInvalidStateException, LimitExceededException,
    MalformedPolicyDocumentException, NotFoundException, TagException, UnsupportedOperationException,
};

pub(super) static CREATE_ALIAS: OperationSchema = OperationSchema {
    input: &[
        required("AliasName", &ALIAS_NAME_TYPE),
        required("TargetKeyId", &KEY_ID_TYPE),
    ],
    output: None,
    errors: &[
        DependencyTimeoutException,
        AlreadyExistsException,
        NotFoundException,
        InvalidAliasNameException,
        KmsInternalException,
        LimitExceededException,
        KmsInvalidStateException,
    ],
};

pub(super) static UPDATE_ALIAS: OperationSchema = OperationSchema {
    input: &[
        required("AliasName", &ALIAS_NAME_TYPE),
        required("TargetKeyId", &KEY_ID_TYPE),
    ],
    output: None,
    errors: &[
        DependencyTimeoutException,
        NotFoundException,
        KmsInternalException,
        LimitExceededException,
        KmsInvalidStateException,
    ],
};

pub(super) static DELETE_ALIAS: OperationSchema = OperationSchema {
    input: &[required("AliasName", &ALIAS_NAME_TYPE)],
    output: None,
    errors: &[
        DependencyTimeoutException,
        NotFoundException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static LIST_ALIASES: OperationSchema = OperationSchema {
    input: &[
        optional("KeyId", &KEY_ID_TYPE),
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
    ],
    output: Some(&[
        optional("Aliases", &ALIAS_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        DependencyTimeoutException,
        InvalidMarkerException,
        KmsInternalException,
        InvalidArnException,
        NotFoundException,
    ],
};

pub(super) static TAG_RESOURCE: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE), required("Tags", &TAG_LIST)],
    output: None,
    errors: &[
        KmsInternalException,
        NotFoundException,
        InvalidArnException,
        KmsInvalidStateException,
        LimitExceededException,
        TagException,
    ],
};

pub(super) static UNTAG_RESOURCE: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("TagKeys", &TAG_KEY_LIST),
    ],
    output: None,
    errors: &[
        KmsInternalException,
        NotFoundException,
        InvalidArnException,
        KmsInvalidStateException,
        TagException,
    ],
};

pub(super) static LIST_RESOURCE_TAGS: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
    ],
    output: Some(&[
        optional("Tags", &TAG_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        KmsInternalException,
        NotFoundException,
        InvalidArnException,
        InvalidMarkerException,
    ],
};

pub(super) static GET_KEY_POLICY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("PolicyName", &POLICY_NAME_TYPE),
    ],
    output: Some(&[
        optional("Policy", &POLICY_TYPE),
        optional("PolicyName", &POLICY_NAME_TYPE),
    ]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static PUT_KEY_POLICY: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("PolicyName", &POLICY_NAME_TYPE),
        required("Policy", &POLICY_TYPE),
        optional("BypassPolicyLockoutSafetyCheck", &BOOLEAN_TYPE),
    ],
    output: None,
    errors: &[
        NotFoundException,
        InvalidArnException,
        MalformedPolicyDocumentException,
        DependencyTimeoutException,
        UnsupportedOperationException,
        KmsInternalException,
        LimitExceededException,
        KmsInvalidStateException,
    ],
};

pub(super) static LIST_KEY_POLICIES: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
    ],
    output: Some(&[
        optional("PolicyNames", &POLICY_NAME_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static CREATE_GRANT: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("GranteePrincipal", &PRINCIPAL_ID_TYPE),
        optional("RetiringPrincipal", &PRINCIPAL_ID_TYPE),
        required("Operations", &GRANT_OPERATION_LIST),
        optional("Constraints", &GRANT_CONSTRAINTS),
        optional("GrantTokens", &GRANT_TOKEN_LIST),
        optional("Name", &GRANT_NAME_TYPE),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
        optional("GranteeServicePrincipal", &SERVICE_PRINCIPAL_TYPE),
        optional("RetiringServicePrincipal", &SERVICE_PRINCIPAL_TYPE),
    ],
    output: Some(&[
        optional("GrantToken", &GRANT_TOKEN_TYPE),
        optional("GrantId", &GRANT_ID_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DisabledException,
        DependencyTimeoutException,
        InvalidArnException,
        KmsInternalException,
        InvalidGrantTokenException,
        LimitExceededException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static LIST_GRANTS: OperationSchema = OperationSchema {
    input: &[
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
        required("KeyId", &KEY_ID_TYPE),
        optional("GrantId", &GRANT_ID_TYPE),
        optional("GranteePrincipal", &PRINCIPAL_ID_TYPE),
        optional("GranteeServicePrincipal", &SERVICE_PRINCIPAL_TYPE),
    ],
    output: Some(&[
        optional("Grants", &GRANT_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        NotFoundException,
        DependencyTimeoutException,
        InvalidMarkerException,
        InvalidGrantIdException,
        InvalidArnException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static LIST_RETIRABLE_GRANTS: OperationSchema = OperationSchema {
    input: &[
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
        optional("RetiringPrincipal", &PRINCIPAL_ID_TYPE),
        optional("RetiringServicePrincipal", &SERVICE_PRINCIPAL_TYPE),
    ],
    output: Some(&[
        optional("Grants", &GRANT_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        DependencyTimeoutException,
        InvalidMarkerException,
        InvalidArnException,
        NotFoundException,
        KmsInternalException,
    ],
};

pub(super) static RETIRE_GRANT: OperationSchema = OperationSchema {
    input: &[
        optional("GrantToken", &GRANT_TOKEN_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("GrantId", &GRANT_ID_TYPE),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: None,
    errors: &[
        InvalidArnException,
        InvalidGrantTokenException,
        InvalidGrantIdException,
        NotFoundException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};

pub(super) static REVOKE_GRANT: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("GrantId", &GRANT_ID_TYPE),
        optional("DryRun", &NULLABLE_BOOLEAN_TYPE),
    ],
    output: None,
    errors: &[
        NotFoundException,
        DependencyTimeoutException,
        InvalidArnException,
        InvalidGrantIdException,
        KmsInternalException,
        KmsInvalidStateException,
        DryRunOperationException,
    ],
};
