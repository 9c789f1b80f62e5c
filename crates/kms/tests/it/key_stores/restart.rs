//! Connection states come back as they were.

use std::time::Duration;

use serde_json::json;
use testkit::xks_proxy::Behaviour;
use xks_api::ErrorName as Xks;

use super::kit::Site;

#[tokio::test]
async fn a_connected_store_works_after_a_restart_without_asking_anybody() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    let encrypted = site
        .call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await
        .unwrap();
    let asked = site.proxy.seen().len();
    let site = site.restart().await;
    assert_eq!(site.state(&id).await, "CONNECTED");
    let decrypted = site
        .call("Decrypt", json!({"CiphertextBlob": encrypted["CiphertextBlob"]}))
        .await
        .unwrap();
    assert_eq!(decrypted["Plaintext"], "AAAA");
    assert_eq!(site.proxy.seen().len(), asked + 1);
}

#[tokio::test]
async fn a_failed_store_keeps_its_reason() {
    let site = Site::new().await;
    let id = site.create("store").await;
    site.proxy.behave(Behaviour::Answers(Xks::AccessDeniedException));
    site.connect(&id).await;
    site.until(&id, "FAILED").await;
    let site = site.restart().await;
    let entry = site.entry(&id).await;
    assert_eq!(entry["ConnectionState"], "FAILED");
    assert_eq!(entry["ConnectionErrorCode"], "XKS_PROXY_ACCESS_DENIED");
}

#[tokio::test]
async fn what_was_under_way_goes_on() {
    let long = Duration::from_secs(1_000_000);
    let site = Site::with(|config| config.key_stores.connect_duration = long).await;
    let id = site.create("store").await;
    site.connect(&id).await;
    let site = site
        .restart_with(|config| {
            config.key_stores.connect_duration = Duration::ZERO;
            config.key_stores.disconnect_duration = long;
        })
        .await;
    site.until(&id, "CONNECTED").await;
    site.disconnect(&id).await;
    assert_eq!(site.state(&id).await, "DISCONNECTING");
    let site = site
        .restart_with(|config| config.key_stores.disconnect_duration = Duration::ZERO)
        .await;
    site.until(&id, "DISCONNECTED").await;
}
