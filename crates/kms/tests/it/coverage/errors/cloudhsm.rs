//! AWS CloudHSM key stores.

use kms_api::Operation;
use serde_json::{Value, json};

use super::errors;
use crate::coverage::scene::{Scene, text, with};
use crate::support::clusters::{PASSWORD, certificate};

const CLUSTER: &str = "cluster-2a34b5cdefg";
/// Shares no backup history with anything.
const STRANGER: &str = "cluster-3a34b5cdefg";
/// Shares one with [`CLUSTER`].
const RELATED: &str = "cluster-4a34b5cdefg";

fn request(name: &str, cluster: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CloudHsmClusterId": cluster,
        "TrustAnchorCertificate": certificate("TWlu"),
        "KeyStorePassword": PASSWORD,
    })
}

fn declare(scene: &Scene) {
    for cluster in [CLUSTER, STRANGER] {
        scene.world.clusters.declare(cluster);
    }
    scene.world.clusters.declare_with(RELATED, "TWlu", &[CLUSTER]);
}

/// HSMs of a cluster of its own.
fn hsms(scene: &Scene, id: &str, active: usize) {
    scene
        .world
        .clusters
        .declare_with(id, "TWlu", &[CLUSTER])
        .inside()
        .active = active;
}

fn not_initialized(scene: &Scene, id: &str) {
    let cluster = scene.world.clusters.declare_with(id, "TWlu", &[CLUSTER]);
    cluster.inside().initialized = false;
}

/// A key store over [`CLUSTER`], not connected.
async fn store(scene: &Scene) -> String {
    declare(scene);
    let made = scene
        .call(Operation::CreateCustomKeyStore, request("hsm", CLUSTER))
        .await;
    text(&made["CustomKeyStoreId"])
}

async fn connected(scene: &Scene) -> String {
    let store = store(scene).await;
    let body = json!({ "CustomKeyStoreId": store });
    scene.call(Operation::ConnectCustomKeyStore, body).await;
    assert_eq!(scene.settled(&store).await, "CONNECTED");
    store
}

errors! {
    kms_err_create_custom_key_store_cloud_hsm_cluster_in_use_exception(scene):
        CreateCustomKeyStore, CloudHsmClusterInUseException, {
        store(scene).await;
        request("second", RELATED)
    };
    kms_err_create_custom_key_store_incorrect_trust_anchor_exception(scene):
        CreateCustomKeyStore, IncorrectTrustAnchorException, {
        declare(scene);
        with(request("hsm", CLUSTER), json!({ "TrustAnchorCertificate": certificate("T3RoZXI=") }))
    };
    kms_err_create_custom_key_store_cloud_hsm_cluster_not_active_exception(scene):
        CreateCustomKeyStore, CloudHsmClusterNotActiveException, {
        not_initialized(scene, CLUSTER);
        request("hsm", CLUSTER)
    };
    kms_err_create_custom_key_store_cloud_hsm_cluster_invalid_configuration_exception(scene):
        CreateCustomKeyStore, CloudHsmClusterInvalidConfigurationException, {
        hsms(scene, CLUSTER, 1);
        request("hsm", CLUSTER)
    };

    kms_err_update_custom_key_store_cloud_hsm_cluster_not_found_exception(scene):
        UpdateCustomKeyStore, CloudHsmClusterNotFoundException,
        json!({ "CustomKeyStoreId": store(scene).await, "CloudHsmClusterId": "cluster-7a34b5cdefg" });
    kms_err_update_custom_key_store_cloud_hsm_cluster_not_related_exception(scene):
        UpdateCustomKeyStore, CloudHsmClusterNotRelatedException,
        json!({ "CustomKeyStoreId": store(scene).await, "CloudHsmClusterId": STRANGER });
    kms_err_update_custom_key_store_cloud_hsm_cluster_not_active_exception(scene):
        UpdateCustomKeyStore, CloudHsmClusterNotActiveException, {
        let store = store(scene).await;
        not_initialized(scene, RELATED);
        json!({ "CustomKeyStoreId": store, "CloudHsmClusterId": RELATED })
    };
    kms_err_update_custom_key_store_cloud_hsm_cluster_invalid_configuration_exception(scene):
        UpdateCustomKeyStore, CloudHsmClusterInvalidConfigurationException, {
        let store = store(scene).await;
        hsms(scene, RELATED, 1);
        json!({ "CustomKeyStoreId": store, "CloudHsmClusterId": RELATED })
    };

    kms_err_connect_custom_key_store_cloud_hsm_cluster_not_active_exception(scene):
        ConnectCustomKeyStore, CloudHsmClusterNotActiveException, {
        let store = store(scene).await;
        not_initialized(scene, CLUSTER);
        json!({ "CustomKeyStoreId": store })
    };
    kms_err_connect_custom_key_store_cloud_hsm_cluster_invalid_configuration_exception(scene):
        ConnectCustomKeyStore, CloudHsmClusterInvalidConfigurationException, {
        let store = store(scene).await;
        hsms(scene, CLUSTER, 0);
        json!({ "CustomKeyStoreId": store })
    };
    kms_err_create_key_cloud_hsm_cluster_invalid_configuration_exception(scene):
        CreateKey, CloudHsmClusterInvalidConfigurationException, {
        let store = connected(scene).await;
        hsms(scene, CLUSTER, 1);
        json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store })
    };
    kms_err_generate_random_custom_key_store_invalid_state_exception(scene):
        GenerateRandom, CustomKeyStoreInvalidStateException,
        json!({ "NumberOfBytes": 16, "CustomKeyStoreId": store(scene).await });
}
