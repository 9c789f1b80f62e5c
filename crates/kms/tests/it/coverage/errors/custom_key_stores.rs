//! Custom key stores.

use kms::{KmsConfig, VpcEndpointServiceConfig};
use kms_api::{ErrorName, Operation};
use serde_json::{Value, json};
use testkit::xks_proxy::{Behaviour, HOST};
use xks_api::ErrorName as XksErrorName;

use super::errors;
use crate::coverage::scene::{NO_STORE, Scene, text, with};
use crate::support::ACCOUNT;

/// The request that makes a second store beside that of [`Scene::store`], at another path.
fn second() -> Value {
    with(
        Scene::store_request("second"),
        json!({ "XksProxyUriPath": "/other/kms/xks/v1" }),
    )
}

macro_rules! no_store {
    ($($name:ident: $operation:ident;)+) => {
        errors! { $($name(_scene):
            $operation, CustomKeyStoreNotFoundException, json!({ "CustomKeyStoreId": NO_STORE });)+ }
    };
}

no_store! {
    kms_err_connect_custom_key_store_custom_key_store_not_found_exception: ConnectCustomKeyStore;
    kms_err_delete_custom_key_store_custom_key_store_not_found_exception: DeleteCustomKeyStore;
    kms_err_describe_custom_key_stores_custom_key_store_not_found_exception: DescribeCustomKeyStores;
    kms_err_disconnect_custom_key_store_custom_key_store_not_found_exception: DisconnectCustomKeyStore;
    kms_err_update_custom_key_store_custom_key_store_not_found_exception: UpdateCustomKeyStore;
}

errors! {
    kms_err_connect_custom_key_store_custom_key_store_invalid_state_exception(scene):
        ConnectCustomKeyStore, CustomKeyStoreInvalidStateException, {
        let body = json!({ "CustomKeyStoreId": scene.store().await });
        scene.proxy.behave(Behaviour::Unreachable);
        scene.call(Operation::ConnectCustomKeyStore, body.clone()).await;
        assert_eq!(scene.settled(&text(&body["CustomKeyStoreId"])).await, "FAILED");
        body
    };
    kms_err_disconnect_custom_key_store_custom_key_store_invalid_state_exception(scene):
        DisconnectCustomKeyStore, CustomKeyStoreInvalidStateException,
        json!({ "CustomKeyStoreId": scene.store().await });
    kms_err_delete_custom_key_store_custom_key_store_invalid_state_exception(scene):
        DeleteCustomKeyStore, CustomKeyStoreInvalidStateException,
        json!({ "CustomKeyStoreId": scene.connected_store().await });
    kms_err_delete_custom_key_store_custom_key_store_has_cmks_exception(scene):
        DeleteCustomKeyStore, CustomKeyStoreHasCMKsException, {
        let store = scene.connected_store().await;
        scene.subject_in(&store).await;
        scene.disconnect(&store).await;
        json!({ "CustomKeyStoreId": store })
    };
    kms_err_describe_custom_key_stores_invalid_marker_exception(_scene):
        DescribeCustomKeyStores, InvalidMarkerException, json!({ "Marker": "no marker" });
    kms_err_update_custom_key_store_custom_key_store_invalid_state_exception(scene):
        UpdateCustomKeyStore, CustomKeyStoreInvalidStateException, {
        let store = scene.connected_store().await;
        json!({ "CustomKeyStoreId": store, "XksProxyUriEndpoint": "https://other.example.com" })
    };
    kms_err_create_custom_key_store_cloud_hsm_cluster_not_found_exception(_scene):
        CreateCustomKeyStore, CloudHsmClusterNotFoundException, json!({
            "CustomKeyStoreName": "hsm",
            "CloudHsmClusterId": "cluster-abcdefghijk",
            "TrustAnchorCertificate": "certificate",
            "KeyStorePassword": "password",
        });
    kms_err_create_custom_key_store_custom_key_store_name_in_use_exception(scene):
        CreateCustomKeyStore, CustomKeyStoreNameInUseException, {
        scene.store().await;
        with(second(), json!({ "CustomKeyStoreName": "store" }))
    };
    kms_err_create_custom_key_store_xks_proxy_uri_in_use_exception(scene):
        CreateCustomKeyStore, XksProxyUriInUseException, {
        scene.store().await;
        Scene::store_request("second")
    };
}

