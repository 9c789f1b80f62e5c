//! Faults to order, as the endpoint's administrator orders them and every client sees them.

use std::time::Duration;

use kms::FaultKind;
use kms_api::ErrorName;
use serde_json::json;

use super::kit::Site;

#[tokio::test]
async fn a_fault_is_what_every_client_sees_for_a_while() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    let encrypt = || site.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}));
    let throttled: FaultKind = "throttled".parse().unwrap();
    let shown = site
        .kms
        .order_fault("store", throttled, Some(Duration::from_secs(60)))
        .unwrap();
    assert_eq!(shown.custom_key_store_id, id);
    let error = encrypt().await.unwrap_err();
    assert_eq!(error.name(), ErrorName::KmsInvalidStateException);
    assert!(error.message().unwrap().contains("request rate"), "{error:?}");
    let faults = site.kms.faults();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].fault.to_string(), "throttled");
    assert!(faults[0].left.unwrap() <= Duration::from_secs(60));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    encrypt().await.unwrap();
    assert!(site.kms.faults().is_empty());
}

#[tokio::test]
async fn a_fault_is_taken_back_and_does_not_survive_a_restart() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    let body = json!({"KeyId": key, "Plaintext": "AAAA"});
    let fault = "unreachable".parse().unwrap();
    site.kms.order_fault(&id, fault, None).unwrap();
    site.refused("Encrypt", body.clone()).await;
    site.kms.clear_fault(&id).unwrap();
    site.call("Encrypt", body.clone()).await.unwrap();
    site.kms.order_fault(&id, fault, None).unwrap();
    let site = site.restart().await;
    assert!(site.kms.faults().is_empty());
    site.call("Encrypt", body).await.unwrap();
    assert!(site.kms.order_fault("nobody", fault, None).is_err());
}

#[test]
fn faults_have_words() {
    for word in [
        "slow=300ms",
        "unreachable",
        "throttled",
        "bad-certificate",
        "malformed",
        "corrupted",
        "key-managers-unavailable",
        "AccessDeniedException",
    ] {
        assert_eq!(word.parse::<FaultKind>().unwrap().to_string(), word);
    }
    for wrong in ["slow", "slow=", "slow=1", "Throttled", "", "NoSuchException"] {
        assert!(wrong.parse::<FaultKind>().is_err(), "{wrong}");
    }
}
