//! Connection states: every operation in every state, and the way between them.

use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use kms_api::ErrorName;
use serde_json::{Value, json};
use testkit::xks_proxy::{Behaviour, CertificateKind};
use xks_api::ErrorName as Xks;

use super::kit::{Site, one, with};

/// How a test gets a key store into a state and keeps it there.
async fn in_state(site: &Site, state: &str) -> String {
    let id = site.create(state).await;
    match state {
        "DISCONNECTED" => {}
        "CONNECTED" | "CONNECTING" => site.connect(&id).await,
        "FAILED" => {
            site.proxy.behave(Behaviour::Answers(Xks::AccessDeniedException));
            site.connect(&id).await;
        }
        "DISCONNECTING" => {
            site.connect(&id).await;
            site.until(&id, "CONNECTED").await;
            site.disconnect(&id).await;
        }
        other => panic!("{other}"),
    }
    site.until(&id, state).await;
    site.proxy.behave(Behaviour::Works);
    id
}

async fn site_for(state: &str) -> Site {
    let long = Duration::from_secs(1_000_000);
    Site::with(|config| match state {
        "CONNECTING" => config.key_stores.connect_duration = long,
        "DISCONNECTING" => config.key_stores.disconnect_duration = long,
        _ => {}
    })
    .await
}

