//! The login as `kmsuser`, and its password.

use std::time::Duration;

use kms::clusters::ConnectError;
use serde_json::json;

use super::kit::{CLUSTER, Stage, one};
use crate::support::clusters::PASSWORD;

fn password(stage: &Stage) -> String {
    String::from_utf8(stage.cluster.inside().password.clone()).unwrap()
}

/// AWS KMS Developer Guide, "Connect an AWS CloudHSM key store": KMS rotates the password and stays
/// logged in; it reconnects with the password that it keeps.
#[tokio::test]
async fn each_connection_gives_kmsuser_a_password_that_nobody_else_knows() {
    let (stage, store) = Stage::connected().await;
    let first = password(&stage);
    assert_eq!(first.len(), 32);
    assert_ne!(first, PASSWORD);
    assert!(stage.cluster.is_logged_in());
    stage.disconnect(&store).await;
    assert!(!stage.cluster.is_logged_in());
    assert_eq!(password(&stage), first);
    assert_eq!(stage.connect(&store).await, "CONNECTED");
    assert_ne!(password(&stage), first);
    assert_eq!(stage.cluster.inside().presented, 2);
    let shown = stage.describe(&store).await.to_string();
    assert!(!shown.contains(&password(&stage)) && !shown.contains(PASSWORD));
}

#[tokio::test]
async fn a_cluster_that_keeps_its_password_keeps_it() {
    let stage = Stage::new().await;
    stage.cluster.inside().rotates = false;
    let store = stage.create("store").await;
    assert_eq!(stage.connect(&store).await, "CONNECTED");
    assert_eq!(password(&stage), PASSWORD);
}

#[tokio::test]
async fn a_wrong_password_is_presented_once_and_mended_by_an_update() {
    let stage = Stage::new().await;
    let store = stage.create("store").await;
    stage.cluster.inside().password = b"changed1".to_vec();
    assert_eq!(stage.connect(&store).await, "FAILED: INVALID_CREDENTIALS");
    assert!(!stage.cluster.is_logged_in());
    let refused = stage
        .world
        .refused_name("ConnectCustomKeyStore", one(&store))
        .await;
    assert_eq!(refused, "CustomKeyStoreInvalidStateException");
    let mut update = one(&store);
    update["KeyStorePassword"] = json!("changed1");
    let refused = stage
        .world
        .refused_name("UpdateCustomKeyStore", update.clone())
        .await;
    assert_eq!(refused, "CustomKeyStoreInvalidStateException");
    // Neither a restart nor the clock presents it again.
    let stage = stage.restart().await;
    stage.world.clock.advance(Duration::from_secs(3600));
    assert_eq!(stage.settled(&store).await, "FAILED: INVALID_CREDENTIALS");
    assert_eq!(stage.cluster.inside().presented, 1);
    stage.disconnect(&store).await;
    stage.ok("UpdateCustomKeyStore", update.clone()).await;
    assert_eq!(stage.connect(&store).await, "CONNECTED");
    let refused = stage.world.refused_name("UpdateCustomKeyStore", update).await;
    assert_eq!(refused, "CustomKeyStoreInvalidStateException");
}

#[tokio::test]
async fn why_nobody_can_log_in_is_the_error_code() {
    let stage = Stage::new().await;
    let store = stage.create("store").await;
    stage.cluster.inside().refused = 5;
    assert_eq!(stage.connect(&store).await, "FAILED: USER_LOCKED_OUT");
    assert_eq!(stage.cluster.inside().presented, 0);
    stage.disconnect(&store).await;
    stage.cluster.inside().refused = 0;
    stage.cluster.inside().has_user = false;
    assert_eq!(stage.connect(&store).await, "FAILED: USER_NOT_FOUND");
    stage.disconnect(&store).await;
    stage.world.clusters.forget(CLUSTER);
    assert_eq!(stage.connect(&store).await, "FAILED: CLUSTER_NOT_FOUND");
}

/// What shows at once leaves the store disconnected; what shows later fails the connection.
#[tokio::test]
async fn hsms_that_are_gone_or_go_while_a_store_is_connected() {
    let stage = Stage::new().await;
    let store = stage.create("store").await;
    stage.cluster.inside().active = 0;
    let refused = stage
        .world
        .refused_name("ConnectCustomKeyStore", one(&store))
        .await;
    assert_eq!(refused, "CloudHsmClusterInvalidConfigurationException");
    assert_eq!(stage.settled(&store).await, "DISCONNECTED");
    stage.cluster.inside().active = 1;
    stage.cluster.inside().gone_at_login = true;
    assert_eq!(stage.connect(&store).await, "FAILED: INSUFFICIENT_CLOUDHSM_HSMS");
    stage.disconnect(&store).await;
    // One is enough.
    stage.cluster.inside().gone_at_login = false;
    assert_eq!(stage.connect(&store).await, "CONNECTED");
}

/// Whatever became of a change that was cut off, the right password is among those that are kept;
/// each is presented once.
#[tokio::test]
async fn a_change_of_password_that_was_cut_off_goes_on() {
    for made in [true, false] {
        for restarted in [true, false] {
            let mut stage = Stage::new().await;
            let store = stage.create("store").await;
            stage.cluster.inside().failing_change = Some((ConnectError::NetworkErrors, made));
            assert_eq!(stage.connect(&store).await, "FAILED: NETWORK_ERRORS");
            assert_eq!(password(&stage) != PASSWORD, made);
            assert!(!stage.cluster.is_logged_in());
            if restarted {
                stage = stage.restart().await;
            }
            stage.disconnect(&store).await;
            let before = stage.cluster.inside().presented;
            assert_eq!(stage.connect(&store).await, "CONNECTED");
            assert!(stage.cluster.inside().presented <= before + 2);
            assert_ne!(password(&stage), PASSWORD);
            // Now there is one again.
            stage.disconnect(&store).await;
            let before = stage.cluster.inside().presented;
            assert_eq!(stage.connect(&store).await, "CONNECTED");
            assert_eq!(stage.cluster.inside().presented, before + 1);
        }
    }
}

#[tokio::test]
async fn an_internal_error_is_one() {
    let stage = Stage::new().await;
    let store = stage.create("store").await;
    let error = ConnectError::InternalError("the module crashed".to_owned());
    stage.cluster.inside().failing_change = Some((error, false));
    assert_eq!(stage.connect(&store).await, "FAILED: INTERNAL_ERROR");
}

#[tokio::test]
async fn a_restart_keeps_a_store_connected() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let blob = stage.encrypt(&key, "SGVsbG8=").await;
    let stage = stage.restart().await;
    assert_eq!(stage.settled(&store).await, "CONNECTED");
    assert_eq!(stage.decrypted(&blob).await.unwrap(), "SGVsbG8=");
}

/// A start without the cluster leaves the store connected and its keys useless until it is back.
#[tokio::test]
async fn a_restart_without_the_cluster_waits_for_it() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let blob = stage.encrypt(&key, "SGVsbG8=").await;
    stage.world.clusters.forget(CLUSTER);
    let stage = stage.restart().await;
    assert_eq!(stage.settled(&store).await, "CONNECTED");
    assert_eq!(
        stage.decrypted(&blob).await.unwrap_err(),
        "KMSInvalidStateException"
    );
    assert_eq!(stage.key_state(&key).await, "Enabled");
}
