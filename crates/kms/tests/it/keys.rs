//! KMS keys: made, described, listed, counted; names of none.

use std::sync::Arc;
use std::time::Duration;

use kms::KmsConfig;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, OTHER_ACCOUNT, REGION, START, World, root};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_new_key_has_the_defaults_of_aws() {
    let world = World::new().await;
    let made = world.call("CreateKey", json!({})).await.unwrap();
    let key = &made["KeyMetadata"];
    let id = key["KeyId"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}");
    let material = key["CurrentKeyMaterialId"].as_str().unwrap();
    assert_eq!(material.len(), 64);
    let expected = json!({
        "AWSAccountId": ACCOUNT,
        "KeyId": id,
        "Arn": arn,
        "CreationDate": START.as_secs(),
        "Enabled": true,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": false,
        "CurrentKeyMaterialId": material,
    });
    assert_eq!(*key, expected);
    for form in [id, &arn] {
        let described = world.call("DescribeKey", json!({"KeyId": form})).await.unwrap();
        assert_eq!(described["KeyMetadata"], expected);
    }
}

#[tokio::test]
async fn create_key_refuses_what_is_not_made_here() {
    let world = World::new().await;
    let cases = [
        (json!({"KeySpec": "RSA_2048"}), "UnsupportedOperationException"),
        (json!({"KeySpec": "HMAC_256"}), "UnsupportedOperationException"),
        (
            json!({"CustomerMasterKeySpec": "SM2"}),
            "UnsupportedOperationException",
        ),
        (json!({"MultiRegion": true}), "UnsupportedOperationException"),
        (json!({"Origin": "EXTERNAL"}), "UnsupportedOperationException"),
        (json!({"KeyUsage": "SIGN_VERIFY"}), "ValidationException"),
        (
            json!({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}),
            "ValidationException",
        ),
        (json!({"CustomKeyStoreId": "cks-1"}), "ValidationException"),
        (json!({"XksKeyId": "a"}), "ValidationException"),
        (json!({"Origin": "EXTERNAL_KEY_STORE"}), "ValidationException"),
        (
            json!({"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": "cks-1"}),
            "ValidationException",
        ),
        (
            json!({"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": "cks-1", "XksKeyId": "a"}),
            "CustomKeyStoreNotFoundException",
        ),
        (json!({"Origin": "AWS_CLOUDHSM"}), "ValidationException"),
        (
            json!({"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]}),
            "TagException",
        ),
        (
            json!({"Tags": [{"TagKey": "aws:a", "TagValue": "1"}]}),
            "TagException",
        ),
    ];
    for (body, expected) in cases {
        // Within the quota of calls a second.
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(
            world.refused_name("CreateKey", body.clone()).await,
            expected,
            "{body}"
        );
    }
    let none = world.call("ListKeys", json!({})).await.unwrap();
    assert_eq!(none, json!({"Keys": [], "Truncated": false}));
}

#[tokio::test]
async fn tags_are_at_most_fifty() {
    let world = World::new().await;
    let tags = |count: usize| -> Value {
        let tag = |n| json!({"TagKey": format!("k{n}"), "TagValue": "v"});
        (0..count).map(tag).collect()
    };
    world.call("CreateKey", json!({"Tags": tags(50)})).await.unwrap();
    let refused = world.refused_name("CreateKey", json!({"Tags": tags(51)})).await;
    assert_eq!(refused, "LimitExceededException");
}

#[tokio::test]
async fn keys_are_listed_in_pages_that_add_up() {
    let world = World::new().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.create_key(json!({})).await);
    }
    made.sort();
    let (mut listed, mut marker) = (Vec::new(), None);
    for expected in [2, 2, 1] {
        let mut body = json!({"Limit": 2});
        if let Some(marker) = marker {
            body["Marker"] = marker;
        }
        let page = world.call("ListKeys", body).await.unwrap();
        let keys = page["Keys"].as_array().unwrap();
        assert_eq!(keys.len(), expected);
        listed.extend(keys.iter().map(|key| key["KeyArn"].as_str().unwrap().to_owned()));
        assert_eq!(page["Truncated"], expected == 2);
        marker = page.get("NextMarker").cloned();
        assert_eq!(marker.is_some(), expected == 2);
    }
    assert_eq!(listed, made);
    let shared = world
        .call("ListKeys", json!({"ResourceOwners": ["OTHER_ACCOUNTS_VIA_RAM"]}))
        .await
        .unwrap();
    assert_eq!(shared["Keys"], json!([]));
}

