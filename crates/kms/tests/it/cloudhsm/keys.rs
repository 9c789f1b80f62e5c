//! KMS keys whose material is in a cluster.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kms::clusters::ClusterError;
use kms::inspect::{reserved_encryptions, set_encryptions};
use serde_json::{Value, json};

use super::kit::{CLUSTER, Stage, one};
use crate::coverage::scene::with;

const HELLO: &str = "SGVsbG8=";
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_key_object_has_the_keys_arn_for_a_label() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    assert_eq!(stage.cluster.labels(), [key.as_str()]);
    let metadata = stage.world.describe(&key).await;
    assert_eq!(metadata["Origin"], "AWS_CLOUDHSM");
    assert_eq!(metadata["CustomKeyStoreId"], store.as_str());
    assert_eq!(metadata["CloudHsmClusterId"], CLUSTER);
    assert_eq!(metadata["KeyState"], "Enabled");
    for absent in ["CurrentKeyMaterialId", "XksKeyConfiguration"] {
        assert_eq!(metadata[absent], Value::Null);
    }
}

#[tokio::test]
async fn every_cryptographic_operation_works_in_the_cluster() {
    let (stage, store) = Stage::connected().await;
    let (key, other) = (stage.key(&store).await, stage.key(&store).await);
    let own = stage.world.create_key(json!({})).await;
    let blob = stage.encrypt(&key, HELLO).await;
    assert_eq!(stage.decrypted(&blob).await.unwrap(), HELLO);
    for destination in [&other, &own] {
        let body = json!({
            "CiphertextBlob": blob, "SourceEncryptionContext": { "a": "b" },
            "DestinationKeyId": destination, "DestinationEncryptionContext": { "a": "b" },
        });
        let moved = stage.ok("ReEncrypt", body).await;
        assert_eq!(moved["KeyId"], destination.as_str());
        let moved = moved["CiphertextBlob"].as_str().unwrap().to_owned();
        assert_eq!(stage.decrypted(&moved).await.unwrap(), HELLO);
    }
    let body = json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": { "a": "b" } });
    let made = stage.ok("GenerateDataKey", body.clone()).await;
    assert_eq!(made["KeyMaterialId"], Value::Null);
    let opened = stage.decrypted(made["CiphertextBlob"].as_str().unwrap()).await;
    assert_eq!(opened.unwrap(), made["Plaintext"].as_str().unwrap());
    let made = stage.ok("GenerateDataKeyWithoutPlaintext", body).await;
    assert!(
        stage
            .decrypted(made["CiphertextBlob"].as_str().unwrap())
            .await
            .is_ok()
    );
    let longest = STANDARD.encode([7; 4096]);
    let blob = stage.encrypt(&key, &longest).await;
    assert_eq!(stage.decrypted(&blob).await.unwrap(), longest);
}

/// Wrong contexts are `InvalidCiphertextException`, as under a key of KMS's own.
#[tokio::test]
async fn a_ciphertext_belongs_to_its_key_and_context() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let blob = stage.encrypt(&key, HELLO).await;
    for context in [json!({}), json!({ "a": "c" }), json!({ "a": "b", "c": "d" })] {
        let body = json!({ "CiphertextBlob": blob, "EncryptionContext": context });
        let refused = stage.world.refused_name("Decrypt", body).await;
        assert_eq!(refused, "InvalidCiphertextException");
    }
}

#[tokio::test]
async fn random_bytes_come_from_the_cluster() {
    let (stage, store) = Stage::connected().await;
    let body = with(one(&store), json!({ "NumberOfBytes": 1024 }));
    let first = stage.ok("GenerateRandom", body.clone()).await;
    assert_ne!(first, stage.ok("GenerateRandom", body.clone()).await);
    stage.cluster.inside().failing = Some(ClusterError::Unreachable("gone".to_owned()));
    let refused = stage.world.refused_name("GenerateRandom", body.clone()).await;
    assert_eq!(refused, "KMSInternalException");
    stage.disconnect(&store).await;
    let refused = stage.world.refused_name("GenerateRandom", body).await;
    assert_eq!(refused, "CustomKeyStoreInvalidStateException");
}