/// Creating and updating a store ask the proxy how it does; what it says is the error.
macro_rules! proxy_fails {
    ($behaviour:expr, $error:ident: $create:ident, $update:ident) => {
        errors! {
            $create(scene): CreateCustomKeyStore, $error, {
                scene.proxy.behave($behaviour);
                Scene::store_request("store")
            };
            $update(scene): UpdateCustomKeyStore, $error, {
                let store = scene.store().await;
                scene.proxy.behave($behaviour);
                json!({ "CustomKeyStoreId": store, "XksProxyUriPath": "/other/kms/xks/v1" })
            };
        }
    };
}

proxy_fails! { Behaviour::Unreachable, XksProxyUriUnreachableException:
kms_err_create_custom_key_store_xks_proxy_uri_unreachable_exception,
kms_err_update_custom_key_store_xks_proxy_uri_unreachable_exception }
proxy_fails! { Behaviour::Answers(XksErrorName::AuthenticationFailedException),
XksProxyIncorrectAuthenticationCredentialException:
kms_err_create_custom_key_store_xks_proxy_incorrect_authentication_credential_exception,
kms_err_update_custom_key_store_xks_proxy_incorrect_authentication_credential_exception }
proxy_fails! { Behaviour::Status(200, b"nonsense".to_vec()), XksProxyInvalidResponseException:
kms_err_create_custom_key_store_xks_proxy_invalid_response_exception,
kms_err_update_custom_key_store_xks_proxy_invalid_response_exception }
proxy_fails! { Behaviour::Answers(XksErrorName::InvalidUriPathException), XksProxyInvalidConfigurationException:
kms_err_create_custom_key_store_xks_proxy_invalid_configuration_exception,
kms_err_update_custom_key_store_xks_proxy_invalid_configuration_exception }

// Behind VPC endpoint services.

fn service_name(number: usize) -> String {
    format!("com.amazonaws.vpce.eu-central-1.vpce-svc-{number:017x}")
}

fn host(number: usize) -> String {
    format!("xks-{number}.example.com")
}

/// A service that fulfils every requirement.
fn service(number: usize) -> VpcEndpointServiceConfig {
    VpcEndpointServiceConfig {
        name: service_name(number),
        owner: ACCOUNT.parse().expect("an account"),
        allowed_principals: vec!["cks.kms.eu-central-1.amazonaws.com".to_owned()],
        acceptance_required: false,
        load_balancer_type: kms::LoadBalancerType::Network,
        availability_zones: vec!["a".to_owned(), "b".to_owned()],
        private_dns_name: Some(host(number)),
        private_dns_name_state: kms::PrivateDnsNameState::Verified,
        address: "10.0.0.1:443".to_owned(),
    }
}

/// Services 0 to 9 are in order; service 10 asks somebody to accept connections.
fn services(config: &mut KmsConfig) {
    let mut all: Vec<VpcEndpointServiceConfig> = (0..=10).map(service).collect();
    all[10].acceptance_required = true;
    config.key_stores.vpc_endpoint_services = all;
}

/// The request that makes a store behind a service.
fn behind(number: usize) -> Value {
    with(
        Scene::store_request(&format!("behind-{number}")),
        json!({
            "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE",
            "XksProxyVpcEndpointServiceName": service_name(number),
            "XksProxyUriEndpoint": format!("https://{}", host(number)),
        }),
    )
}

async fn make_behind(scene: &Scene, number: usize) -> String {
    let made = scene.call(Operation::CreateCustomKeyStore, behind(number)).await;
    text(&made["CustomKeyStoreId"])
}

