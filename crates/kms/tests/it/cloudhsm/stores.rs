//! Key stores: made, described, changed, deleted.

use serde_json::json;

use super::kit::{CLUSTER, Stage, one, request};
use crate::coverage::scene::with;
use crate::support::clusters::certificate;

#[tokio::test]
async fn a_store_is_described_without_its_password() {
    let stage = Stage::new().await;
    let store = stage.create("store").await;
    let described = json!({
        "CustomKeyStoreId": store,
        "CustomKeyStoreName": "store",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": certificate("TWlu"),
        "ConnectionState": "DISCONNECTED",
        "CreationDate": crate::support::START.as_secs(),
        "CustomKeyStoreType": "AWS_CLOUDHSM",
    });
    assert_eq!(stage.describe(&store).await, described);
    let stage = stage.restart().await;
    assert_eq!(stage.describe(&store).await, described);
    // Nothing was presented yet.
    assert_eq!(stage.cluster.inside().presented, 0);
}

#[tokio::test]
async fn the_members_of_the_other_type_are_refused() {
    let stage = Stage::new().await;
    let path = json!({ "XksProxyUriPath": "/tenant/kms/xks/v1" });
    for (operation, body) in [
        ("CreateCustomKeyStore", request("store")),
        ("UpdateCustomKeyStore", one(&stage.create("store").await)),
    ] {
        let error = stage.world.refused(operation, with(body, path.clone())).await;
        assert!(
            error.starts_with("ValidationException") && error.contains("XksProxyUriPath"),
            "{error}"
        );
    }
}

/// One certificate, however its lines are broken.
#[tokio::test]
async fn the_trust_anchor_is_compared_as_a_certificate() {
    let stage = Stage::new().await;
    let broken = "-----BEGIN CERTIFICATE-----\r\nTW\r\nlu\r\n-----END CERTIFICATE-----";
    for wrong in ["TWlu", "certificate", &certificate("TWlv"), &certificate("")] {
        let body = with(request("store"), json!({ "TrustAnchorCertificate": wrong }));
        let refused = stage.world.refused_name("CreateCustomKeyStore", body).await;
        assert_eq!(refused, "IncorrectTrustAnchorException", "{wrong}");
    }
    let body = with(request("store"), json!({ "TrustAnchorCertificate": broken }));
    stage.ok("CreateCustomKeyStore", body).await;
}

#[tokio::test]
async fn a_store_changes_to_a_related_cluster_and_back() {
    const OTHER: &str = "cluster-3a34b5cdefg";
    let stage = Stage::new().await;
    stage.world.clusters.declare_with(OTHER, "TWlu", &[CLUSTER]);
    let store = stage.create("store").await;
    let to_other = with(one(&store), json!({ "CloudHsmClusterId": OTHER }));
    stage.connect(&store).await;
    let refused = stage
        .world
        .refused_name("UpdateCustomKeyStore", to_other.clone())
        .await;
    assert_eq!(refused, "CustomKeyStoreInvalidStateException");
    let renamed = with(one(&store), json!({ "NewCustomKeyStoreName": "renamed" }));
    stage.ok("UpdateCustomKeyStore", renamed).await;
    stage.disconnect(&store).await;
    stage.ok("UpdateCustomKeyStore", to_other).await;
    let described = stage.describe(&store).await;
    assert_eq!(described["CloudHsmClusterId"], OTHER);
    assert_eq!(described["CustomKeyStoreName"], "renamed");
    // The one before does not name the other as related.
    let back = with(one(&store), json!({ "CloudHsmClusterId": CLUSTER }));
    let refused = stage.world.refused_name("UpdateCustomKeyStore", back).await;
    assert_eq!(refused, "CloudHsmClusterNotRelatedException");
}

#[tokio::test]
async fn a_store_is_deleted_and_leaves_the_cluster_to_another() {
    let stage = Stage::new().await;
    let store = stage.create("store").await;
    let taken = stage
        .world
        .refused_name("CreateCustomKeyStore", request("second"))
        .await;
    assert_eq!(taken, "CloudHsmClusterInUseException");
    stage.ok("DeleteCustomKeyStore", one(&store)).await;
    stage.create("second").await;
}

#[tokio::test]
async fn records_name_the_cluster() {
    let (stage, store) = Stage::connected().await;
    stage.disconnect(&store).await;
    stage.world.kms.trail().flush().await;
    let records = stage.world.records();
    let of = |name: &str| records.iter().find(|record| record["eventName"] == name).unwrap();
    assert_eq!(
        of("CreateCustomKeyStore")["requestParameters"]["clusterId"],
        CLUSTER
    );
    for name in ["ConnectCustomKeyStore", "DisconnectCustomKeyStore"] {
        assert_eq!(of(name)["additionalEventData"]["clusterId"], CLUSTER);
        assert_eq!(of(name)["additionalEventData"]["customKeyStoreName"], "store");
    }
    let all = serde_json::to_string(&records).unwrap();
    assert!(!all.contains(crate::support::clusters::PASSWORD));
}
