//! Custom key stores.

use super::super::shapes::{
    ACCOUNT_ID_TYPE, BOOLEAN_TYPE, CLOUDHSM_CLUSTER_ID_TYPE, CUSTOM_KEY_STORE_ID_TYPE,
    CUSTOM_KEY_STORE_NAME_TYPE, CUSTOM_KEY_STORE_TYPE, CUSTOM_KEY_STORES_LIST, KEY_STORE_PASSWORD_TYPE,
    LIMIT_TYPE, MARKER_TYPE, TRUST_ANCHOR_CERTIFICATE_TYPE, XKS_PROXY_AUTHENTICATION_CREDENTIAL_TYPE,
    XKS_PROXY_CONNECTIVITY_TYPE, XKS_PROXY_URI_ENDPOINT_TYPE, XKS_PROXY_URI_PATH_TYPE,
    XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
};
use super::super::{OperationSchema, optional, required};
use crate::ErrorName::{
    CloudHsmClusterInUseException, CloudHsmClusterInvalidConfigurationException,
    CloudHsmClusterNotActiveException, CloudHsmClusterNotFoundException, CloudHsmClusterNotRelatedException,
    CustomKeyStoreHasCMKsException, CustomKeyStoreInvalidStateException, CustomKeyStoreNameInUseException,
    CustomKeyStoreNotFoundException, IncorrectTrustAnchorException, InvalidMarkerException,
    KmsInternalException, LimitExceededException, XksProxyIncorrectAuthenticationCredentialException,
    XksProxyInvalidConfigurationException, XksProxyInvalidResponseException,
    XksProxyUriEndpointInUseException, XksProxyUriInUseException, XksProxyUriUnreachableException,
    XksProxyVpcEndpointServiceInUseException, XksProxyVpcEndpointServiceInvalidConfigurationException,
    XksProxyVpcEndpointServiceNotFoundException,
};

