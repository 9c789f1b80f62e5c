//! UpdateCustomKeyStore.

use kms_api::ErrorName;
use serde_json::json;
use testkit::xks_proxy::{Behaviour, HOST, SECRET_ACCESS_KEY};

use super::kit::{Site, one, public, uri_path, with};

#[tokio::test]
async fn a_name_changes_without_asking_the_proxy() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let asked = site.proxy.seen().len();
    let body = with(one(&id), "NewCustomKeyStoreName", "new");
    assert_eq!(
        site.call("UpdateCustomKeyStore", body.clone()).await.unwrap(),
        json!({})
    );
    assert_eq!(site.entry(&id).await["CustomKeyStoreName"], "new");
    assert_eq!(site.proxy.seen().len(), asked);
    // Its own name is no other's.
    site.call("UpdateCustomKeyStore", body).await.unwrap();
    let mut other = public("other");
    other["XksProxyUriEndpoint"] = json!("https://other.example.com");
    site.proxy.show(testkit::xks_proxy::CertificateKind::OtherName);
    site.proxy.close_idle().await;
    let other = site.created(other).await;
    let taken = with(one(&other), "NewCustomKeyStoreName", "new");
    assert_eq!(
        site.refused("UpdateCustomKeyStore", taken).await.0,
        ErrorName::CustomKeyStoreNameInUseException
    );
}

#[tokio::test]
async fn a_credential_changes_while_connected_if_the_proxy_takes_it() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    let asked = site.proxy.seen().len();
    let wrong = json!({"AccessKeyId": "WRONGACCESSKEYOFTHEPROXY", "RawSecretAccessKey": SECRET_ACCESS_KEY});
    let body = with(one(&id), "XksProxyAuthenticationCredential", wrong);
    assert_eq!(
        site.refused("UpdateCustomKeyStore", body).await.0,
        ErrorName::XksProxyIncorrectAuthenticationCredentialException
    );
    let metadata = &site.proxy.seen()[asked].body["requestMetadata"];
    assert_eq!(metadata["kmsOperation"], "UpdateCustomKeyStore");
    // Nothing has changed.
    site.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await
        .unwrap();
    let same = with(
        one(&id),
        "XksProxyAuthenticationCredential",
        super::kit::credential(),
    );
    site.call("UpdateCustomKeyStore", same).await.unwrap();
    site.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_path_that_the_proxy_does_not_know_is_refused() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let body = with(one(&id), "XksProxyUriPath", "/other/kms/xks/v1");
    assert_eq!(
        site.refused("UpdateCustomKeyStore", body).await.0,
        ErrorName::XksProxyInvalidConfigurationException
    );
    let entry = site.entry(&id).await;
    assert_eq!(entry["XksProxyConfiguration"]["UriPath"], uri_path());
}

#[tokio::test]
async fn an_endpoint_changes_while_disconnected_and_is_what_is_asked_then() {
    let site = Site::new().await;
    let id = site.create("store").await;
    let body = with(one(&id), "XksProxyUriEndpoint", "https://other.example.com");
    // The certificate is for another name.
    assert_eq!(
        site.refused("UpdateCustomKeyStore", body.clone()).await.0,
        ErrorName::XksProxyUriUnreachableException
    );
    site.proxy.show(testkit::xks_proxy::CertificateKind::OtherName);
    site.call("UpdateCustomKeyStore", body).await.unwrap();
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
    assert_eq!(
        site.proxy.seen().last().unwrap().headers["host"],
        "other.example.com"
    );
    assert_ne!(HOST, "other.example.com");
}

#[tokio::test]
async fn what_is_of_the_other_type_is_refused() {
    let site = Site::new().await;
    let id = site.create("store").await;
    for (member, value) in [
        ("CloudHsmClusterId", "cluster-2a23b4cdefg"),
        ("KeyStorePassword", "password"),
        (
            "XksProxyVpcEndpointServiceName",
            "com.amazonaws.vpce.eu-central-1.vpce-svc-1",
        ),
    ] {
        let body = with(one(&id), member, value);
        let (name, message) = site.refused("UpdateCustomKeyStore", body).await;
        assert_eq!(name, ErrorName::ValidationException);
        assert!(message.contains(member), "{message}");
    }
    // A change of connectivity comes with a new endpoint.
    let body = with(one(&id), "XksProxyConnectivity", "VPC_ENDPOINT_SERVICE");
    let (name, message) = site.refused("UpdateCustomKeyStore", body).await;
    assert_eq!(name, ErrorName::ValidationException);
    assert!(message.contains("XksProxyUriEndpoint"), "{message}");
}

#[tokio::test]
async fn a_failing_proxy_keeps_a_change_away() {
    let site = Site::new().await;
    let id = site.create("store").await;
    site.proxy.behave(Behaviour::Status(500, b"oops".to_vec()));
    let body = with(one(&id), "XksProxyUriPath", "/other/kms/xks/v1");
    assert_eq!(
        site.refused("UpdateCustomKeyStore", body).await.0,
        ErrorName::XksProxyInvalidResponseException
    );
    let entry = site.entry(&id).await;
    assert_eq!(entry["XksProxyConfiguration"]["UriPath"], uri_path());
}

/// Whichever comes last to its client: what is asked afterwards is asked as the store says.
#[tokio::test]
async fn changes_at_once_leave_the_client_that_the_store_describes() {
    let site = Site::new().await;
    let id = site.connected("store").await;
    let key = site.key(&id, "key-1").await;
    let same = with(
        one(&id),
        "XksProxyAuthenticationCredential",
        super::kit::credential(),
    );
    let path = with(one(&id), "XksProxyUriPath", uri_path());
    let all = (0..6).map(|n| {
        let body = if n % 2 == 0 { same.clone() } else { path.clone() };
        site.call("UpdateCustomKeyStore", body)
    });
    for answer in futures_util::future::join_all(all).await {
        answer.unwrap();
    }
    site.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await
        .unwrap();
}
