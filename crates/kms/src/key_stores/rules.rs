//! Which custom key stores can be beside which: names, addresses, VPC endpoint services, how many.

use kms_api::{ErrorName, KmsError};

use super::runtime::{host_of, owner_of};
use crate::state::record::{Connectivity, CustomKeyStoreRecord, XksProxyRecord};
use crate::state::{Model, Realm};

/// Custom key stores in an account and Region, of either type and in any state. Not adjustable.
pub(super) const MAX_STORES: usize = 10;

/// Whether there is room for one more.
pub(super) fn room(model: &Model, realm: &Realm) -> Result<(), KmsError> {
    let count = model
        .contents(realm)
        .map_or(0, |contents| contents.custom_key_stores.len());
    if count < MAX_STORES {
        return Ok(());
    }
    Err(KmsError::new(
        ErrorName::LimitExceededException,
        "The account has the most custom key stores that it can have in this Region.",
    ))
}

/// Whether a name is free for the store of this id.
pub(super) fn name(model: &Model, realm: &Realm, id: &str, name: &str) -> Result<(), KmsError> {
    let taken = others(model, id).any(|other| other.realm == *realm && other.name == name);
    if !taken {
        return Ok(());
    }
    Err(KmsError::new(
        ErrorName::CustomKeyStoreNameInUseException,
        "The name is already that of another custom key store in this account and Region.",
    ))
}

/// Whether a store can have the address that it names, and the VPC endpoint service.
pub(super) fn address(
    model: &Model,
    id: &str,
    realm: &Realm,
    proxy: &XksProxyRecord,
) -> Result<(), KmsError> {
    let neighbours = || {
        let others = others(model, id).filter(|other| other.realm.region == realm.region);
        others.filter_map(|other| Some((&other.realm, other.proxy()?)))
    };
    let same_host = |(_, other): &(&Realm, &XksProxyRecord)| {
        host_of(&other.uri_endpoint).eq_ignore_ascii_case(host_of(&proxy.uri_endpoint))
    };
    // Of different connectivity: in the whole Region, even across accounts.
    let mixed = neighbours()
        .filter(same_host)
        .any(|(_, other)| service_of(other).is_some() != service_of(proxy).is_some());
    if mixed {
        return Err(KmsError::new(
            ErrorName::XksProxyUriEndpointInUseException,
            "The XksProxyUriEndpoint is already used in this Region by an external key store with another connectivity.",
        ));
    }
    let own = |(of, _): &(&Realm, &XksProxyRecord)| *of == realm;
    if neighbours()
        .filter(own)
        .filter(same_host)
        .any(|(_, other)| other.uri_path == proxy.uri_path)
    {
        return Err(KmsError::new(
            ErrorName::XksProxyUriInUseException,
            "The XksProxyUriEndpoint and XksProxyUriPath are already those of another external key store in this \
             account and Region.",
        ));
    }
    let Some(service) = service_of(proxy) else {
        return Ok(());
    };
    // A service of this name has one owner, so that its name alone would do.
    let owner = owner_of(realm, proxy);
    if neighbours().any(|(of, other)| service_of(other) == Some(service) && owner_of(of, other) == owner) {
        return Err(KmsError::new(
            ErrorName::XksProxyVpcEndpointServiceInUseException,
            "The VPC endpoint service is already that of another external key store in this Region.",
        ));
    }
    if neighbours().filter(own).any(|other| same_host(&other)) {
        return Err(KmsError::new(
            ErrorName::XksProxyUriEndpointInUseException,
            "The private DNS name in XksProxyUriEndpoint is already that of another external key store in this \
             account and Region.",
        ));
    }
    Ok(())
}

/// The other stores.
pub(super) fn others<'m>(model: &'m Model, id: &str) -> impl Iterator<Item = &'m CustomKeyStoreRecord> {
    model
        .custom_key_stores()
        .map(|store| &*store.record)
        .filter(move |record| record.id != id)
}

fn service_of(proxy: &XksProxyRecord) -> Option<&str> {
    match &proxy.connectivity {
        Connectivity::PublicEndpoint => None,
        Connectivity::VpcEndpointService { service_name, .. } => Some(service_name),
    }
}
