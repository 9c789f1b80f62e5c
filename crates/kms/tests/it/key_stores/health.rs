//! GetHealthStatus: when it is asked, and what becomes of the answers.

use std::time::Duration;

use kms_api::ErrorName;
use serde_json::json;

use super::kit::Site;
use testkit::xks_proxy::{Behaviour, HOST};

fn health_checks(site: &Site) -> usize {
    let seen = site.proxy.seen();
    let checks = seen
        .iter()
        .filter(|seen| seen.body["requestMetadata"]["kmsOperation"] == "KmsHealthCheck");
    checks.count()
}

/// Connected stores alone, every few minutes; a failure changes no state.
#[tokio::test]
async fn xks_hlt_07_proxies_of_connected_stores_are_looked_at() {
    let minutes = Duration::from_secs(300);
    let site = Site::with(|config| config.key_stores.health_check_interval = minutes).await;
    let id = site.connected("store").await;
    tokio::time::pause();
    tokio::time::sleep(minutes * 2 + minutes / 2).await;
    assert_eq!(health_checks(&site), 2);
    site.proxy.behave(Behaviour::Closes);
    tokio::time::sleep(minutes).await;
    tokio::time::resume();
    assert_eq!(site.state(&id).await, "CONNECTED");
    site.proxy.behave(Behaviour::Works);
    site.disconnect(&id).await;
    site.until(&id, "DISCONNECTED").await;
    let checks = health_checks(&site);
    tokio::time::pause();
    tokio::time::sleep(minutes * 3).await;
    assert_eq!(health_checks(&site), checks);
}

#[tokio::test]
async fn xks_kms_06_answers_feed_the_metrics() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let text = site.kms.prometheus();
    for line in [
        format!(
            "XksExternalKeyManagerStates{{CustomKeyStoreId=\"{id}\",XksExternalKeyManagerState=\"Active\"}} 2"
        ),
        format!("XksProxyCredentialAge{{CustomKeyStoreId=\"{id}\"}} 0"),
        format!("XksProxyCertificateDaysToExpire{{CustomKeyStoreId=\"{id}\",CertificateName=\"{HOST}\"}}"),
        "KmsOperation=\"ConnectCustomKeyStore\",XksOperation=\"GetHealthStatus\"".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

/// The quota is the store's: all its keys share it, and what it refuses never reaches the proxy.
#[tokio::test]
async fn xks_kms_04_a_store_has_a_quota_of_its_own() {
    let site = Site::with(|config| {
        config.quotas.custom_key_store_requests_per_second = 0.001.try_into().unwrap();
    })
    .await;
    let id = site.connected("store").await;
    let (one, two) = (site.key(&id, "key-1").await, site.key(&id, "key-2").await);
    let encrypt = |key: &str| json!({"KeyId": key, "Plaintext": "AAAA"});
    site.call("Encrypt", encrypt(&one)).await.unwrap();
    let asked = site.proxy.seen().len();
    for key in [&one, &two] {
        assert_eq!(
            site.refused("Encrypt", encrypt(key)).await.0,
            ErrorName::ThrottlingException
        );
    }
    assert_eq!(site.proxy.seen().len(), asked);
    let text = site.kms.prometheus();
    let line = format!(
        "ExternalKeyStoreThrottle{{CustomKeyStoreId=\"{id}\",KmsOperation=\"Encrypt\",KeySpec=\"SYMMETRIC_DEFAULT\"}} 2"
    );
    assert!(text.contains(&line), "{text}");
}
