//! DescribeCustomKeyStores.

use kms_api::ErrorName;
use serde_json::{Value, json};
use testkit::xks_proxy::Behaviour;

use super::kit::{Site, public, with};

#[tokio::test]
async fn stores_are_listed_in_pages_and_found_by_name() {
    let site = Site::new().await;
    let health = json!({
        "xksProxyFleetSize": 1, "xksProxyVendor": "v", "xksProxyModel": "m", "ekmVendor": "v",
        "ekmFleetDetails": [{"id": "1", "model": "m", "healthStatus": "ACTIVE"}],
    });
    site.proxy
        .behave(Behaviour::Status(200, health.to_string().into_bytes()));
    let mut made = Vec::new();
    for n in 0..5 {
        let body = with(
            public(&format!("store {n}")),
            "XksProxyUriPath",
            format!("/s{n}/kms/xks/v1"),
        );
        made.push(site.created(body).await);
    }
    made.sort_unstable();
    let mut listed = Vec::new();
    let mut marker = Value::Null;
    loop {
        let body = json!({"Limit": 2, "Marker": marker});
        let page = site.call("DescribeCustomKeyStores", body).await.unwrap();
        let entries = page["CustomKeyStores"].as_array().unwrap();
        listed.extend(
            entries
                .iter()
                .map(|entry| entry["CustomKeyStoreId"].as_str().unwrap().to_owned()),
        );
        if page["Truncated"] == json!(false) {
            assert!(page.get("NextMarker").is_none());
            break;
        }
        assert_eq!(entries.len(), 2);
        marker = page["NextMarker"].clone();
    }
    assert_eq!(listed, made);
    let named = json!({ "CustomKeyStoreName": "store 3" });
    let found = site.call("DescribeCustomKeyStores", named).await.unwrap();
    assert_eq!(found["CustomKeyStores"][0]["CustomKeyStoreName"], "store 3");
    assert_eq!(found["CustomKeyStores"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_listing() {
    let site = Site::new().await;
    let id = site.create("store").await;
    for (body, name) in [
        (
            json!({"CustomKeyStoreId": id, "CustomKeyStoreName": "store"}),
            ErrorName::ValidationException,
        ),
        (
            json!({"CustomKeyStoreName": "Store"}),
            ErrorName::CustomKeyStoreNotFoundException,
        ),
        (
            json!({"Marker": "of another listing"}),
            ErrorName::InvalidMarkerException,
        ),
    ] {
        assert_eq!(
            site.refused("DescribeCustomKeyStores", body.clone()).await.0,
            name,
            "{body}"
        );
    }
}
