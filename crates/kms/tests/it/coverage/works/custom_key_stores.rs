//! Custom key stores.

use kms_api::{ErrorName, Operation};
use serde_json::{Value, json};
use testkit::xks_proxy::{ACCESS_KEY_ID, HOST};

use super::keys::pages;
use crate::coverage::scene::{Scene, URI_PATH, text};

async fn describe(scene: &Scene, store: &str) -> Value {
    let body = json!({ "CustomKeyStoreId": store });
    let answer = scene.call(Operation::DescribeCustomKeyStores, body).await;
    answer["CustomKeyStores"][0].clone()
}

#[tokio::test]
async fn kms_works_create_custom_key_store() {
    let scene = Scene::new().await;
    let store = scene.store().await;
    assert!(store.starts_with("cks-"), "{store}");
    assert_eq!(describe(&scene, &store).await["ConnectionState"], "DISCONNECTED");
}

#[tokio::test]
async fn kms_works_describe_custom_key_stores() {
    let scene = Scene::new().await;
    let store = scene.store().await;
    let listed = pages(
        &scene,
        Operation::DescribeCustomKeyStores,
        json!({ "Limit": 1 }),
        "CustomKeyStores",
    )
    .await;
    assert_eq!(
        listed,
        [json!({
            "CustomKeyStoreId": store,
            "CustomKeyStoreName": "store",
            "ConnectionState": "DISCONNECTED",
            "CreationDate": crate::support::START.as_secs(),
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConfiguration": {
                "Connectivity": "PUBLIC_ENDPOINT",
                "AccessKeyId": ACCESS_KEY_ID,
                "UriEndpoint": format!("https://{HOST}"),
                "UriPath": URI_PATH,
            },
        })]
    );
    let by_name = json!({ "CustomKeyStoreName": "store" });
    let answer = scene.call(Operation::DescribeCustomKeyStores, by_name).await;
    assert_eq!(answer["CustomKeyStores"][0], listed[0]);
}

#[tokio::test]
async fn kms_works_update_custom_key_store() {
    let scene = Scene::new().await;
    let store = scene.store().await;
    let body = json!({ "CustomKeyStoreId": store, "NewCustomKeyStoreName": "renamed" });
    assert_eq!(scene.call(Operation::UpdateCustomKeyStore, body).await, json!({}));
    assert_eq!(describe(&scene, &store).await["CustomKeyStoreName"], "renamed");
}

#[tokio::test]
async fn kms_works_connect_custom_key_store() {
    let scene = Scene::new().await;
    let store = scene.store().await;
    let body = json!({ "CustomKeyStoreId": store });
    assert_eq!(
        scene.call(Operation::ConnectCustomKeyStore, body).await,
        json!({})
    );
    assert_eq!(scene.settled(&store).await, "CONNECTED");
}

#[tokio::test]
async fn kms_works_disconnect_custom_key_store() {
    let scene = Scene::new().await;
    let store = scene.connected_store().await;
    let subject = scene.subject_in(&store).await;
    let body = json!({ "CustomKeyStoreId": store });
    assert_eq!(
        scene.call(Operation::DisconnectCustomKeyStore, body).await,
        json!({})
    );
    assert_eq!(scene.settled(&store).await, "DISCONNECTED");
    let body = subject.request(Operation::Decrypt);
    scene
        .refused(Operation::Decrypt, ErrorName::KmsInvalidStateException, body)
        .await;
}

#[tokio::test]
async fn kms_works_delete_custom_key_store() {
    let scene = Scene::new().await;
    let store = scene.store().await;
    let body = json!({ "CustomKeyStoreId": store });
    assert_eq!(
        scene.call(Operation::DeleteCustomKeyStore, body.clone()).await,
        json!({})
    );
    let gone = ErrorName::CustomKeyStoreNotFoundException;
    scene
        .refused(Operation::DescribeCustomKeyStores, gone, body)
        .await;
    let all = scene.call(Operation::DescribeCustomKeyStores, json!({})).await;
    assert_eq!(text(&all["CustomKeyStores"].to_string().into()), "[]");
}
