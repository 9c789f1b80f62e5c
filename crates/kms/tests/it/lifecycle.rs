//! A KMS key's life: disabled, deleted by the clock, gone; its last use; what KMS does by itself.

use std::time::Duration;

use ambient::Clock as _;
use serde_json::{Value, json};

use crate::support::{START, World};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_key_is_disabled_and_enabled() {
    let world = World::new().await;
    let arn = world.create_key(json!({"Description": "first"})).await;
    for (operation, state) in [
        ("DisableKey", "Disabled"),
        ("DisableKey", "Disabled"),
        ("EnableKey", "Enabled"),
        ("EnableKey", "Enabled"),
    ] {
        let answer = world.call(operation, json!({"KeyId": arn})).await.unwrap();
        assert_eq!(answer, Value::Null, "an empty body");
        let key = world.describe(&arn).await;
        assert_eq!(key["KeyState"], state);
        assert_eq!(key["Enabled"], state == "Enabled");
    }
    world
        .call(
            "UpdateKeyDescription",
            json!({"KeyId": arn, "Description": "second"}),
        )
        .await
        .unwrap();
    let world = world.restart().await;
    assert_eq!(world.describe(&arn).await["Description"], "second");
}

#[tokio::test]
async fn a_cancelled_deletion_leaves_the_key_disabled() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let scheduled = world
        .call("ScheduleKeyDeletion", json!({"KeyId": arn}))
        .await
        .unwrap();
    assert_eq!(
        scheduled,
        json!({
            "KeyId": arn,
            "DeletionDate": START.as_secs() + 30 * 86_400,
            "KeyState": "PendingDeletion",
            "PendingWindowInDays": 30,
        })
    );
    let key = world.describe(&arn).await;
    assert_eq!(key["KeyState"], "PendingDeletion");
    assert_eq!(key["DeletionDate"], scheduled["DeletionDate"]);
    let cancelled = world.call("CancelKeyDeletion", json!({"KeyId": arn})).await;
    assert_eq!(cancelled.unwrap(), json!({"KeyId": arn}));
    let key = world.describe(&arn).await;
    assert_eq!(key["KeyState"], "Disabled");
    assert_eq!(key.get("DeletionDate"), None);
    world.clock.advance(DAY * 31);
    world.kms.upkeep().await.unwrap();
    assert_eq!(world.describe(&arn).await["KeyState"], "Disabled");
}

#[tokio::test]
async fn waiting_periods_are_7_to_30_days() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    for days in [1, 6, 31, 365] {
        let body = json!({"KeyId": arn, "PendingWindowInDays": days});
        assert_eq!(
            world.refused_name("ScheduleKeyDeletion", body).await,
            "ValidationException"
        );
    }
    for days in [7, 30] {
        let body = json!({"KeyId": arn, "PendingWindowInDays": days});
        world.call("ScheduleKeyDeletion", body).await.unwrap();
        world
            .call("CancelKeyDeletion", json!({"KeyId": arn}))
            .await
            .unwrap();
    }
}

/// To the microsecond, whether or not anybody has looked at the clock meanwhile, and after a restart.
#[tokio::test]
async fn a_key_is_gone_when_its_waiting_period_is_over() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let other = world.create_key(json!({})).await;
    let sealed = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
    world
        .call(
            "ScheduleKeyDeletion",
            json!({"KeyId": arn, "PendingWindowInDays": 7}),
        )
        .await
        .unwrap();
    world.clock.advance(DAY * 7 - Duration::from_micros(1));
    world.kms.upkeep().await.unwrap();
    assert_eq!(world.describe(&arn).await["KeyState"], "PendingDeletion");
    world.clock.advance(Duration::from_micros(1));
    let refused = world.refused_name("DescribeKey", json!({"KeyId": arn})).await;
    assert_eq!(refused, "NotFoundException");
    let world = world.restart().await;
    for upkeep in [false, true] {
        if upkeep {
            world.kms.upkeep().await.unwrap();
        }
        assert_eq!(
            world
                .refused_name("CancelKeyDeletion", json!({"KeyId": arn}))
                .await,
            "NotFoundException"
        );
        let listed = world.call("ListKeys", json!({})).await.unwrap();
        assert_eq!(listed["Keys"].as_array().unwrap().len(), 1);
        assert_eq!(listed["Keys"][0]["KeyArn"], other);
        let refused = world
            .refused("Decrypt", json!({"CiphertextBlob": sealed["CiphertextBlob"]}))
            .await;
        assert!(
            refused.starts_with("AccessDeniedException: The ciphertext refers to a customer master key"),
            "{refused}"
        );
    }
    let world = world.restart().await;
    assert_eq!(world.kms.alarms(), []);
}

#[tokio::test]
async fn the_last_use_is_told_and_kept() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let ask = json!({"KeyId": arn});
    let unused = world.call("GetKeyLastUsage", ask.clone()).await.unwrap();
    assert_eq!(
        unused,
        json!({"KeyId": arn, "TrackingStartDate": START.as_secs(), "KeyCreationDate": START.as_secs()})
    );
    world.clock.advance(Duration::from_secs(5));
    world
        .call("GenerateDataKey", json!({"KeyId": arn, "KeySpec": "AES_256"}))
        .await
        .unwrap();
    let used = world.call("GetKeyLastUsage", ask.clone()).await.unwrap();
    assert_eq!(used["KeyLastUsage"]["Operation"], "GenerateDataKey");
    assert_eq!(used["KeyLastUsage"]["Timestamp"], START.as_secs() + 5);
    // A use that failed is none.
    world.clock.advance(Duration::from_secs(5));
    world
        .refused("Decrypt", json!({"KeyId": arn, "CiphertextBlob": "AAAA"}))
        .await;
    world.kms.upkeep().await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.call("GetKeyLastUsage", ask).await.unwrap(), used);
    assert!(world.clock.now() > START);
}

/// CloudTrail tells what KMS does by itself.
#[tokio::test]
async fn rotation_and_deletion_are_in_cloudtrail() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    world
        .call("RotateKeyOnDemand", json!({"KeyId": arn}))
        .await
        .unwrap();
    let body = json!({"KeyId": arn, "RotationPeriodInDays": 90});
    world.call("EnableKeyRotation", body).await.unwrap();
    world.clock.advance(DAY * 90);
    world.kms.upkeep().await.unwrap();
    world
        .call(
            "ScheduleKeyDeletion",
            json!({"KeyId": arn, "PendingWindowInDays": 7}),
        )
        .await
        .unwrap();
    world.clock.advance(DAY * 7);
    world.kms.upkeep().await.unwrap();
    world.kms.trail().flush().await;
    let events: Vec<(Value, Value)> = world
        .records()
        .into_iter()
        .filter(|record| record["eventType"] == "AwsServiceEvent")
        .map(|record| (record["eventName"].clone(), record["serviceEventDetails"].clone()))
        .collect();
    let id = arn.rsplit('/').next().unwrap();
    let rotated = |kind: &str| (json!("RotateKey"), json!({"keyId": id, "rotationType": kind}));
    assert_eq!(
        events,
        [
            rotated("ON_DEMAND"),
            rotated("AUTOMATIC"),
            (json!("DeleteKey"), json!({"keyId": id})),
        ]
    );
}
