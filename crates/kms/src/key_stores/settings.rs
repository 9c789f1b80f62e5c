//! From a request to the settings of an external key store.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::request::XksProxyAuthenticationCredential;
use kms_api::{ErrorName, KmsError, XksProxyConnectivity};

use super::KeyStores;
use super::runtime::{host_of, owner_of};
use super::vpc;
use crate::state::Realm;
use crate::state::record::{Connectivity, XksProxyRecord};

/// `ValidationException` with a member's name in it.
pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> KmsError {
    KmsError::new(ErrorName::ValidationException, message)
}

pub(super) fn required<T>(member: Option<T>, name: &'static str) -> Result<T, KmsError> {
    member.ok_or_else(|| {
        invalid(format!(
            "{name} is required for a custom key store of this type and connectivity."
        ))
    })
}

/// Refuses members that are of the other type of key store, or of the other connectivity.
pub(super) fn none_of(members: &[(&'static str, bool)]) -> Result<(), KmsError> {
    match members.iter().find(|(_, present)| *present) {
        None => Ok(()),
        Some((name, _)) => Err(invalid(format!(
            "{name} is not valid for a custom key store of this type and connectivity."
        ))),
    }
}

/// The connectivity that a request asks for, its members complete.
pub(super) fn connectivity(
    kind: XksProxyConnectivity,
    service_name: Option<String>,
    service_owner: Option<String>,
) -> Result<Connectivity, KmsError> {
    match kind {
        XksProxyConnectivity::PublicEndpoint => {
            none_of(&[
                ("XksProxyVpcEndpointServiceName", service_name.is_some()),
                ("XksProxyVpcEndpointServiceOwner", service_owner.is_some()),
            ])?;
            Ok(Connectivity::PublicEndpoint)
        }
        XksProxyConnectivity::VpcEndpointService => Ok(Connectivity::VpcEndpointService {
            service_name: required(service_name, "XksProxyVpcEndpointServiceName")?,
            service_owner,
        }),
    }
}

/// The names and the secret of a credential. The texts are wiped with the request.
pub(super) fn credential(credential: &XksProxyAuthenticationCredential) -> (String, Arc<SecretBytes>) {
    let id = credential.access_key_id.as_str().to_owned();
    let secret = credential.raw_secret_access_key.as_str().as_bytes().to_vec();
    (id, Arc::new(SecretBytes::new(secret)))
}

impl KeyStores {
    /// Whether the VPC endpoint service of these settings does, if there is one.
    pub(super) fn check_service(&self, realm: &Realm, proxy: &XksProxyRecord) -> Result<(), KmsError> {
        let fit = self.fit_of_service(realm, proxy).unwrap_or(Ok(()));
        fit.map_err(vpc::Unfit::error)
    }

    /// The same for a connection; `None` if there is no service in between.
    pub(super) fn fit_of_service(
        &self,
        realm: &Realm,
        proxy: &XksProxyRecord,
    ) -> Option<Result<(), vpc::Unfit>> {
        let Connectivity::VpcEndpointService { service_name, .. } = &proxy.connectivity else {
            return None;
        };
        let services = &self.config.vpc_endpoint_services;
        let fit = vpc::find(services, realm, service_name, owner_of(realm, proxy))
            .ok_or(vpc::Unfit::NotFound)
            .and_then(|service| vpc::check(service, host_of(&proxy.uri_endpoint)));
        Some(fit)
    }
}