/// The table of the reference: what works in which state.
#[tokio::test]
async fn every_operation_in_every_state() {
    const STATES: [&str; 5] = [
        "CONNECTED",
        "CONNECTING",
        "FAILED",
        "DISCONNECTED",
        "DISCONNECTING",
    ];
    let update = |member: &str, value: Value| with(json!({}), member, value);
    let credential = super::kit::credential();
    let rows: [(&str, Value, [bool; 5]); 8] = [
        (
            "ConnectCustomKeyStore",
            json!({}),
            [true, true, false, true, false],
        ),
        (
            "DisconnectCustomKeyStore",
            json!({}),
            [true, true, true, false, false],
        ),
        (
            "UpdateCustomKeyStore",
            update("NewCustomKeyStoreName", json!("new")),
            [true, false, false, true, false],
        ),
        (
            "UpdateCustomKeyStore",
            update("XksProxyAuthenticationCredential", credential),
            [true, false, false, true, false],
        ),
        (
            "UpdateCustomKeyStore",
            update("XksProxyUriPath", json!(super::kit::uri_path())),
            [true, false, false, true, false],
        ),
        (
            "UpdateCustomKeyStore",
            update("XksProxyUriEndpoint", json!(super::kit::uri_endpoint())),
            [false, false, false, true, false],
        ),
        (
            "DeleteCustomKeyStore",
            json!({}),
            [false, false, false, true, false],
        ),
        (
            "CreateKey",
            json!({"Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "key-1"}),
            [true, false, false, false, false],
        ),
    ];
    for (operation, body, allowed) in rows {
        for (state, allowed) in STATES.into_iter().zip(allowed) {
            let site = site_for(state).await;
            let id = in_state(&site, state).await;
            let body = with(body.clone(), "CustomKeyStoreId", id);
            let result = site.call(operation, body.clone()).await;
            if allowed {
                assert!(result.is_ok(), "{operation} {body} in {state}: {result:?}");
            } else {
                let name = result.unwrap_err().name();
                assert_eq!(
                    name,
                    ErrorName::CustomKeyStoreInvalidStateException,
                    "{operation} {body} in {state}"
                );
            }
        }
    }
}

#[tokio::test]
async fn keys_are_unavailable_while_their_store_is_not_connected_and_come_back_as_they_were() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let enabled = site.key(&id, "key-1").await;
    let disabled = site.key(&id, "key-2").await;
    site.call("DisableKey", json!({ "KeyId": disabled }))
        .await
        .unwrap();
    let state = async |key: &str| {
        let answer = site.call("DescribeKey", json!({ "KeyId": key })).await.unwrap();
        answer["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&enabled).await, "Enabled");
    site.disconnect(&id).await;
    site.until(&id, "DISCONNECTED").await;
    assert_eq!(state(&enabled).await, "Unavailable");
    assert_eq!(state(&disabled).await, "Unavailable");
    let body = json!({"KeyId": enabled, "Plaintext": "AAAA"});
    assert_eq!(
        site.refused("Encrypt", body.clone()).await.0,
        ErrorName::KmsInvalidStateException
    );
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
    assert_eq!(state(&enabled).await, "Enabled");
    assert_eq!(state(&disabled).await, "Disabled");
    site.call("Encrypt", body).await.unwrap();
}

/// The answer comes at once, the outcome when AWS would have it.
#[tokio::test]
async fn connecting_takes_its_time() {
    let site = Site::with(|config| config.key_stores.connect_duration = Duration::from_secs(300)).await;
    let id = site.create("store").await;
    let asked = site.proxy.seen().len();
    site.connect(&id).await;
    tokio::time::pause();
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(299)).await;
    tokio::task::yield_now().await;
    assert_eq!(site.state(&id).await, "CONNECTING");
    assert_eq!(site.proxy.seen().len(), asked, "the proxy is asked at the end");
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    site.until(&id, "CONNECTED").await;
    let metadata = &site.proxy.seen()[asked].body["requestMetadata"];
    assert_eq!(metadata["kmsOperation"], "ConnectCustomKeyStore");
}

#[tokio::test]
async fn disconnecting_ends_a_connection_under_way() {
    let site = Site::with(|config| config.key_stores.connect_duration = Duration::from_secs(300)).await;
    let id = site.create("store").await;
    let asked = site.proxy.seen().len();
    site.connect(&id).await;
    site.disconnect(&id).await;
    site.until(&id, "DISCONNECTED").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(400)).await;
    tokio::time::resume();
    assert_eq!(site.state(&id).await, "DISCONNECTED");
    assert_eq!(site.proxy.seen().len(), asked);
}

/// A proxy that breaks leaves its store connected.
#[tokio::test]
async fn a_broken_proxy_does_not_disconnect() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    site.proxy.behave(Behaviour::Closes);
    site.refused("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await;
    assert_eq!(site.state(&id).await, "CONNECTED");
}

/// Each way to fail has its code; the way out is to disconnect and to connect again.
#[tokio::test]
async fn a_failed_connection_says_why() {
    let site = Site::new().await;
    let id = site.create("store").await;
    site.proxy.show(CertificateKind::Expired);
    site.proxy.close_idle().await;
    site.connect(&id).await;
    site.until(&id, "FAILED").await;
    let entry = site.entry(&id).await;
    assert_eq!(
        entry["ConnectionErrorCode"],
        "XKS_PROXY_INVALID_TLS_CONFIGURATION"
    );
    site.proxy.show(CertificateKind::Good);
    site.disconnect(&id).await;
    site.until(&id, "DISCONNECTED").await;
    assert!(site.entry(&id).await.get("ConnectionErrorCode").is_none());
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
}

#[tokio::test]
async fn unknown_stores_are_not_found() {
    let site = Site::new().await;
    let id = site.create("store").await;
    for operation in [
        "ConnectCustomKeyStore",
        "DisconnectCustomKeyStore",
        "UpdateCustomKeyStore",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
    ] {
        assert_eq!(
            site.refused(operation, one("cks-00000000000000000")).await.0,
            ErrorName::CustomKeyStoreNotFoundException,
            "{operation}"
        );
        // Others' are not found either.
        let other = site
            .call_as(
                crate::support::OTHER_ACCOUNT,
                crate::support::REGION,
                operation,
                one(&id),
            )
            .await;
        assert_eq!(
            other.unwrap_err().name(),
            ErrorName::CustomKeyStoreNotFoundException,
            "{operation}"
        );
    }
}

/// Whoever asks and hangs up leaves no store on its way for ever.
#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing_half_done() {
    let site = Site::new().await;
    let id = site.create("store").await;
    for polls in 1..40 {
        let mut connecting = Box::pin(site.call("ConnectCustomKeyStore", one(&id)));
        for _ in 0..polls {
            if poll_fn(|cx| Poll::Ready(connecting.as_mut().poll(cx).is_ready())).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(connecting);
        // The change that may be under way is waited for by the next.
        drop(site.call("ConnectCustomKeyStore", one(&id)).await);
        site.until(&id, "CONNECTED").await;
        site.disconnect(&id).await;
        site.until(&id, "DISCONNECTED").await;
    }
}

/// Connect and disconnect in a race end in a state that stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contrary_wishes_come_to_rest() {
    let site = Site::new().await;
    let id = site.create("store").await;
    for _ in 0..20 {
        let (_, _, _) = tokio::join!(
            site.call("ConnectCustomKeyStore", one(&id)),
            site.call("DisconnectCustomKeyStore", one(&id)),
            site.call("ConnectCustomKeyStore", one(&id)),
        );
        let mut state = site.state(&id).await;
        for _ in 0..20_000 {
            if state == "CONNECTED" || state == "DISCONNECTED" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            state = site.state(&id).await;
        }
        assert!(state == "CONNECTED" || state == "DISCONNECTED", "{state}");
    }
}