/// AWS KMS Developer Guide, "Troubleshooting a custom key store": the store stays connected, and its
/// keys work again when the HSMs do.
#[tokio::test]
async fn a_cluster_that_fails_fails_its_operations_and_nothing_else() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let blob = stage.encrypt(&key, HELLO).await;
    let said = || "the module's own words".to_owned();
    for (failing, name) in [
        (ClusterError::Unreachable(said()), "KMSInvalidStateException"),
        (ClusterError::KeyNotFound, "KMSInvalidStateException"),
        (ClusterError::KeyUnusable(said()), "KMSInvalidStateException"),
        (ClusterError::Busy(said()), "KMSInternalException"),
        (ClusterError::Internal(said()), "KMSInternalException"),
    ] {
        stage.cluster.inside().failing = Some(failing);
        for (operation, body) in [
            ("Encrypt", json!({ "KeyId": key, "Plaintext": HELLO })),
            (
                "Decrypt",
                json!({ "CiphertextBlob": blob, "EncryptionContext": { "a": "b" } }),
            ),
            ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ] {
            let error = stage.world.refused(operation, body).await;
            assert!(error.starts_with(name), "{error}");
            assert!(!error.contains("module"), "{error}");
        }
        assert_eq!(stage.settled(&store).await, "CONNECTED");
        assert_eq!(stage.key_state(&key).await, "Enabled");
        stage.cluster.inside().failing = None;
        assert_eq!(stage.decrypted(&blob).await.unwrap(), HELLO);
    }
    stage.cluster.lose_keys();
    assert_eq!(
        stage.decrypted(&blob).await.unwrap_err(),
        "KMSInvalidStateException"
    );
}

/// NIST SP 800-38D: 2^32 messages a key with random IVs. The count survives restarts, a block ahead.
#[tokio::test]
async fn a_key_object_encrypts_as_often_as_it_may_and_no_more() {
    const MOST: u64 = 1 << 32;
    const BLOCK: u64 = 1 << 20;
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let id: kms_api::KeyId = key.rsplit('/').next().unwrap().parse().unwrap();
    let reserved = |stage: &Stage| reserved_encryptions(&stage.world.kms, &id).unwrap();
    assert_eq!(reserved(&stage), 0);
    let blob = stage.encrypt(&key, HELLO).await;
    stage.encrypt(&key, HELLO).await;
    assert_eq!(reserved(&stage), BLOCK);
    // What others change of the key keeps the count.
    let body = json!({ "KeyId": key, "Description": "counted" });
    stage.ok("UpdateKeyDescription", body).await;
    assert_eq!(reserved(&stage), BLOCK);
    let stage = stage.restart().await;
    stage.encrypt(&key, HELLO).await;
    assert_eq!(reserved(&stage), 2 * BLOCK);

    set_encryptions(&stage.world.kms, &id, MOST - 2).await.unwrap();
    let encrypt = json!({ "KeyId": key, "Plaintext": HELLO });
    for _ in 0..2 {
        stage.ok("Encrypt", encrypt.clone()).await;
    }
    assert_eq!(reserved(&stage), MOST);
    for _ in 0..3 {
        let error = stage.world.refused("Encrypt", encrypt.clone()).await;
        assert!(error.starts_with("KMSInvalidStateException"), "{error}");
    }
    let stage = stage.restart().await;
    let refused = stage.world.refused_name("Encrypt", encrypt).await;
    assert_eq!(refused, "KMSInvalidStateException");
    assert_eq!(stage.decrypted(&blob).await.unwrap(), HELLO);
}

#[tokio::test]
async fn keys_are_unavailable_while_their_store_is_disconnected() {
    let (stage, store) = Stage::connected().await;
    let (key, disabled, deleted) = (
        stage.key(&store).await,
        stage.key(&store).await,
        stage.key(&store).await,
    );
    let blob = stage.encrypt(&key, HELLO).await;
    stage.ok("DisableKey", json!({ "KeyId": disabled })).await;
    stage.ok("ScheduleKeyDeletion", json!({ "KeyId": deleted })).await;
    stage.disconnect(&store).await;
    assert_eq!(stage.key_state(&key).await, "Unavailable");
    assert_eq!(stage.key_state(&disabled).await, "Unavailable");
    assert_eq!(stage.key_state(&deleted).await, "PendingDeletion");
    assert_eq!(
        stage.decrypted(&blob).await.unwrap_err(),
        "KMSInvalidStateException"
    );
    let body = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let refused = stage.world.refused_name("CreateKey", body).await;
    assert_eq!(refused, "CustomKeyStoreInvalidStateException");
    stage.connect(&store).await;
    assert_eq!(stage.key_state(&key).await, "Enabled");
    assert_eq!(stage.key_state(&disabled).await, "Disabled");
    assert_eq!(stage.decrypted(&blob).await.unwrap(), HELLO);
}

#[tokio::test]
async fn what_custom_key_stores_cannot_is_refused() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    for operation in [
        "EnableKeyRotation",
        "DisableKeyRotation",
        "RotateKeyOnDemand",
        "GetKeyRotationStatus",
        "ListKeyRotations",
        "DeleteImportedKeyMaterial",
    ] {
        let refused = stage.world.refused_name(operation, json!({ "KeyId": key })).await;
        assert_eq!(refused, "UnsupportedOperationException", "{operation}");
    }
    let wrong_type = json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": "k" });
    let refused = stage.world.refused_name("CreateKey", wrong_type).await;
    assert_eq!(refused, "UnsupportedOperationException");
    for more in [json!({ "MultiRegion": true }), json!({ "KeySpec": "RSA_2048" })] {
        let body = with(
            json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }),
            more,
        );
        let refused = stage.world.refused_name("CreateKey", body).await;
        assert_eq!(refused, "UnsupportedOperationException");
    }
    assert_eq!(stage.cluster.labels(), [key.as_str()]);
}

