//! GetKeyMetadata.

use std::time::Duration;

use key_manager::KeyState;
use serde_json::json;

use super::world::{World, admin, metadata_body};

#[tokio::test]
async fn xks_meta_01_the_answer_has_spec_usage_and_status() {
    let world = World::new().await;
    let reply = world.ask("/keys/both/metadata", &metadata_body()).await;
    reply.is_success();
    let expected = json!({"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"});
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn xks_meta_02_a_256_bit_aes_key_is_aes_256() {
    let world = World::new().await;
    let reply = world.ask("/keys/both/metadata", &metadata_body()).await;
    assert_eq!(reply.json()["keySpec"], "AES_256");
}

#[tokio::test]
async fn xks_meta_03_usages_are_what_the_key_may_do() {
    let world = World::new().await;
    for (key, usages) in [
        ("both", json!(["ENCRYPT", "DECRYPT"])),
        ("encrypt", json!(["ENCRYPT"])),
        ("decrypt", json!(["DECRYPT"])),
        ("none", json!([])),
    ] {
        let reply = world
            .ask(&format!("/keys/{key}/metadata"), &metadata_body())
            .await;
        reply.is_success();
        assert_eq!(reply.json()["keyUsage"], usages);
    }
}

#[tokio::test]
async fn xks_meta_05_there_are_never_more_than_ten_usages() {
    let world = World::new().await;
    let reply = world.ask("/keys/both/metadata", &metadata_body()).await;
    assert!(reply.json()["keyUsage"].as_array().unwrap().len() <= 10);
}

#[tokio::test]
async fn xks_meta_06_the_status_follows_the_keys_state() {
    let world = World::new().await;
    for (state, status) in [(KeyState::Disabled, "DISABLED"), (KeyState::Enabled, "ENABLED")] {
        world.set_key_state("both", state).await;
        let reply = world.ask("/keys/both/metadata", &metadata_body()).await;
        reply.is_success();
        assert_eq!(reply.json()["keyStatus"], status);
    }
    let (by, week) = (admin(), Duration::from_hours(7 * 24));
    let scheduled = world.warden.schedule_key_deletion(&by, "both", week);
    scheduled.await.unwrap();
    let reply = world.ask("/keys/both/metadata", &metadata_body()).await;
    assert_eq!(reply.json()["keyStatus"], "DISABLED");
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let world = World::new().await;
    world
        .ask("/keys/nobody/metadata", &metadata_body())
        .await
        .is_error("KeyNotFoundException");
}

/// AWS's test client sends `kmsKeyArn` here, though no KMS key exists yet.
#[tokio::test]
async fn a_key_arn_is_tolerated() {
    let world = World::new().await;
    let mut body = metadata_body();
    body["requestMetadata"]["kmsKeyArn"] = super::world::KMS_KEY.into();
    world.ask("/keys/both/metadata", &body).await.is_success();
}
