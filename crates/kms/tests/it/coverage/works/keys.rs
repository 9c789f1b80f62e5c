//! The life of KMS keys, and the rotation of their material.

use kms_api::Operation;
use serde_json::{Value, json};

use crate::coverage::scene::{Scene, text};

#[tokio::test]
async fn kms_works_create_key() {
    let scene = Scene::new().await;
    let answer = scene
        .call(Operation::CreateKey, json!({ "Description": "d" }))
        .await;
    let key = &answer["KeyMetadata"];
    for (member, expected) in [
        ("Description", "d"),
        ("KeyState", "Enabled"),
        ("Origin", "AWS_KMS"),
        ("KeySpec", "SYMMETRIC_DEFAULT"),
        ("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"),
        ("KeyUsage", "ENCRYPT_DECRYPT"),
        ("KeyManager", "CUSTOMER"),
    ] {
        assert_eq!(key[member], expected, "{key}");
    }
    assert_eq!(
        (&key["Enabled"], &key["MultiRegion"]),
        (&json!(true), &json!(false))
    );
    let store = scene.connected_store().await;
    let body = json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": "external" });
    let answer = scene.call(Operation::CreateKey, body).await;
    let key = &answer["KeyMetadata"];
    assert_eq!(key["XksKeyConfiguration"]["Id"], "external");
    assert_eq!(key["CustomKeyStoreId"], store);
    assert_eq!(key["Origin"], "EXTERNAL_KEY_STORE");
}

#[tokio::test]
async fn kms_works_describe_key() {
    let scene = Scene::new().await;
    let made = scene.call(Operation::CreateKey, json!({})).await;
    let id = &made["KeyMetadata"]["KeyId"];
    scene
        .call(
            Operation::CreateAlias,
            json!({ "AliasName": "alias/a", "TargetKeyId": id }),
        )
        .await;
    for name in [id, &made["KeyMetadata"]["Arn"], &json!("alias/a")] {
        let answer = scene.call(Operation::DescribeKey, json!({ "KeyId": name })).await;
        assert_eq!(answer, made);
    }
}

#[tokio::test]
async fn kms_works_list_keys() {
    let scene = Scene::new().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        let key = scene.call(Operation::CreateKey, json!({})).await;
        made.push(text(&key["KeyMetadata"]["Arn"]));
    }
    let mut listed: Vec<String> = pages(&scene, Operation::ListKeys, json!({ "Limit": 2 }), "Keys")
        .await
        .iter()
        .map(|key| text(&key["KeyArn"]))
        .collect();
    listed.sort();
    made.sort();
    assert_eq!(listed, made);
}

/// Every entry of a listing, page by page.
pub(super) async fn pages(scene: &Scene, operation: Operation, mut body: Value, member: &str) -> Vec<Value> {
    let limit = body["Limit"].as_u64().map_or(usize::MAX, |limit| limit as usize);
    let mut all = Vec::new();
    loop {
        let page = scene.call(operation, body.clone()).await;
        let entries = page[member].as_array().expect("a list");
        assert!(entries.len() <= limit, "{page}");
        all.extend(entries.iter().cloned());
        assert_eq!(
            page["Truncated"] == true,
            page.get("NextMarker").is_some(),
            "{page}"
        );
        match page.get("NextMarker") {
            Some(marker) => body["Marker"] = marker.clone(),
            None => return all,
        }
    }
}

#[tokio::test]
async fn kms_works_enable_key() {
    let scene = Scene::new().await;
    let subject = scene.disabled().await;
    let answer = scene
        .call(Operation::EnableKey, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer, Value::Null);
    assert_eq!(scene.state_of(&subject.id).await, "Enabled");
    scene
        .call(Operation::Encrypt, subject.request(Operation::Encrypt))
        .await;
}

#[tokio::test]
async fn kms_works_disable_key() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::DisableKey, json!({ "KeyId": subject.arn }))
        .await;
    assert_eq!(answer, Value::Null);
    assert_eq!(scene.state_of(&subject.id).await, "Disabled");
}

#[tokio::test]
async fn kms_works_schedule_key_deletion() {
    let scene = Scene::new().await;
    for days in [7, 30] {
        let subject = scene.subject().await;
        let body = json!({ "KeyId": subject.id, "PendingWindowInDays": days });
        let answer = scene.call(Operation::ScheduleKeyDeletion, body).await;
        assert_eq!(answer["KeyId"], subject.arn);
        assert_eq!(answer["KeyState"], "PendingDeletion");
        assert_eq!(answer["PendingWindowInDays"], days);
        let date = crate::support::START.as_secs() + days * 86_400;
        assert_eq!(answer["DeletionDate"], date);
        let key = scene
            .call(Operation::DescribeKey, json!({ "KeyId": subject.id }))
            .await;
        assert_eq!(key["KeyMetadata"]["DeletionDate"], date);
    }
}