/// Whoever has no room for a key has none made in the cluster; and a key in the cluster that no KMS key
/// has come of goes again.
#[tokio::test]
async fn no_key_object_is_left_behind() {
    let (stage, store) = Stage::connected().await;
    let body = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    stage.cluster.inside().failing = Some(ClusterError::NotSynchronized("b".to_owned()));
    let refused = stage.world.refused_name("CreateKey", body.clone()).await;
    assert_eq!(refused, "CloudHsmClusterInvalidConfigurationException");
    stage.cluster.inside().failing = Some(ClusterError::Internal("b".to_owned()));
    let refused = stage.world.refused_name("CreateKey", body).await;
    assert_eq!(refused, "KMSInternalException");
    assert!(stage.cluster.labels().is_empty());
}

async fn deleted_after_a_week(stage: &Stage) -> Value {
    stage.world.clock.advance(DAY * 7);
    stage.world.kms.upkeep().await.unwrap();
    stage.world.kms.trail().flush().await;
    let records = stage.world.records();
    let event = records.iter().find(|record| record["eventName"] == "DeleteKey");
    event.unwrap()["additionalEventData"].clone()
}

/// Best effort, and CloudTrail says what became of it.
#[tokio::test]
async fn deletion_takes_the_key_object_if_it_can_be_reached() {
    for connected in [true, false] {
        let (stage, store) = Stage::connected().await;
        let key = stage.key(&store).await;
        if !connected {
            stage.disconnect(&store).await;
        }
        let body = json!({ "KeyId": key, "PendingWindowInDays": 7 });
        stage.ok("ScheduleKeyDeletion", body).await;
        let told = deleted_after_a_week(&stage).await;
        assert_eq!(told["customKeyStoreId"], store.as_str());
        assert_eq!(told["clusterId"], CLUSTER);
        let text = |name: &str| serde_json::from_str::<Value>(told[name].as_str().unwrap()).unwrap();
        let status = text("backingKeysDeletionStatus");
        let id = text("backingKeys")[0]["backingKeyId"].clone();
        assert_eq!(id.as_str().unwrap().len(), 64);
        assert_eq!(status[0]["backingKeyId"], id);
        assert_eq!(
            status[0]["deletionStatus"],
            if connected { "SUCCESS" } else { "FAILURE" }
        );
        assert_eq!(stage.cluster.labels().is_empty(), connected);
        let gone = stage
            .world
            .refused_name("DescribeKey", json!({ "KeyId": key }))
            .await;
        assert_eq!(gone, "NotFoundException");
        if connected {
            stage.disconnect(&store).await;
        }
        stage.ok("DeleteCustomKeyStore", one(&store)).await;
    }
}

#[tokio::test]
async fn records_of_keys_name_store_and_key_object() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    stage.encrypt(&key, HELLO).await;
    stage.world.kms.trail().flush().await;
    let records = stage.world.records();
    let of = |name: &str| records.iter().find(|record| record["eventName"] == name).unwrap();
    let made = &of("CreateKey")["responseElements"]["keyMetadata"];
    assert_eq!(made["cloudHsmClusterId"], CLUSTER);
    assert_eq!(made["customKeyStoreId"], store.as_str());
    let more = &of("CreateKey")["additionalEventData"];
    assert_eq!(more["customKeyStoreId"], store.as_str());
    let backing: Value = serde_json::from_str(more["backingKey"].as_str().unwrap()).unwrap();
    assert_eq!(backing["backingKeyId"].as_str().unwrap().len(), 64);
    let more = &of("Encrypt")["additionalEventData"];
    assert_eq!(more, &json!({ "customKeyStoreId": store }));
}

/// An object that somebody exchanged for another of the same name encrypts nothing, also after a restart.
#[tokio::test]
async fn an_exchanged_key_object_is_not_used() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let blob = stage.encrypt(&key, HELLO).await;
    let stage = stage.restart().await;
    assert_eq!(stage.decrypted(&blob).await.unwrap(), HELLO);
    stage.cluster.exchange_keys();
    let invalid = "KMSInvalidStateException";
    let body = json!({ "KeyId": key, "Plaintext": HELLO });
    assert_eq!(stage.world.refused_name("Encrypt", body.clone()).await, invalid);
    assert_eq!(stage.decrypted(&blob).await.unwrap_err(), invalid);
    let stage = stage.restart().await;
    assert_eq!(stage.world.refused_name("Encrypt", body).await, invalid);
    // A key that is made now has an object of its own.
    let key = stage.key(&store).await;
    stage.encrypt(&key, HELLO).await;
}
