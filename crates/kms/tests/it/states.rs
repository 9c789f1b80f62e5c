//! Key states: AWS's table, written down a second time in the form of the Developer Guide and held
//! against the one that handlers ask.

use kms::inspect::refusal;
use kms_api::{ErrorName, KeyState, Operation};
use serde_json::json;

use crate::support::World;

/// The columns.
const STATES: [KeyState; 7] = [
    KeyState::Enabled,
    KeyState::Disabled,
    KeyState::PendingDeletion,
    KeyState::PendingImport,
    KeyState::Unavailable,
    KeyState::Creating,
    KeyState::Updating,
];

/// `.` works, `D` DisabledException, `S` KMSInvalidStateException, `U` UnsupportedOperationException.
const TABLE: &[(&str, &str)] = &[
    ("CancelKeyDeletion", "SS.SSSS"),
    ("CreateAlias", "..S...."),
    ("CreateGrant", ".DSS.S."),
    ("Decrypt", ".DSSSS."),
    ("DeleteAlias", "......."),
    ("DeleteImportedKeyMaterial", ".....SS"),
    ("DescribeKey", "......."),
    ("DisableKey", "..SS.SS"),
    ("DisableKeyRotation", ".DSUUS."),
    ("EnableKey", "..SS.SS"),
    ("EnableKeyRotation", ".DSUUS."),
    ("Encrypt", ".DSSSS."),
    ("GenerateDataKey", ".DSSSS."),
    ("GenerateDataKeyPair", ".DSSSS."),
    ("GenerateDataKeyPairWithoutPlaintext", ".DSSSS."),
    ("GenerateDataKeyWithoutPlaintext", ".DSSSS."),
    ("GetKeyPolicy", "......."),
    ("GetKeyRotationStatus", "...UU.."),
    ("GetParametersForImport", "..S.USS"),
    ("ImportKeyMaterial", "..S.US."),
    ("ListAliases", "......."),
    ("ListGrants", "......."),
    ("ListKeyPolicies", "......."),
    ("ListResourceTags", "......."),
    ("PutKeyPolicy", "......."),
    ("ReEncrypt", ".DSSSS."),
    ("RetireGrant", "......."),
    ("RevokeGrant", "......."),
    ("ScheduleKeyDeletion", "..S...S"),
    ("TagResource", "..S...."),
    ("UntagResource", "..S...."),
    ("UpdateAlias", "..S...."),
    ("UpdateKeyDescription", "..S...."),
    // Newer than AWS's table, by analogy.
    ("RotateKeyOnDemand", ".DSUUS."),
    ("ListKeyRotations", "...UU.."),
    ("GetKeyLastUsage", "......."),
];

/// Rows with cells that AWS calls not applicable (`-`): such a key is never in that state.
const SPARSE: &[(&str, &str)] = &[
    ("GenerateMac", ".DS--S."),
    ("GetPublicKey", ".DS--S."),
    ("ReplicateKey", ".DSS-SS"),
    ("Sign", ".DS--S."),
    ("UpdatePrimaryRegion", ".DSS-S."),
    ("Verify", ".DS--S."),
    ("VerifyMac", ".DS--S."),
    ("DeriveSharedSecret", ".DS--S."),
    ("Encapsulate", ".DS--S."),
    ("Decapsulate", ".DS--S."),
];

/// Operations that are about no key.
const KEYLESS: usize = 10;

#[test]
fn every_operation_and_state_is_as_aws_has_it() {
    for (operation, row) in TABLE.iter().chain(SPARSE) {
        let operation: Operation = operation.parse().unwrap();
        assert_eq!(row.len(), STATES.len());
        for (state, expected) in STATES.iter().zip(row.chars()) {
            let answer = match refusal(operation, *state) {
                _ if expected == '-' => '-',
                None => '.',
                Some(ErrorName::DisabledException) => 'D',
                Some(ErrorName::KmsInvalidStateException) => 'S',
                Some(ErrorName::UnsupportedOperationException) => 'U',
                Some(other) => panic!("{other}"),
            };
            assert_eq!(answer, expected, "{operation} in {state}");
        }
        assert_eq!(
            refusal(operation, KeyState::PendingReplicaDeletion),
            refusal(operation, KeyState::PendingDeletion)
        );
    }
    let known = TABLE.len() + SPARSE.len() + KEYLESS;
    assert_eq!(known, Operation::ALL.len(), "a row is missing");
}

/// What the handlers make of it, with AWS's words.
#[tokio::test]
async fn handlers_ask_the_table() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let sealed = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
    let blob = sealed["CiphertextBlob"].clone();
    let uses = [
        ("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="})),
        ("Decrypt", json!({"CiphertextBlob": blob})),
        ("GenerateDataKey", json!({"KeyId": arn, "KeySpec": "AES_256"})),
        (
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeyId": arn, "NumberOfBytes": 7}),
        ),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "DestinationKeyId": arn}),
        ),
        ("EnableKeyRotation", json!({"KeyId": arn})),
        ("DisableKeyRotation", json!({"KeyId": arn})),
        ("RotateKeyOnDemand", json!({"KeyId": arn})),
        (
            "Sign",
            json!({"KeyId": arn, "Message": "aGk=", "SigningAlgorithm": "ECDSA_SHA_256"}),
        ),
    ];
    let cancel = world.refused("CancelKeyDeletion", json!({"KeyId": arn})).await;
    assert_eq!(
        cancel,
        format!("KMSInvalidStateException: {arn} is not pending deletion.")
    );
    world.call("DisableKey", json!({"KeyId": arn})).await.unwrap();
    for (operation, body) in &uses {
        let refused = world.refused(operation, body.clone()).await;
        assert_eq!(
            refused,
            format!("DisabledException: {arn} is disabled."),
            "{operation}"
        );
    }
    world
        .call("ScheduleKeyDeletion", json!({"KeyId": arn}))
        .await
        .unwrap();
    let changes = [
        ("EnableKey", json!({"KeyId": arn})),
        ("DisableKey", json!({"KeyId": arn})),
        ("ScheduleKeyDeletion", json!({"KeyId": arn})),
        ("UpdateKeyDescription", json!({"KeyId": arn, "Description": "x"})),
    ];
    for (operation, body) in uses.iter().chain(&changes) {
        let refused = world.refused(operation, body.clone()).await;
        let expected = format!("KMSInvalidStateException: {arn} is pending deletion.");
        assert_eq!(refused, expected, "{operation}");
    }
    for works in [
        "DescribeKey",
        "GetKeyRotationStatus",
        "ListKeyRotations",
        "GetKeyLastUsage",
    ] {
        world.call(works, json!({"KeyId": arn})).await.unwrap();
    }
}
