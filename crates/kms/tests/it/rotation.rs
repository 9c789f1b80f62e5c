//! Rotation of `AWS_KMS` keys.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{START, World};

const DAY: Duration = Duration::from_secs(86_400);

async fn status(world: &World, arn: &str) -> Value {
    world
        .call("GetKeyRotationStatus", json!({"KeyId": arn}))
        .await
        .unwrap()
}

async fn rotations(world: &World, arn: &str, include: &str) -> Vec<Value> {
    let body = json!({"KeyId": arn, "IncludeKeyMaterial": include});
    let listed = world.call("ListKeyRotations", body).await.unwrap();
    listed["Rotations"].as_array().unwrap().clone()
}

fn days(count: u64) -> u64 {
    START.as_secs() + count * 86_400
}

#[tokio::test]
async fn a_plan_is_made_changed_and_dropped() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let off = json!({"KeyId": arn, "KeyRotationEnabled": false});
    assert_eq!(status(&world, &arn).await, off);
    world
        .call("EnableKeyRotation", json!({"KeyId": arn}))
        .await
        .unwrap();
    let yearly = json!({"KeyId": arn, "KeyRotationEnabled": true, "RotationPeriodInDays": 365,
        "NextRotationDate": days(365)});
    assert_eq!(status(&world, &arn).await, yearly);
    let body = json!({"KeyId": arn, "RotationPeriodInDays": 90});
    world.call("EnableKeyRotation", body).await.unwrap();
    let world = world.restart().await;
    let quarterly = json!({"KeyId": arn, "KeyRotationEnabled": true, "RotationPeriodInDays": 90,
        "NextRotationDate": days(90)});
    assert_eq!(status(&world, &arn).await, quarterly);
    // A key that is pending deletion does not rotate; the plan holds again if it is kept.
    world
        .call("ScheduleKeyDeletion", json!({"KeyId": arn}))
        .await
        .unwrap();
    assert_eq!(status(&world, &arn).await, off);
    world
        .call("CancelKeyDeletion", json!({"KeyId": arn}))
        .await
        .unwrap();
    assert_eq!(status(&world, &arn).await, quarterly);
    world.call("EnableKey", json!({"KeyId": arn})).await.unwrap();
    world
        .call("DisableKeyRotation", json!({"KeyId": arn}))
        .await
        .unwrap();
    assert_eq!(status(&world, &arn).await, off);
    assert_eq!(
        rotations(&world, &arn, "ROTATIONS_ONLY").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn periods_are_90_to_2560_days() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    for period in [89, 2561] {
        let body = json!({"KeyId": arn, "RotationPeriodInDays": period});
        assert_eq!(
            world.refused_name("EnableKeyRotation", body).await,
            "ValidationException"
        );
    }
    for period in [90, 2560] {
        let body = json!({"KeyId": arn, "RotationPeriodInDays": period});
        world.call("EnableKeyRotation", body).await.unwrap();
    }
}

#[tokio::test]
async fn material_changes_by_the_clock_and_old_ciphertexts_stay_readable() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let body = json!({"KeyId": arn, "RotationPeriodInDays": 90});
    world.call("EnableKeyRotation", body).await.unwrap();
    let first = world.describe(&arn).await["CurrentKeyMaterialId"].clone();
    let old = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "b2xk"}))
        .await
        .unwrap();
    world.clock.advance(DAY * 90 - Duration::from_micros(1));
    world.kms.upkeep().await.unwrap();
    assert_eq!(world.describe(&arn).await["CurrentKeyMaterialId"], first);
    world.clock.advance(Duration::from_micros(1));
    world.kms.upkeep().await.unwrap();
    world.kms.upkeep().await.unwrap();
    let world = world.restart().await;
    let second = world.describe(&arn).await["CurrentKeyMaterialId"].clone();
    assert_ne!(second, first);
    assert_eq!(
        rotations(&world, &arn, "ALL_KEY_MATERIAL").await,
        [
            json!({"KeyId": arn, "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT"}),
            json!({"KeyId": arn, "KeyMaterialId": second, "KeyMaterialState": "CURRENT",
                "RotationDate": days(90), "RotationType": "AUTOMATIC"}),
        ]
    );
    assert_eq!(status(&world, &arn).await["NextRotationDate"], days(180));
    let opened = world
        .call("Decrypt", json!({"CiphertextBlob": old["CiphertextBlob"]}))
        .await
        .unwrap();
    assert_eq!(
        (&opened["Plaintext"], &opened["KeyMaterialId"]),
        (&json!("b2xk"), &first)
    );
    let new = world
        .call("GenerateDataKey", json!({"KeyId": arn, "KeySpec": "AES_256"}))
        .await
        .unwrap();
    assert_eq!(new["KeyMaterialId"], second);
}

/// A disabled key does not rotate; enabled again it catches up at once, one time.
#[tokio::test]
async fn a_disabled_key_rotates_when_it_is_enabled() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let body = json!({"KeyId": arn, "RotationPeriodInDays": 90});
    world.call("EnableKeyRotation", body).await.unwrap();
    world.call("DisableKey", json!({"KeyId": arn})).await.unwrap();
    world.clock.advance(DAY * 200);
    world.kms.upkeep().await.unwrap();
    assert_eq!(rotations(&world, &arn, "ROTATIONS_ONLY").await.len(), 0);
    world.call("EnableKey", json!({"KeyId": arn})).await.unwrap();
    world.kms.upkeep().await.unwrap();
    world.kms.upkeep().await.unwrap();
    assert_eq!(rotations(&world, &arn, "ROTATIONS_ONLY").await.len(), 1);
    assert_eq!(status(&world, &arn).await["NextRotationDate"], days(290));
}

#[tokio::test]
async fn on_demand_25_times_and_no_more() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let first = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
    for _ in 0..25 {
        // Within the quota of calls a second.
        world.clock.advance(Duration::from_secs(1));
        let answer = world.call("RotateKeyOnDemand", json!({"KeyId": arn})).await;
        assert_eq!(answer.unwrap(), json!({"KeyId": arn}));
    }
    let refused = world
        .refused_name("RotateKeyOnDemand", json!({"KeyId": arn}))
        .await;
    assert_eq!(refused, "LimitExceededException");
    let all = rotations(&world, &arn, "ROTATIONS_ONLY").await;
    assert_eq!(all.len(), 25);
    assert!(all.iter().all(|rotation| rotation["RotationType"] == "ON_DEMAND"));
    // In pages, in the order in which they were made: by number, not by text.
    let (mut paged, mut marker) = (Vec::new(), None);
    loop {
        let mut body = json!({"KeyId": arn, "Limit": 4});
        if let Some(marker) = marker {
            body["Marker"] = marker;
        }
        let page = world.call("ListKeyRotations", body).await.unwrap();
        paged.extend(page["Rotations"].as_array().unwrap().clone());
        marker = page.get("NextMarker").cloned();
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let opened = world
        .call("Decrypt", json!({"CiphertextBlob": first["CiphertextBlob"]}))
        .await
        .unwrap();
    assert_eq!(opened["Plaintext"], "aGk=");
}
