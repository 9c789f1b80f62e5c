//! A new endpoint.

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn an_empty_database_raises_no_alarm_and_survives_a_restart() {
    let world = World::new().await;
    assert_eq!(world.kms.alarms(), []);
    let world = world.restart().await;
    assert_eq!(world.kms.alarms(), []);
}

#[tokio::test]
async fn what_is_not_supported_answers_aws_own_error() {
    let world = World::new().await;
    let error = world
        .call(
            "GenerateMac",
            json!({"KeyId": "x", "Message": "aGk=", "MacAlgorithm": "HMAC_SHA_256"}),
        )
        .await
        .unwrap_err();
    assert_eq!(error.name().as_str(), "UnsupportedOperationException");
}
