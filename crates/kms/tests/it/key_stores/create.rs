//! CreateCustomKeyStore.

use kms_api::ErrorName;
use serde_json::json;
use testkit::xks_proxy::{Behaviour, SECRET_ACCESS_KEY};

use super::kit::{Site, public, refusal, uri_endpoint, uri_path, with, without};
use crate::support::{ACCOUNT, OTHER_ACCOUNT, REGION};

#[tokio::test]
async fn a_new_store_is_disconnected_and_described() {
    let site = Site::new().await;
    let id = site.create("store").await;
    let digits = id.strip_prefix("cks-").unwrap();
    assert_eq!(digits.len(), 17);
    assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let entry = site.entry(&id).await;
    assert_eq!(entry["ConnectionState"], "DISCONNECTED");
    assert_eq!(entry["CustomKeyStoreType"], "EXTERNAL_KEY_STORE");
    assert_eq!(entry["XksProxyConfiguration"]["UriEndpoint"], uri_endpoint());
    assert_eq!(entry["XksProxyConfiguration"]["UriPath"], uri_path());
    // The secret is told to nobody, and no member of other types and connectivities is there.
    assert!(!entry.to_string().contains(SECRET_ACCESS_KEY));
    for absent in [
        "ConnectionErrorCode",
        "CloudHsmClusterId",
        "TrustAnchorCertificate",
    ] {
        assert!(entry.get(absent).is_none(), "{absent}");
    }
    assert!(
        entry["XksProxyConfiguration"]
            .get("VpcEndpointServiceName")
            .is_none()
    );
    // The proxy was asked how it does, once, for this operation and nobody in particular.
    let seen = site.proxy.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, format!("{}/health", uri_path()));
    let metadata = &seen[0].body["requestMetadata"];
    assert_eq!(metadata["kmsOperation"], "CreateCustomKeyStore");
    assert_eq!(metadata.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn every_member_of_this_type_is_required_and_none_of_the_other_is_taken() {
    let site = Site::new().await;
    for member in [
        "XksProxyConnectivity",
        "XksProxyUriEndpoint",
        "XksProxyUriPath",
        "XksProxyAuthenticationCredential",
    ] {
        let (name, message) = site
            .refused("CreateCustomKeyStore", without(public("store"), member))
            .await;
        assert_eq!(name, ErrorName::ValidationException);
        assert!(message.contains(member), "{message}");
    }
    for (member, value) in [
        ("CloudHsmClusterId", "cluster-2a23b4cdefg"),
        ("TrustAnchorCertificate", "certificate"),
        ("KeyStorePassword", "password"),
        (
            "XksProxyVpcEndpointServiceName",
            "com.amazonaws.vpce.eu-central-1.vpce-svc-1",
        ),
        ("XksProxyVpcEndpointServiceOwner", ACCOUNT),
    ] {
        let (name, message) = site
            .refused("CreateCustomKeyStore", with(public("store"), member, value))
            .await;
        assert_eq!(name, ErrorName::ValidationException);
        assert!(message.contains(member), "{message}");
    }
    assert!(site.proxy.seen().is_empty());
}

#[tokio::test]
async fn cloud_hsm_stores_find_no_cluster() {
    let site = Site::new().await;
    let body = json!({
        "CustomKeyStoreName": "store",
        "CloudHsmClusterId": "cluster-2a23b4cdefg",
        "TrustAnchorCertificate": "certificate",
        "KeyStorePassword": "password",
    });
    let not_found = ErrorName::CloudHsmClusterNotFoundException;
    assert_eq!(
        site.refused("CreateCustomKeyStore", body.clone()).await.0,
        not_found
    );
    let typed = with(body.clone(), "CustomKeyStoreType", "AWS_CLOUDHSM");
    assert_eq!(site.refused("CreateCustomKeyStore", typed).await.0, not_found);
    for member in ["CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword"] {
        let body = without(body.clone(), member);
        let (name, message) = site.refused("CreateCustomKeyStore", body).await;
        assert_eq!(name, ErrorName::ValidationException);
        assert!(message.contains(member), "{message}");
    }
    let mixed = with(body.clone(), "XksProxyUriPath", uri_path());
    assert_eq!(
        site.refused("CreateCustomKeyStore", mixed).await.0,
        ErrorName::ValidationException
    );
    // The name comes first.
    site.create("store").await;
    assert_eq!(
        site.refused("CreateCustomKeyStore", body).await.0,
        ErrorName::CustomKeyStoreNameInUseException
    );
}

#[tokio::test]
async fn names_are_unique_in_an_account_and_region() {
    let site = Site::new().await;
    site.create("store").await;
    let other = with(public("store"), "XksProxyUriPath", "/other/kms/xks/v1");
    assert_eq!(
        site.refused("CreateCustomKeyStore", other).await.0,
        ErrorName::CustomKeyStoreNameInUseException
    );
    // Names are compared as they are.
    site.proxy
        .behave(Behaviour::Edits(std::sync::Arc::new(|_, _| ())));
    for (account, region) in [(ACCOUNT, "us-east-1"), (OTHER_ACCOUNT, REGION)] {
        site.call_as(account, region, "CreateCustomKeyStore", public("store"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_address_belongs_to_one_store_of_an_account_and_region() {
    let site = Site::new().await;
    site.create("one").await;
    assert_eq!(
        site.refused("CreateCustomKeyStore", public("two")).await.0,
        ErrorName::XksProxyUriInUseException
    );
    // Host names have no case; paths do.
    let shouted = with(public("two"), "XksProxyUriEndpoint", "https://XKS.example.com");
    assert_eq!(
        site.refused("CreateCustomKeyStore", shouted).await.0,
        ErrorName::XksProxyUriInUseException
    );
    // Another path at the same public endpoint is another address. (This proxy does not know it.)
    let path = with(public("two"), "XksProxyUriPath", "/Tenant/kms/xks/v1");
    assert_eq!(
        site.refused("CreateCustomKeyStore", path).await.0,
        ErrorName::XksProxyInvalidConfigurationException
    );
    site.call_as(OTHER_ACCOUNT, REGION, "CreateCustomKeyStore", public("two"))
        .await
        .unwrap();
}

#[tokio::test]
async fn ten_stores_are_the_most() {
    let site = Site::new().await;
    // Any path is this proxy's: health without looking.
    let health = json!({
        "xksProxyFleetSize": 1, "xksProxyVendor": "v", "xksProxyModel": "m", "ekmVendor": "v",
        "ekmFleetDetails": [{"id": "1", "model": "m", "healthStatus": "ACTIVE"}],
    });
    site.proxy
        .behave(Behaviour::Status(200, health.to_string().into_bytes()));
    let body = |n: u32| {
        with(
            public(&format!("store {n}")),
            "XksProxyUriPath",
            format!("/s{n}/kms/xks/v1"),
        )
    };
    for n in 0..10 {
        site.created(body(n)).await;
    }
    assert_eq!(
        site.refused("CreateCustomKeyStore", body(10)).await.0,
        ErrorName::LimitExceededException
    );
    // Each account and each Region has its own.
    for (account, region) in [(ACCOUNT, "us-east-1"), (OTHER_ACCOUNT, REGION)] {
        site.call_as(account, region, "CreateCustomKeyStore", body(10))
            .await
            .unwrap();
    }
}

/// Two at once pass the first look together; one of them finds the other at the second.
#[tokio::test]
async fn two_requests_for_one_address_make_one_store() {
    let site = Site::new().await;
    let (one, two) = tokio::join!(
        site.call("CreateCustomKeyStore", public("one")),
        site.call("CreateCustomKeyStore", public("two")),
    );
    let (made, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    made.unwrap();
    assert_eq!(refusal(refused).0, ErrorName::XksProxyUriInUseException);
}

#[tokio::test]
async fn a_store_whose_proxy_fails_is_not_made() {
    let site = Site::new().await;
    site.proxy.behave(Behaviour::Unreachable);
    assert_eq!(
        site.refused("CreateCustomKeyStore", public("store")).await.0,
        ErrorName::XksProxyUriUnreachableException
    );
    let wrong = json!({"AccessKeyId": "WRONGACCESSKEYOFTHEPROXY", "RawSecretAccessKey": SECRET_ACCESS_KEY});
    site.proxy.behave(Behaviour::Works);
    let wrong = with(public("store"), "XksProxyAuthenticationCredential", wrong);
    assert_eq!(
        site.refused("CreateCustomKeyStore", wrong).await.0,
        ErrorName::XksProxyIncorrectAuthenticationCredentialException
    );
    let all = site.call("DescribeCustomKeyStores", json!({})).await.unwrap();
    assert_eq!(all["CustomKeyStores"], json!([]));
    assert!(!site.kms.prometheus().contains("CustomKeyStoreId"));
}

/// An address that is none of a proxy: KMS's grammar takes it, no proxy can be there.
#[tokio::test]
async fn an_ip_address_cannot_be_reached() {
    let site = Site::new().await;
    for endpoint in ["https://127.0.0.1", "https://localhost", "https://-a.example.com"] {
        let body = with(public("store"), "XksProxyUriEndpoint", endpoint);
        assert_eq!(
            site.refused("CreateCustomKeyStore", body).await.0,
            ErrorName::XksProxyUriUnreachableException
        );
    }
    assert!(site.proxy.attempts().is_empty());
}