/// A page stands where it stood, whatever comes and goes meanwhile.
#[tokio::test]
async fn a_marker_outlives_the_key_that_it_was_made_from() {
    let world = World::new().await;
    for _ in 0..3 {
        world.create_key(json!({})).await;
    }
    let first = world.call("ListKeys", json!({"Limit": 1})).await.unwrap();
    let gone = first["Keys"][0]["KeyId"].clone();
    world
        .call(
            "ScheduleKeyDeletion",
            json!({"KeyId": gone, "PendingWindowInDays": 7}),
        )
        .await
        .unwrap();
    world.clock.advance(DAY * 7);
    world.kms.upkeep().await.unwrap();
    let rest = world
        .call("ListKeys", json!({"Marker": first["NextMarker"]}))
        .await
        .unwrap();
    assert_eq!(rest["Keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn markers_that_we_did_not_make_are_refused() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    world
        .call("RotateKeyOnDemand", json!({"KeyId": arn}))
        .await
        .unwrap();
    let rotations = world
        .call(
            "ListKeyRotations",
            json!({"KeyId": arn, "Limit": 1, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}),
        )
        .await
        .unwrap();
    let of_another_listing = rotations["NextMarker"].as_str().unwrap();
    for marker in ["x", "\u{e9}", "AAAA", of_another_listing, &"A".repeat(1024)] {
        let refused = world.refused_name("ListKeys", json!({"Marker": marker})).await;
        assert_eq!(refused, "InvalidMarkerException", "{marker}");
    }
}

#[tokio::test]
async fn names_of_no_key_are_refused_as_aws_does() {
    let world = World::new().await;
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}");
    let cases = [
        (
            "DescribeKey",
            id.to_owned(),
            format!("NotFoundException: Key '{arn}' does not exist"),
        ),
        (
            "DescribeKey",
            arn.clone(),
            format!("NotFoundException: Key '{arn}' does not exist"),
        ),
        (
            "DescribeKey",
            "nonsense".to_owned(),
            "NotFoundException: Invalid keyId 'nonsense'".to_owned(),
        ),
        (
            "DescribeKey",
            "alias/none".to_owned(),
            format!("NotFoundException: Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/none is not found."),
        ),
        (
            "DescribeKey",
            "arn:aws:kms:x".to_owned(),
            "InvalidArnException: Invalid arn arn:aws:kms:x".to_owned(),
        ),
        (
            "GenerateDataKey",
            "arn:aws:kms:x".to_owned(),
            "NotFoundException: Invalid arn arn:aws:kms:x".to_owned(),
        ),
        (
            "DescribeKey",
            arn.replace(REGION, "us-east-1"),
            "NotFoundException: Invalid arn us-east-1".to_owned(),
        ),
        // Forms that an operation does not take.
        (
            "EnableKey",
            "alias/none".to_owned(),
            "NotFoundException: Invalid keyId 'alias/none'".to_owned(),
        ),
    ];
    for (operation, key, expected) in cases {
        let body = match operation {
            "GenerateDataKey" => json!({"KeyId": key, "KeySpec": "AES_128"}),
            _ => json!({"KeyId": key}),
        };
        assert_eq!(world.refused(operation, body).await, expected);
    }
}

/// KMS hides whether a key of another account exists.
#[tokio::test]
async fn another_accounts_keys_are_hidden() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let stranger = Arc::new(root(OTHER_ACCOUNT));
    let id = arn.rsplit('/').next().unwrap();
    for key in [
        arn.as_str(),
        &arn.replace(id, "1234abcd-12ab-34cd-56ef-1234567890ab"),
    ] {
        let error = world
            .call_as(&stranger, REGION, "DisableKey", json!({"KeyId": key}))
            .await
            .unwrap_err();
        assert_eq!(error.name().as_str(), "AccessDeniedException");
    }
    let error = world
        .call_as(&stranger, REGION, "DescribeKey", json!({"KeyId": id}))
        .await
        .unwrap_err();
    assert_eq!(error.name().as_str(), "NotFoundException");
    let listed = world
        .call_as(&stranger, REGION, "ListKeys", json!({}))
        .await
        .unwrap();
    assert_eq!(listed["Keys"], json!([]));
}

