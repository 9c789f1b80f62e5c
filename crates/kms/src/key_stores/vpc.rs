//! What KMS asks of a VPC endpoint service (AWS KMS Developer Guide, "Configuring VPC endpoint
//! service connectivity").

use std::collections::BTreeSet;

use kms_api::{AccountId, ConnectionErrorCode, ErrorName, KmsError};

use super::config::{LoadBalancerType, PrivateDnsNameState, VpcEndpointServiceConfig};
use crate::state::Realm;

/// Subnets in different availability zones that the load balancer has at least.
const MIN_ZONES: usize = 2;

/// A service that does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// No such service for KMS: none of this name and owner in this Region, or KMS may not connect.
    NotFound,
    /// It breaks a requirement.
    InvalidConfiguration(&'static str),
}

impl Unfit {
    /// For Create- and UpdateCustomKeyStore.
    pub(super) fn error(self) -> KmsError {
        match self {
            Self::NotFound => KmsError::new(
                ErrorName::XksProxyVpcEndpointServiceNotFoundException,
                "The VPC endpoint service was not found. Check its name, Region and owner, and that its allowed \
                 principals include the service principal of AWS KMS in this Region.",
            ),
            Self::InvalidConfiguration(what) => KmsError::new(
                ErrorName::XksProxyVpcEndpointServiceInvalidConfigurationException,
                what,
            ),
        }
    }

    /// For ConnectCustomKeyStore.
    pub(super) const fn code(self) -> ConnectionErrorCode {
        match self {
            Self::NotFound => ConnectionErrorCode::XksVpcEndpointServiceNotFound,
            Self::InvalidConfiguration(_) => ConnectionErrorCode::XksVpcEndpointServiceInvalidConfiguration,
        }
    }
}

/// The service of this name and owner, if KMS in this realm's Region can find it.
pub(super) fn find<'s>(
    services: &'s [VpcEndpointServiceConfig],
    realm: &Realm,
    name: &str,
    owner: AccountId,
) -> Option<&'s VpcEndpointServiceConfig> {
    let region = realm.region.as_str();
    let principal = format!("cks.kms.{region}.amazonaws.com");
    services.iter().find(|service| {
        service.name == name
            && service.owner == owner
            // com.amazonaws.vpce.<region>.vpce-svc-…
            && name.split('.').nth(3) == Some(region)
            && service
                .allowed_principals
                .iter()
                .any(|allowed| *allowed == principal || allowed == "*")
    })
}

/// Holds a service against the requirements. `host` is that of the key store's `XksProxyUriEndpoint`.
pub(super) fn check(service: &VpcEndpointServiceConfig, host: &str) -> Result<(), Unfit> {
    let zones: BTreeSet<&String> = service.availability_zones.iter().collect();
    let private_dns_name = service.private_dns_name.as_deref();
    let faults = [
        (
            service.load_balancer_type != LoadBalancerType::Network,
            "The VPC endpoint service must be of the interface type, with a network load balancer.",
        ),
        (
            zones.len() < MIN_ZONES,
            "The network load balancer of the VPC endpoint service must have subnets in at least two availability zones.",
        ),
        (
            service.acceptance_required,
            "The VPC endpoint service must not require acceptance of connection requests.",
        ),
        (
            private_dns_name.is_none(),
            "The VPC endpoint service must have a private DNS name.",
        ),
        (
            service.private_dns_name_state != PrivateDnsNameState::Verified,
            "The domain of the private DNS name of the VPC endpoint service must be verified.",
        ),
        (
            private_dns_name.is_some_and(|name| !name.eq_ignore_ascii_case(host)),
            "The host of XksProxyUriEndpoint must be the private DNS name of the VPC endpoint service.",
        ),
    ];
    match faults.into_iter().find(|(fault, _)| *fault) {
        None => Ok(()),
        Some((_, what)) => Err(Unfit::InvalidConfiguration(what)),
    }
}
