//! Key stores behind VPC endpoint services.

use kms::{LoadBalancerType, PrivateDnsNameState, VpcEndpointServiceConfig};
use kms_api::ErrorName;
use serde_json::{Value, json};
use testkit::xks_proxy::{Behaviour, CertificateKind, HOST};

use super::kit::{Site, one, public, with};
use crate::support::{ACCOUNT, OTHER_ACCOUNT, REGION};

const SERVICE: &str = "com.amazonaws.vpce.eu-central-1.vpce-svc-0000000000000000a";
const OTHER_SERVICE: &str = "com.amazonaws.vpce.eu-central-1.vpce-svc-0000000000000000b";

/// A service that fulfils every requirement.
fn good(name: &str, host: &str) -> VpcEndpointServiceConfig {
    VpcEndpointServiceConfig {
        name: name.to_owned(),
        owner: ACCOUNT.parse().unwrap(),
        allowed_principals: vec![format!("cks.kms.{REGION}.amazonaws.com")],
        acceptance_required: false,
        load_balancer_type: LoadBalancerType::Network,
        availability_zones: vec!["a".to_owned(), "b".to_owned()],
        private_dns_name: Some(host.to_owned()),
        private_dns_name_state: PrivateDnsNameState::Verified,
        address: "10.0.0.1:443".to_owned(),
    }
}

async fn site(services: Vec<VpcEndpointServiceConfig>) -> Site {
    Site::with(|config| config.key_stores.vpc_endpoint_services = services).await
}

fn behind(service: &str, name: &str) -> Value {
    let body = with(public(name), "XksProxyConnectivity", "VPC_ENDPOINT_SERVICE");
    with(body, "XksProxyVpcEndpointServiceName", service)
}

