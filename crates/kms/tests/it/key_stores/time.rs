//! A stopped proxy: under a paused clock, to the millisecond.

use kms_api::ErrorName;
use serde_json::json;
use testkit::xks_proxy::Behaviour;

use super::kit::Site;

#[tokio::test]
async fn xks_kms_03_a_stopped_proxy_is_tried_at_0_and_250_ms_and_answered_at_500_and_works_again_when_it_returns()
 {
    let site = Site::with(|config| config.key_stores.proxy_deadline = xks_client::DEADLINE).await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    let body = json!({"KeyId": key, "Plaintext": "AAAA"});
    let connections = site.proxy.attempts().len();
    site.proxy.close_idle().await;
    tokio::time::pause();
    site.proxy.behave(Behaviour::Stopped);
    let began = site.clock.elapsed();
    let (name, message) = site.refused("Encrypt", body.clone()).await;
    // Tokio's timers tick in milliseconds; a call does not begin at a tick.
    let took = (site.clock.elapsed() - began).as_millis();
    assert!((500..=502).contains(&took), "{took} ms");
    assert_eq!(name, ErrorName::KmsInvalidStateException);
    assert!(
        message.contains("did not respond in the time allotted"),
        "{message}"
    );
    let tried: Vec<u128> = site.proxy.attempts()[connections..]
        .iter()
        .map(|at| (*at - began).as_millis())
        .collect();
    assert!(matches!(tried.as_slice(), [0, 250..=251]), "{tried:?}");

    // Nobody reconnects anything.
    site.proxy.behave(Behaviour::Works);
    site.call("Encrypt", body).await.unwrap();
    assert_eq!(site.state(&id).await, "CONNECTED");
    let text = site.kms.prometheus();
    let error = format!(
        "XksProxyErrors{{CustomKeyStoreId=\"{id}\",KmsOperation=\"Encrypt\",XksOperation=\"Encrypt\""
    );
    let counted = text
        .lines()
        .find(|line| line.starts_with(&error))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(
        counted.contains("XksProxyUnreachableException") && counted.ends_with(" 1"),
        "{counted}"
    );
}