/// As `errors!`, with VPC endpoint services; an update is of the store behind service 0.
macro_rules! vpc_errors {
    ($($name:ident($scene:ident): $operation:ident, $error:ident, $body:expr;)+) => {
        $(#[tokio::test]
        async fn $name() {
            let $scene = &Scene::with(services).await;
            let body: Value = $body;
            $scene.refused(Operation::$operation, ErrorName::$error, body).await;
        })+
    };
}

vpc_errors! {
    kms_err_create_custom_key_store_limit_exceeded_exception(scene):
        CreateCustomKeyStore, LimitExceededException, {
        for number in 0..10 {
            make_behind(scene, number).await;
        }
        Scene::store_request("one more")
    };
    kms_err_create_custom_key_store_xks_proxy_uri_endpoint_in_use_exception(scene):
        CreateCustomKeyStore, XksProxyUriEndpointInUseException, {
        scene.store().await;
        with(behind(1), json!({ "XksProxyUriEndpoint": format!("https://{HOST}") }))
    };
    kms_err_create_custom_key_store_xks_proxy_vpc_endpoint_service_in_use_exception(scene):
        CreateCustomKeyStore, XksProxyVpcEndpointServiceInUseException, {
        make_behind(scene, 0).await;
        with(behind(1), json!({ "XksProxyVpcEndpointServiceName": service_name(0) }))
    };
    kms_err_create_custom_key_store_xks_proxy_vpc_endpoint_service_not_found_exception(_scene):
        CreateCustomKeyStore, XksProxyVpcEndpointServiceNotFoundException,
        with(behind(1), json!({ "XksProxyVpcEndpointServiceName": service_name(99) }));
    kms_err_create_custom_key_store_xks_proxy_vpc_endpoint_service_invalid_configuration_exception(_scene):
        CreateCustomKeyStore, XksProxyVpcEndpointServiceInvalidConfigurationException, behind(10);

    kms_err_update_custom_key_store_custom_key_store_name_in_use_exception(scene):
        UpdateCustomKeyStore, CustomKeyStoreNameInUseException, {
        make_behind(scene, 1).await;
        json!({ "CustomKeyStoreId": make_behind(scene, 0).await, "NewCustomKeyStoreName": "behind-1" })
    };
    kms_err_update_custom_key_store_xks_proxy_uri_endpoint_in_use_exception(scene):
        UpdateCustomKeyStore, XksProxyUriEndpointInUseException, {
        scene.store().await;
        json!({ "CustomKeyStoreId": make_behind(scene, 0).await, "XksProxyUriEndpoint": format!("https://{HOST}") })
    };
    kms_err_update_custom_key_store_xks_proxy_uri_in_use_exception(scene):
        UpdateCustomKeyStore, XksProxyUriInUseException, {
        make_behind(scene, 1).await;
        let store = make_behind(scene, 0).await;
        json!({ "CustomKeyStoreId": store, "XksProxyUriEndpoint": format!("https://{}", host(1)) })
    };
    kms_err_update_custom_key_store_xks_proxy_vpc_endpoint_service_in_use_exception(scene):
        UpdateCustomKeyStore, XksProxyVpcEndpointServiceInUseException, {
        make_behind(scene, 1).await;
        let store = make_behind(scene, 0).await;
        json!({ "CustomKeyStoreId": store, "XksProxyVpcEndpointServiceName": service_name(1) })
    };
    kms_err_update_custom_key_store_xks_proxy_vpc_endpoint_service_not_found_exception(scene):
        UpdateCustomKeyStore, XksProxyVpcEndpointServiceNotFoundException, {
        let store = make_behind(scene, 0).await;
        json!({ "CustomKeyStoreId": store, "XksProxyVpcEndpointServiceName": service_name(99) })
    };
    kms_err_update_custom_key_store_xks_proxy_vpc_endpoint_service_invalid_configuration_exception(scene):
        UpdateCustomKeyStore, XksProxyVpcEndpointServiceInvalidConfigurationException, {
        let store = make_behind(scene, 0).await;
        json!({
            "CustomKeyStoreId": store,
            "XksProxyVpcEndpointServiceName": service_name(10),
            "XksProxyUriEndpoint": format!("https://{}", host(10)),
        })
    };
}