#[tokio::test]
async fn kms_works_cancel_key_deletion() {
    let scene = Scene::new().await;
    let subject = scene.pending_deletion().await;
    let answer = scene
        .call(Operation::CancelKeyDeletion, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer, json!({ "KeyId": subject.arn }));
    assert_eq!(scene.state_of(&subject.id).await, "Disabled");
}

#[tokio::test]
async fn kms_works_update_key_description() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "KeyId": subject.id, "Description": "another" });
    assert_eq!(
        scene.call(Operation::UpdateKeyDescription, body).await,
        Value::Null
    );
    let key = scene
        .call(Operation::DescribeKey, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(key["KeyMetadata"]["Description"], "another");
}

#[tokio::test]
async fn kms_works_get_key_last_usage() {
    let scene = Scene::new().await;
    let made = scene.call(Operation::CreateKey, json!({})).await;
    let id = &made["KeyMetadata"]["KeyId"];
    let unused = scene
        .call(Operation::GetKeyLastUsage, json!({ "KeyId": id }))
        .await;
    assert_eq!(unused["KeyId"], made["KeyMetadata"]["Arn"]);
    assert_eq!(unused.get("KeyLastUsage"), None);
    scene
        .call(
            Operation::GenerateDataKey,
            json!({ "KeyId": id, "KeySpec": "AES_256" }),
        )
        .await;
    let used = scene
        .call(Operation::GetKeyLastUsage, json!({ "KeyId": id }))
        .await;
    assert_eq!(used["KeyLastUsage"]["Operation"], "GenerateDataKey");
    assert_eq!(used["KeyLastUsage"]["Timestamp"], crate::support::START.as_secs());
}

#[tokio::test]
async fn kms_works_enable_key_rotation() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "KeyId": subject.id, "RotationPeriodInDays": 90 });
    assert_eq!(scene.call(Operation::EnableKeyRotation, body).await, Value::Null);
    let status = scene
        .call(Operation::GetKeyRotationStatus, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(status["KeyRotationEnabled"], true);
    assert_eq!(status["RotationPeriodInDays"], 90);
    assert_eq!(
        status["NextRotationDate"],
        crate::support::START.as_secs() + 90 * 86_400
    );
}

#[tokio::test]
async fn kms_works_disable_key_rotation() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "KeyId": subject.id });
    scene.call(Operation::EnableKeyRotation, body.clone()).await;
    assert_eq!(
        scene.call(Operation::DisableKeyRotation, body.clone()).await,
        Value::Null
    );
    let status = scene.call(Operation::GetKeyRotationStatus, body).await;
    assert_eq!(status["KeyRotationEnabled"], false);
}

#[tokio::test]
async fn kms_works_get_key_rotation_status() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "KeyId": subject.id });
    let status = scene.call(Operation::GetKeyRotationStatus, body.clone()).await;
    assert_eq!(
        status,
        json!({ "KeyId": subject.arn, "KeyRotationEnabled": false })
    );
    scene.call(Operation::EnableKeyRotation, body.clone()).await;
    let status = scene.call(Operation::GetKeyRotationStatus, body).await;
    assert_eq!(status["RotationPeriodInDays"], 365);
}

#[tokio::test]
async fn kms_works_rotate_key_on_demand() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let before = material(&scene, &subject.id).await;
    let answer = scene
        .call(Operation::RotateKeyOnDemand, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer, json!({ "KeyId": subject.arn }));
    assert_ne!(material(&scene, &subject.id).await, before);
    // What was encrypted before is still read.
    scene
        .call(Operation::Decrypt, subject.request(Operation::Decrypt))
        .await;
}

async fn material(scene: &Scene, key: &str) -> Value {
    let body = json!({ "KeyId": key, "KeySpec": "AES_256" });
    let answer = scene.call(Operation::GenerateDataKeyWithoutPlaintext, body).await;
    answer["KeyMaterialId"].clone()
}

#[tokio::test]
async fn kms_works_list_key_rotations() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    for _ in 0..3 {
        scene
            .call(Operation::RotateKeyOnDemand, json!({ "KeyId": subject.id }))
            .await;
    }
    let body = json!({ "KeyId": subject.id, "Limit": 2 });
    let rotations = pages(&scene, Operation::ListKeyRotations, body, "Rotations").await;
    assert_eq!(rotations.len(), 3);
    for rotation in &rotations {
        assert_eq!(rotation["RotationType"], "ON_DEMAND");
        assert_eq!(rotation["KeyId"], subject.arn);
    }
    let body = json!({ "KeyId": subject.id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
    let all = pages(&scene, Operation::ListKeyRotations, body, "Rotations").await;
    let current = all
        .iter()
        .filter(|entry| entry["KeyMaterialState"] == "CURRENT")
        .count();
    assert_eq!((all.len(), current), (4, 1));
}
