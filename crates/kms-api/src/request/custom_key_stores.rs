//! Custom key stores.

use super::{requests, structures};
use crate::{CustomKeyStoreType, Text, XksProxyConnectivity};

requests! {
    /// Makes a custom key store.
    CreateCustomKeyStore -> CreateCustomKeyStore {
        /// 1 to 256 characters, unique in the account and Region.
        custom_key_store_name: String = "CustomKeyStoreName",
        /// CloudHSM only.
        cloud_hsm_cluster_id: Option<String> = "CloudHsmClusterId",
        /// CloudHSM only.
        trust_anchor_certificate: Option<String> = "TrustAnchorCertificate",
        /// CloudHSM only.
        key_store_password: Option<Text> = "KeyStorePassword",
        /// Absent means `AWS_CLOUDHSM`.
        custom_key_store_type: Option<CustomKeyStoreType> = "CustomKeyStoreType",
        /// `https://` and a host name.
        xks_proxy_uri_endpoint: Option<String> = "XksProxyUriEndpoint",
        /// The path prefix of the proxy's API, which ends in `/kms/xks/v1`.
        xks_proxy_uri_path: Option<String> = "XksProxyUriPath",
        /// The VPC endpoint service, where the connectivity asks for one.
        xks_proxy_vpc_endpoint_service_name: Option<String> = "XksProxyVpcEndpointServiceName",
        /// Its account, if it is another one.
        xks_proxy_vpc_endpoint_service_owner: Option<String> = "XksProxyVpcEndpointServiceOwner",
        /// What KMS signs its requests with.
        xks_proxy_authentication_credential: Option<XksProxyAuthenticationCredential> =
            "XksProxyAuthenticationCredential",
        /// How KMS reaches the proxy.
        xks_proxy_connectivity: Option<XksProxyConnectivity> = "XksProxyConnectivity",
    }

    /// Changes a custom key store.
    UpdateCustomKeyStore -> EmptyObject {
        /// The key store: 1 to 64 characters.
        custom_key_store_id: String = "CustomKeyStoreId",
        /// 1 to 256 characters.
        new_custom_key_store_name: Option<String> = "NewCustomKeyStoreName",
        /// CloudHSM only.
        key_store_password: Option<Text> = "KeyStorePassword",
        /// CloudHSM only.
        cloud_hsm_cluster_id: Option<String> = "CloudHsmClusterId",
        /// As in CreateCustomKeyStore.
        xks_proxy_uri_endpoint: Option<String> = "XksProxyUriEndpoint",
        /// As in CreateCustomKeyStore.
        xks_proxy_uri_path: Option<String> = "XksProxyUriPath",
        /// As in CreateCustomKeyStore.
        xks_proxy_vpc_endpoint_service_name: Option<String> = "XksProxyVpcEndpointServiceName",
        /// As in CreateCustomKeyStore.
        xks_proxy_vpc_endpoint_service_owner: Option<String> = "XksProxyVpcEndpointServiceOwner",
        /// As in CreateCustomKeyStore.
        xks_proxy_authentication_credential: Option<XksProxyAuthenticationCredential> =
            "XksProxyAuthenticationCredential",
        /// As in CreateCustomKeyStore.
        xks_proxy_connectivity: Option<XksProxyConnectivity> = "XksProxyConnectivity",
    }

    /// Lists custom key stores and their states.
    DescribeCustomKeyStores -> DescribeCustomKeyStores {
        /// Only this one; not together with a name.
        custom_key_store_id: Option<String> = "CustomKeyStoreId",
        /// Only this one; not together with an id.
        custom_key_store_name: Option<String> = "CustomKeyStoreName",
        /// The most key stores on one page: 1 to 1000.
        limit: Option<u32> = "Limit",
        /// Where the page begins, from the answer before.
        marker: Option<String> = "Marker",
    }

    /// Connects a custom key store.
    ConnectCustomKeyStore -> EmptyObject {
        /// The key store: 1 to 64 characters.
        custom_key_store_id: String = "CustomKeyStoreId",
    }

    /// Disconnects a custom key store.
    DisconnectCustomKeyStore -> EmptyObject {
        /// The key store: 1 to 64 characters.
        custom_key_store_id: String = "CustomKeyStoreId",
    }

    /// Removes a custom key store that has no keys.
    DeleteCustomKeyStore -> EmptyObject {
        /// The key store: 1 to 64 characters.
        custom_key_store_id: String = "CustomKeyStoreId",
    }
}

structures! {
    /// The credential of an XKS proxy. Secret, hence without `Debug`.
    XksProxyAuthenticationCredential {
        /// 20 to 30 characters of `A-Z2-7`.
        access_key_id: Text = "AccessKeyId",
        /// 43 to 64 characters of Base64.
        raw_secret_access_key: Text = "RawSecretAccessKey",
    }
}
