//! GetHealthStatus, and the probes beside it.

use std::time::Duration;

use ambient::SystemRandom;
use serde_json::{Value, json};
use std::sync::Arc;

use super::faulty::Mode;
use super::world::{World, admin, health_body};
use crate::Settings;
use crate::health_endpoints::Probe;

async fn statuses(world: &World) -> Vec<String> {
    let reply = world.ask("/health", &health_body()).await;
    reply.is_success();
    let details = reply.json()["ekmFleetDetails"].as_array().unwrap().clone();
    details
        .iter()
        .map(|entry| entry["healthStatus"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn xks_hlt_04_the_answer_has_every_member_and_1_to_10_entries() {
    let world = World::new().await;
    let reply = world.ask("/health", &health_body()).await;
    reply.is_success();
    let body = reply.json();
    assert!(body["xksProxyFleetSize"].as_u64().unwrap() > 0);
    for member in ["xksProxyVendor", "xksProxyModel", "ekmVendor"] {
        assert!(!body[member].as_str().unwrap().is_empty(), "{member}");
    }
    let details = body["ekmFleetDetails"].as_array().unwrap();
    assert!((1..=10).contains(&details.len()));
    for entry in details {
        assert!(!entry["id"].as_str().unwrap().is_empty());
        assert!(!entry["model"].as_str().unwrap().is_empty());
        assert_eq!(entry["healthStatus"], "ACTIVE");
    }
}

#[tokio::test]
async fn xks_hlt_04_no_more_than_ten_entries_whatever_is_bound() {
    let world = World::new().await;
    for n in 0..11 {
        let (manager, key) = (format!("hsm-{n}"), format!("key-of-{n}"));
        world
            .warden
            .create_key_manager(&admin(), "virtual-hsm", &manager)
            .await
            .unwrap();
        let usage = "encrypt,decrypt".parse().unwrap();
        world
            .warden
            .create_key(&admin(), &manager, &key, usage)
            .await
            .unwrap();
        world.bind("main", &key, &key, None).await;
    }
    assert_eq!(statuses(&world).await.len(), 10);
}

/// The warden probes every few milliseconds here, so the test waits for events and not for time.
#[tokio::test]
async fn xks_hlt_01_a_key_manager_that_fails_is_unavailable_and_comes_back() {
    let settings = warden::Settings {
        probe_interval: Duration::from_millis(2),
        probe_timeout: Duration::from_millis(20),
        ..warden::Settings::default()
    };
    let world = World::with_all(&Settings::default(), settings, Arc::new(SystemRandom)).await;
    for (mode, expected) in [
        (Mode::Fails, "UNAVAILABLE"),
        (Mode::Well, "ACTIVE"),
        (Mode::Hangs, "UNAVAILABLE"),
        (Mode::Well, "ACTIVE"),
    ] {
        world.fault.set(mode);
        let becomes = async {
            while statuses(&world).await != [expected] {
                tokio::task::yield_now().await;
            }
        };
        let within = tokio::time::timeout(Duration::from_secs(30), becomes).await;
        assert!(within.is_ok(), "never {expected} with {mode:?}");
    }
}

#[tokio::test]
async fn xks_hlt_02_no_external_key_leads_to_the_test_key() {
    let world = World::new().await;
    let keys = world.warden.keys(None).unwrap();
    let mut names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["both", "decrypt", "encrypt", "none"],
        "the canary's key is not listed"
    );
}

#[tokio::test]
async fn xks_hlt_03_policy_is_not_asked() {
    let world = World::new().await;
    world.key_store("closed", "/closed").await;
    let credential = super::world::TestCredential::numbered(1);
    world.add_credential("closed", &credential).await;
    world.bind("closed", "both", "both", Some(Vec::new())).await;
    let mut request = world.request("/health", &health_body());
    request.path = "/closed/kms/xks/v1/health".to_owned();
    request.sign(
        &credential,
        super::world::REGION,
        ambient::Clock::now(&*world.clock),
    );
    world.send(&request).await.is_success();
}

#[tokio::test]
async fn xks_hlt_06_a_result_older_than_a_minute_is_not_reported() {
    let world = World::new().await;
    assert_eq!(statuses(&world).await, ["ACTIVE"]);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(statuses(&world).await, ["ACTIVE"]);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(statuses(&world).await, ["UNAVAILABLE"]);
}

#[tokio::test]
async fn xks_lb_01_probes_need_no_signature_and_are_apart_from_the_api() {
    let world = World::new().await;
    let probe = |path: &str, reasons| {
        let probe = Probe::of(&http::Method::GET, path).unwrap();
        let response = world.proxy.probe(probe, reasons);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body)
    };
    assert_eq!(probe("/healthz", false), (200, json!({})));
    assert_eq!(probe("/readyz", false), (200, json!({"ready": true})));
    world.proxy.seal();
    assert_eq!(probe("/healthz", false), (200, json!({})));
    assert_eq!(probe("/readyz", false), (503, json!({"ready": false})));
    assert_eq!(
        probe("/readyz", true),
        (503, json!({"ready": false, "reasons": ["sealed"]}))
    );
    world.proxy.set_sealed_reason("the token is gone");
    assert_eq!(probe("/readyz", false).1, json!({"ready": false}));
    assert_eq!(
        probe("/readyz", true).1,
        json!({"ready": false, "reasons": ["sealed: the token is gone"]})
    );
    world.proxy.unseal(Arc::clone(&world.warden));
    world.warden.shutdown().await;
    assert_eq!(probe("/healthz", false).0, 200);
    let (status, body) = probe("/readyz", true);
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    assert!(!body["reasons"].as_array().unwrap().is_empty());
    assert_eq!(
        world.proxy.metrics().snapshot().total(),
        0,
        "probes are no XKS requests"
    );
}

#[test]
fn probes_are_two_paths_read_by_get_or_head() {
    use http::Method;
    assert_eq!(Probe::of(&Method::HEAD, "/readyz"), Some(Probe::Ready));
    assert_eq!(Probe::of(&Method::POST, "/healthz"), Some(Probe::Other));
    for path in ["/", "/healthz/", "/kms/xks/v1/health", "/Healthz"] {
        assert_eq!(Probe::of(&Method::GET, path), None);
    }
}
