//! Custom key stores.

use ambient::Timestamp;

use super::{responses, structures};
use crate::{ConnectionErrorCode, ConnectionState, CustomKeyStoreType, XksProxyConnectivity};

structures! {
    /// A custom key store in a listing.
    CustomKeyStoresListEntry {
        /// Its id.
        custom_key_store_id: String = "CustomKeyStoreId",
        /// Its name.
        custom_key_store_name: String = "CustomKeyStoreName",
        /// CloudHSM only.
        cloud_hsm_cluster_id: Option<String> = "CloudHsmClusterId",
        /// CloudHSM only.
        trust_anchor_certificate: Option<String> = "TrustAnchorCertificate",
        /// Its connection state.
        connection_state: ConnectionState = "ConnectionState",
        /// Why the last attempt to connect failed; in the state `FAILED` only.
        connection_error_code: Option<ConnectionErrorCode> = "ConnectionErrorCode",
        /// When it was made.
        creation_date: Timestamp = "CreationDate",
        /// What is behind it.
        custom_key_store_type: CustomKeyStoreType = "CustomKeyStoreType",
        /// External key stores only.
        xks_proxy_configuration: Option<XksProxyConfiguration> = "XksProxyConfiguration",
    }

    /// How KMS reaches an XKS proxy.
    XksProxyConfiguration {
        /// By which way.
        connectivity: XksProxyConnectivity = "Connectivity",
        /// The access key id of the proxy credential.
        access_key_id: String = "AccessKeyId",
        /// `https://` and a host name.
        uri_endpoint: String = "UriEndpoint",
        /// The path prefix of the proxy's API.
        uri_path: String = "UriPath",
        /// The VPC endpoint service, where the connectivity asks for one.
        vpc_endpoint_service_name: Option<String> = "VpcEndpointServiceName",
        /// Its account.
        vpc_endpoint_service_owner: Option<String> = "VpcEndpointServiceOwner",
    }
}

responses! {
    /// See [`request::CreateCustomKeyStore`](crate::request::CreateCustomKeyStore).
    CreateCustomKeyStore {
        /// The new key store's id.
        custom_key_store_id: String = "CustomKeyStoreId",
    }

    /// See [`request::DescribeCustomKeyStores`](crate::request::DescribeCustomKeyStores).
    DescribeCustomKeyStores {
        /// A page of key stores.
        custom_key_stores: Vec<CustomKeyStoresListEntry> = "CustomKeyStores",
        /// Where the next page begins, if this one is truncated.
        next_marker: Option<String> = "NextMarker",
        /// Whether there is another page.
        truncated: bool = "Truncated",
    }
}
