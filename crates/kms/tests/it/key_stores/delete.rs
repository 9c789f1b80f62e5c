//! DeleteCustomKeyStore.

use kms_api::ErrorName;
use serde_json::json;

use super::kit::{Site, one};

#[tokio::test]
async fn a_store_with_keys_stays_even_if_they_wait_for_their_deletion() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    site.disconnect(&id).await;
    site.until(&id, "DISCONNECTED").await;
    assert_eq!(
        site.refused("DeleteCustomKeyStore", one(&id)).await.0,
        ErrorName::CustomKeyStoreHasCMKsException
    );
    site.call(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    )
    .await
    .unwrap();
    assert_eq!(
        site.refused("DeleteCustomKeyStore", one(&id)).await.0,
        ErrorName::CustomKeyStoreHasCMKsException
    );
}

#[tokio::test]
async fn a_deleted_store_is_gone_and_leaves_its_name_and_address() {
    let site = Site::new().await;
    let id = site.create("store").await;
    assert_eq!(
        site.call("DeleteCustomKeyStore", one(&id)).await.unwrap(),
        json!({})
    );
    assert_eq!(
        site.refused("DescribeCustomKeyStores", one(&id)).await.0,
        ErrorName::CustomKeyStoreNotFoundException
    );
    assert!(!site.kms.prometheus().contains(&id));
    let again = site.create("store").await;
    assert_ne!(again, id);
    let site = site.restart().await;
    assert_eq!(
        site.refused("DescribeCustomKeyStores", one(&id)).await.0,
        ErrorName::CustomKeyStoreNotFoundException
    );
    assert_eq!(site.state(&again).await, "DISCONNECTED");
}