#[tokio::test]
async fn the_proxy_is_asked_when_the_store_is_connected_and_not_before() {
    let site = site(vec![good(SERVICE, HOST)]).await;
    site.proxy.behave(Behaviour::Unreachable);
    let id = site.created(behind(SERVICE, "store")).await;
    assert!(site.proxy.attempts().is_empty());
    let configuration = &site.entry(&id).await["XksProxyConfiguration"];
    assert_eq!(configuration["Connectivity"], "VPC_ENDPOINT_SERVICE");
    assert_eq!(configuration["VpcEndpointServiceName"], SERVICE);
    assert_eq!(configuration["VpcEndpointServiceOwner"], ACCOUNT);
    site.proxy.behave(Behaviour::Works);
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
    let key = site.key(&id, "key-1").await;
    site.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_service_is_found_by_name_owner_region_and_permission() {
    let foreign = VpcEndpointServiceConfig {
        owner: OTHER_ACCOUNT.parse().unwrap(),
        ..good(SERVICE, HOST)
    };
    let closed = VpcEndpointServiceConfig {
        allowed_principals: vec!["cks.kms.us-east-1.amazonaws.com".to_owned()],
        ..good(OTHER_SERVICE, HOST)
    };
    let site = site(vec![foreign, closed]).await;
    let not_found = ErrorName::XksProxyVpcEndpointServiceNotFoundException;
    for service in [
        SERVICE,
        OTHER_SERVICE,
        "com.amazonaws.vpce.eu-central-1.vpce-svc-0000000000000000c",
        "com.amazonaws.vpce.us-east-1.vpce-svc-0000000000000000a",
    ] {
        assert_eq!(
            site.refused("CreateCustomKeyStore", behind(service, "store"))
                .await
                .0,
            not_found,
            "{service}"
        );
    }
    // Another's, named so.
    let body = with(
        behind(SERVICE, "store"),
        "XksProxyVpcEndpointServiceOwner",
        OTHER_ACCOUNT,
    );
    let id = site.created(body).await;
    let configuration = &site.entry(&id).await["XksProxyConfiguration"];
    assert_eq!(configuration["VpcEndpointServiceOwner"], OTHER_ACCOUNT);
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
}

#[tokio::test]
async fn every_requirement_is_held() {
    type Fault = fn(&mut VpcEndpointServiceConfig);
    let broken: [(&str, Fault); 7] = [
        ("interface", |service| {
            service.load_balancer_type = LoadBalancerType::Gateway;
        }),
        ("two availability zones", |service| {
            service.availability_zones = vec!["a".to_owned(), "a".to_owned()];
        }),
        ("acceptance", |service| service.acceptance_required = true),
        ("private DNS name", |service| service.private_dns_name = None),
        ("verified", |service| {
            service.private_dns_name_state = PrivateDnsNameState::PendingVerification;
        }),
        ("verified", |service| {
            service.private_dns_name_state = PrivateDnsNameState::Failed;
        }),
        ("XksProxyUriEndpoint", |service| {
            service.private_dns_name = Some("other.example.com".to_owned());
        }),
    ];
    for (word, fault) in broken {
        let mut service = good(SERVICE, HOST);
        fault(&mut service);
        let site = site(vec![service]).await;
        let (name, message) = site
            .refused("CreateCustomKeyStore", behind(SERVICE, "store"))
            .await;
        assert_eq!(
            name,
            ErrorName::XksProxyVpcEndpointServiceInvalidConfigurationException
        );
        assert!(message.contains(word), "{message}");
    }
    let site = site(vec![good(SERVICE, HOST)]).await;
    let body = super::kit::without(behind(SERVICE, "store"), "XksProxyVpcEndpointServiceName");
    assert_eq!(
        site.refused("CreateCustomKeyStore", body).await.0,
        ErrorName::ValidationException
    );
}

#[tokio::test]
async fn a_service_that_went_wrong_meanwhile_fails_the_connection() {
    for (services, code) in [
        (Vec::new(), "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND"),
        (
            vec![VpcEndpointServiceConfig {
                acceptance_required: true,
                ..good(SERVICE, HOST)
            }],
            "XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION",
        ),
    ] {
        let site = site(vec![good(SERVICE, HOST)]).await;
        let id = site.created(behind(SERVICE, "store")).await;
        let site = site
            .restart_with(|config| config.key_stores.vpc_endpoint_services = services)
            .await;
        site.connect(&id).await;
        site.until(&id, "FAILED").await;
        assert_eq!(site.entry(&id).await["ConnectionErrorCode"], code);
    }
}

/// A connected store whose service is gone has no way to its proxy.
#[tokio::test]
async fn a_service_that_is_gone_cannot_be_reached() {
    let site = site(vec![good(SERVICE, HOST)]).await;
    let id = site.created(behind(SERVICE, "store")).await;
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
    let key = site.key(&id, "key-1").await;
    let site = site
        .restart_with(|config| config.key_stores.vpc_endpoint_services.clear())
        .await;
    let (name, message) = site
        .refused("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
        .await;
    assert_eq!(name, ErrorName::KmsInvalidStateException);
    assert!(message.contains("cannot communicate"), "{message}");
}

#[tokio::test]
async fn services_and_private_dns_names_belong_to_one_store() {
    let site = site(vec![
        good(SERVICE, HOST),
        good(OTHER_SERVICE, HOST),
        VpcEndpointServiceConfig {
            owner: OTHER_ACCOUNT.parse().unwrap(),
            ..good("com.amazonaws.vpce.eu-central-1.vpce-svc-0000000000000000d", HOST)
        },
    ])
    .await;
    site.created(behind(SERVICE, "one")).await;
    let other_path = |body: Value| with(body, "XksProxyUriPath", "/other/kms/xks/v1");
    for (body, name) in [
        (
            other_path(behind(SERVICE, "two")),
            ErrorName::XksProxyVpcEndpointServiceInUseException,
        ),
        (
            other_path(behind(OTHER_SERVICE, "two")),
            ErrorName::XksProxyUriEndpointInUseException,
        ),
        (behind(OTHER_SERVICE, "two"), ErrorName::XksProxyUriInUseException),
        // A public store at the same endpoint.
        (
            other_path(public("two")),
            ErrorName::XksProxyUriEndpointInUseException,
        ),
    ] {
        assert_eq!(
            site.refused("CreateCustomKeyStore", body.clone()).await.0,
            name,
            "{body}"
        );
    }
    // Even across accounts, and in the same Region alone.
    let elsewhere = site
        .call_as(
            OTHER_ACCOUNT,
            REGION,
            "CreateCustomKeyStore",
            other_path(public("two")),
        )
        .await;
    assert_eq!(
        elsewhere.unwrap_err().name(),
        ErrorName::XksProxyUriEndpointInUseException
    );
    site.call_as(ACCOUNT, "us-east-1", "CreateCustomKeyStore", public("two"))
        .await
        .unwrap();
}

#[tokio::test]
async fn connectivity_changes_there_and_back() {
    let site = site(vec![
        good(SERVICE, "other.example.com"),
        good(OTHER_SERVICE, "other.example.com"),
    ])
    .await;
    let id = site.create("store").await;
    let to_vpc = with(one(&id), "XksProxyConnectivity", "VPC_ENDPOINT_SERVICE");
    let to_vpc = with(to_vpc, "XksProxyUriEndpoint", "https://other.example.com");
    let (name, message) = site.refused("UpdateCustomKeyStore", to_vpc.clone()).await;
    assert_eq!(name, ErrorName::ValidationException);
    assert!(message.contains("XksProxyVpcEndpointServiceName"), "{message}");
    let to_vpc = with(to_vpc, "XksProxyVpcEndpointServiceName", SERVICE);
    let asked = site.proxy.seen().len();
    site.call("UpdateCustomKeyStore", to_vpc).await.unwrap();
    // There is no way to the proxy before the store is connected.
    assert_eq!(site.proxy.seen().len(), asked);
    let another = with(one(&id), "XksProxyVpcEndpointServiceName", OTHER_SERVICE);
    site.call("UpdateCustomKeyStore", another).await.unwrap();
    let configuration = &site.entry(&id).await["XksProxyConfiguration"];
    assert_eq!(configuration["VpcEndpointServiceName"], OTHER_SERVICE);
    site.proxy.show(CertificateKind::OtherName);
    site.proxy.close_idle().await;
    site.connect(&id).await;
    site.until(&id, "CONNECTED").await;
    site.disconnect(&id).await;
    site.until(&id, "DISCONNECTED").await;
    site.proxy.show(CertificateKind::Good);
    site.proxy.close_idle().await;
    let back = with(one(&id), "XksProxyConnectivity", "PUBLIC_ENDPOINT");
    let back = with(back, "XksProxyUriEndpoint", super::kit::uri_endpoint());
    site.call("UpdateCustomKeyStore", back).await.unwrap();
    let configuration = &site.entry(&id).await["XksProxyConfiguration"];
    assert_eq!(configuration["Connectivity"], "PUBLIC_ENDPOINT");
    assert!(configuration.get("VpcEndpointServiceName").is_none());
}