pub(super) static CREATE_CUSTOM_KEY_STORE: OperationSchema = OperationSchema {
    input: &[
        required("CustomKeyStoreName", &CUSTOM_KEY_STORE_NAME_TYPE),
        optional("CloudHsmClusterId", &CLOUDHSM_CLUSTER_ID_TYPE),
        optional("TrustAnchorCertificate", &TRUST_ANCHOR_CERTIFICATE_TYPE),
        optional("KeyStorePassword", &KEY_STORE_PASSWORD_TYPE),
        optional("CustomKeyStoreType", &CUSTOM_KEY_STORE_TYPE),
        optional("XksProxyUriEndpoint", &XKS_PROXY_URI_ENDPOINT_TYPE),
        optional("XksProxyUriPath", &XKS_PROXY_URI_PATH_TYPE),
        optional(
            "XksProxyVpcEndpointServiceName",
            &XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
        ),
        optional("XksProxyVpcEndpointServiceOwner", &ACCOUNT_ID_TYPE),
        optional(
            "XksProxyAuthenticationCredential",
            &XKS_PROXY_AUTHENTICATION_CREDENTIAL_TYPE,
        ),
        optional("XksProxyConnectivity", &XKS_PROXY_CONNECTIVITY_TYPE),
    ],
    output: Some(&[optional("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE)]),
    errors: &[
        CloudHsmClusterInUseException,
        CustomKeyStoreNameInUseException,
        CloudHsmClusterNotFoundException,
        KmsInternalException,
        CloudHsmClusterNotActiveException,
        IncorrectTrustAnchorException,
        CloudHsmClusterInvalidConfigurationException,
        LimitExceededException,
        XksProxyUriInUseException,
        XksProxyUriEndpointInUseException,
        XksProxyUriUnreachableException,
        XksProxyIncorrectAuthenticationCredentialException,
        XksProxyVpcEndpointServiceInUseException,
        XksProxyVpcEndpointServiceNotFoundException,
        XksProxyVpcEndpointServiceInvalidConfigurationException,
        XksProxyInvalidResponseException,
        XksProxyInvalidConfigurationException,
    ],
};

pub(super) static UPDATE_CUSTOM_KEY_STORE: OperationSchema = OperationSchema {
    input: &[
        required("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE),
        optional("NewCustomKeyStoreName", &CUSTOM_KEY_STORE_NAME_TYPE),
        optional("KeyStorePassword", &KEY_STORE_PASSWORD_TYPE),
        optional("CloudHsmClusterId", &CLOUDHSM_CLUSTER_ID_TYPE),
        optional("XksProxyUriEndpoint", &XKS_PROXY_URI_ENDPOINT_TYPE),
        optional("XksProxyUriPath", &XKS_PROXY_URI_PATH_TYPE),
        optional(
            "XksProxyVpcEndpointServiceName",
            &XKS_PROXY_VPC_ENDPOINT_SERVICE_NAME_TYPE,
        ),
        optional("XksProxyVpcEndpointServiceOwner", &ACCOUNT_ID_TYPE),
        optional(
            "XksProxyAuthenticationCredential",
            &XKS_PROXY_AUTHENTICATION_CREDENTIAL_TYPE,
        ),
        optional("XksProxyConnectivity", &XKS_PROXY_CONNECTIVITY_TYPE),
    ],
    output: Some(&[]),
    errors: &[
        CustomKeyStoreNotFoundException,
        CustomKeyStoreNameInUseException,
        CloudHsmClusterNotFoundException,
        CloudHsmClusterNotRelatedException,
        CustomKeyStoreInvalidStateException,
        KmsInternalException,
        CloudHsmClusterNotActiveException,
        CloudHsmClusterInvalidConfigurationException,
        XksProxyUriInUseException,
        XksProxyUriEndpointInUseException,
        XksProxyUriUnreachableException,
        XksProxyIncorrectAuthenticationCredentialException,
        XksProxyVpcEndpointServiceInUseException,
        XksProxyVpcEndpointServiceNotFoundException,
        XksProxyVpcEndpointServiceInvalidConfigurationException,
        XksProxyInvalidResponseException,
        XksProxyInvalidConfigurationException,
    ],
};

pub(super) static DESCRIBE_CUSTOM_KEY_STORES: OperationSchema = OperationSchema {
    input: &[
        optional("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE),
        optional("CustomKeyStoreName", &CUSTOM_KEY_STORE_NAME_TYPE),
        optional("Limit", &LIMIT_TYPE),
        optional("Marker", &MARKER_TYPE),
    ],
    output: Some(&[
        optional("CustomKeyStores", &CUSTOM_KEY_STORES_LIST),
        optional("NextMarker", &MARKER_TYPE),
        optional("Truncated", &BOOLEAN_TYPE),
    ]),
    errors: &[
        CustomKeyStoreNotFoundException,
        InvalidMarkerException,
        KmsInternalException,
    ],
};

pub(super) static CONNECT_CUSTOM_KEY_STORE: OperationSchema = OperationSchema {
    input: &[required("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE)],
    output: Some(&[]),
    errors: &[
        CloudHsmClusterNotActiveException,
        CustomKeyStoreInvalidStateException,
        CustomKeyStoreNotFoundException,
        KmsInternalException,
        CloudHsmClusterInvalidConfigurationException,
    ],
};

pub(super) static DISCONNECT_CUSTOM_KEY_STORE: OperationSchema = OperationSchema {
    input: &[required("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE)],
    output: Some(&[]),
    errors: &[
        CustomKeyStoreInvalidStateException,
        CustomKeyStoreNotFoundException,
        KmsInternalException,
    ],
};

pub(super) static DELETE_CUSTOM_KEY_STORE: OperationSchema = OperationSchema {
    input: &[required("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID_TYPE)],
    output: Some(&[]),
    errors: &[
        CustomKeyStoreHasCMKsException,
        CustomKeyStoreInvalidStateException,
        CustomKeyStoreNotFoundException,
        KmsInternalException,
    ],
};