#[tokio::test]
async fn operations_for_other_kinds_of_keys_answer_aws_own_errors() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let k = |body: Value| {
        let mut body = body;
        body["KeyId"] = json!(arn);
        body
    };
    let algorithm = json!({"Message": "aGk=", "SigningAlgorithm": "ECDSA_SHA_256"});
    let mac = json!({"Message": "aGk=", "MacAlgorithm": "HMAC_SHA_256"});
    let with = |base: &Value, name: &str| {
        let mut body = k(base.clone());
        body[name] = json!("aGk=");
        body
    };
    let cases = [
        ("Sign", k(algorithm.clone()), "InvalidKeyUsageException"),
        (
            "Verify",
            with(&algorithm, "Signature"),
            "InvalidKeyUsageException",
        ),
        ("GenerateMac", k(mac.clone()), "InvalidKeyUsageException"),
        ("VerifyMac", with(&mac, "Mac"), "InvalidKeyUsageException"),
        (
            "DeriveSharedSecret",
            k(json!({"KeyAgreementAlgorithm": "ECDH", "PublicKey": "aGk="})),
            "InvalidKeyUsageException",
        ),
        (
            "Encapsulate",
            k(json!({"EncapsulationAlgorithm": "ML_KEM"})),
            "InvalidKeyUsageException",
        ),
        (
            "Decapsulate",
            k(json!({"EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": "aGk="})),
            "InvalidKeyUsageException",
        ),
        ("GetPublicKey", k(json!({})), "UnsupportedOperationException"),
        (
            "GenerateDataKeyPair",
            k(json!({"KeyPairSpec": "RSA_2048"})),
            "UnsupportedOperationException",
        ),
        (
            "GenerateDataKeyPairWithoutPlaintext",
            k(json!({"KeyPairSpec": "RSA_2048"})),
            "UnsupportedOperationException",
        ),
        (
            "GetParametersForImport",
            k(json!({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"})),
            "UnsupportedOperationException",
        ),
        (
            "ImportKeyMaterial",
            k(json!({"ImportToken": "aGk=", "EncryptedKeyMaterial": "aGk="})),
            "UnsupportedOperationException",
        ),
        (
            "DeleteImportedKeyMaterial",
            k(json!({})),
            "UnsupportedOperationException",
        ),
        (
            "ReplicateKey",
            k(json!({"ReplicaRegion": "us-east-1"})),
            "UnsupportedOperationException",
        ),
        (
            "UpdatePrimaryRegion",
            k(json!({"PrimaryRegion": "us-east-1"})),
            "UnsupportedOperationException",
        ),
    ];
    for (operation, body, expected) in cases {
        assert_eq!(world.refused_name(operation, body).await, expected, "{operation}");
    }
}

#[tokio::test]
async fn an_account_has_only_so_many_keys_in_a_region() {
    let mut config = KmsConfig::default();
    assert_eq!(config.keys.max_keys, 100_000);
    config.keys.max_keys = 2;
    let world = World::with(config).await;
    let first = world.create_key(json!({})).await;
    // Until it is gone, a key that is pending deletion counts.
    world
        .call(
            "ScheduleKeyDeletion",
            json!({"KeyId": first, "PendingWindowInDays": 7}),
        )
        .await
        .unwrap();
    world.create_key(json!({})).await;
    let refused = world.refused_name("CreateKey", json!({})).await;
    assert_eq!(refused, "LimitExceededException");
    let elsewhere = world
        .call_as(&world.caller, "us-east-1", "CreateKey", json!({}))
        .await;
    elsewhere.unwrap();
    world.clock.advance(DAY * 7);
    world.kms.upkeep().await.unwrap();
    world.create_key(json!({})).await;
}
