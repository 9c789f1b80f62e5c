//! Key material: rotation and import.

use super::super::shapes::{
    ALGORITHM_SPEC, BACKING_KEY_ID_RESPONSE_TYPE, BACKING_KEY_ID_TYPE, BOOLEAN_TYPE, CIPHERTEXT_TYPE,
    DATE_TYPE, EXPIRATION_MODEL_TYPE, IMPORT_TYPE, INCLUDE_KEY_MATERIAL, KEY_ID_TYPE,
    KEY_MATERIAL_DESCRIPTION_TYPE, LIMIT_TYPE, MARKER_TYPE, PLAINTEXT_TYPE, ROTATION_PERIOD_IN_DAYS_TYPE,
    ROTATIONS_LIST, WRAPPING_KEY_SPEC,
};
use super::super::{OperationSchema, optional, required};
use crate::ErrorName::{
    ConflictException, DependencyTimeoutException, DisabledException, ExpiredImportTokenException,
    IncorrectKeyMaterialException, InvalidArnException, InvalidCiphertextException,
    InvalidImportTokenException, InvalidMarkerException, KmsInternalException, KmsInvalidStateException,
    LimitExceededException, NotFoundException, UnsupportedOperationException,
};

pub(super) static ENABLE_KEY_ROTATION: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("RotationPeriodInDays", &ROTATION_PERIOD_IN_DAYS_TYPE),
    ],
    output: None,
    errors: &[
        NotFoundException,
        DisabledException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
    ],
};

pub(super) static DISABLE_KEY_ROTATION: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: None,
    errors: &[
        NotFoundException,
        DisabledException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
    ],
};

pub(super) static GET_KEY_ROTATION_STATUS: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: Some(&[
        optional("KeyRotationEnabled", &BOOLEAN_TYPE),
        optional("KeyId", &KEY_ID_TYPE),
        optional("RotationPeriodInDays", &ROTATION_PERIOD_IN_DAYS_TYPE),
        optional("NextRotationDate", &DATE_TYPE),
        optional("OnDemandRotationStartDate", &DATE_TYPE),
    ]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
    ],
};

pub(super) static ROTATE_KEY_ON_DEMAND: OperationSchema = OperationSchema {
    input: &[required("KeyId", &KEY_ID_TYPE)],
    output: Some(&[optional("KeyId", &KEY_ID_TYPE)]),
    errors: &[
        NotFoundException,
        DisabledException,
        InvalidArnException,
        DependencyTimeoutException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
        LimitExceededException,
        ConflictException,
    ],
};

pub(super) static LIST_KEY_ROTATIONS: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("IncludeKeyMaterial", &INCLUDE_KEY_MATERIAL),
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
    ],
    output: Some(&[
        optional("Rotations", &ROTATIONS_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        NotFoundException,
        InvalidArnException,
        InvalidMarkerException,
        KmsInternalException,
        KmsInvalidStateException,
        UnsupportedOperationException,
    ],
};

pub(super) static GET_PARAMETERS_FOR_IMPORT: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("WrappingAlgorithm", &ALGORITHM_SPEC),
        required("WrappingKeySpec", &WRAPPING_KEY_SPEC),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("ImportToken", &CIPHERTEXT_TYPE),
        optional("PublicKey", &PLAINTEXT_TYPE),
        optional("ParametersValidTo", &DATE_TYPE),
    ]),
    errors: &[
        InvalidArnException,
        UnsupportedOperationException,
        DependencyTimeoutException,
        NotFoundException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};

pub(super) static IMPORT_KEY_MATERIAL: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        required("ImportToken", &CIPHERTEXT_TYPE),
        required("EncryptedKeyMaterial", &CIPHERTEXT_TYPE),
        optional("ValidTo", &DATE_TYPE),
        optional("ExpirationModel", &EXPIRATION_MODEL_TYPE),
        optional("ImportType", &IMPORT_TYPE),
        optional("KeyMaterialDescription", &KEY_MATERIAL_DESCRIPTION_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ]),
    errors: &[
        InvalidArnException,
        UnsupportedOperationException,
        DependencyTimeoutException,
        NotFoundException,
        KmsInternalException,
        KmsInvalidStateException,
        InvalidCiphertextException,
        IncorrectKeyMaterialException,
        ExpiredImportTokenException,
        InvalidImportTokenException,
    ],
};

pub(super) static DELETE_IMPORTED_KEY_MATERIAL: OperationSchema = OperationSchema {
    input: &[
        required("KeyId", &KEY_ID_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_TYPE),
    ],
    output: Some(&[
        optional("KeyId", &KEY_ID_TYPE),
        optional("KeyMaterialId", &BACKING_KEY_ID_RESPONSE_TYPE),
    ]),
    errors: &[
        InvalidArnException,
        UnsupportedOperationException,
        DependencyTimeoutException,
        NotFoundException,
        KmsInternalException,
        KmsInvalidStateException,
    ],
};
