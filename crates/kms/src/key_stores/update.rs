//! UpdateCustomKeyStore.

use std::sync::Arc;

use kms_api::{ErrorName, KmsError, Operation, XksProxyConnectivity, request, response};
use xks_api::kms_exception::KmsCall;

use super::cloudhsm;
use super::create::check;
use super::probe::exception;
use super::settings::{connectivity, credential, invalid, none_of};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::metrics::Purpose;
use crate::state::CustomKeyStore;
use crate::state::record::{Backing, Connection, Connectivity, XksProxyRecord};

/// Changes a custom key store, if the proxy answers under the new settings.
pub(crate) async fn update(
    call: &mut Call<'_>,
    request: request::UpdateCustomKeyStore,
) -> Result<response::EmptyObject, Failure> {
    let _allowed = call.authorize("UpdateCustomKeyStore", &Resource::Any, &Extras::default())?;
    loop {
        let before = call.key_store(&request.custom_key_store_id)?;
        allowed_in(&before.record.connection, &request)?;
        if before.record.cluster().is_some() {
            if cloudhsm::update(call, &before, &request).await? == cloudhsm::Updated::Overtaken {
                continue;
            }
            return Ok(response::EmptyObject);
        }
        let after = changed(call, &before, &request)?;
        check(call, &after)?;
        if concerns_the_proxy(&request) && can_be_probed(&after) {
            probe(call, &after).await?;
        }
        let mut edit = call.kms.state().edit().await;
        // The proxy's answer took its time. If the store has changed meanwhile, then what would be
        // stored is not what the proxy was asked with.
        if !Arc::ptr_eq(&before, &call.key_store(&request.custom_key_store_id)?) {
            continue;
        }
        // Other stores may have changed as well.
        check(call, &after)?;
        let id = after.record.id.clone();
        edit.put_custom_key_store((*after.record).clone(), Arc::clone(&after.secret))?;
        call.kms.commit_key_store(edit, &id, &call.request_id).await?;
        return Ok(response::EmptyObject);
    }
}

/// Name, credential and path may change while the store is connected, the rest only while it is
/// disconnected. A store on its way to another state does not change, and neither does a failed one,
/// which has to be disconnected first.
fn allowed_in(connection: &Connection, request: &request::UpdateCustomKeyStore) -> Result<(), KmsError> {
    let only_disconnected = request.xks_proxy_connectivity.is_some()
        || request.xks_proxy_uri_endpoint.is_some()
        || request.xks_proxy_vpc_endpoint_service_name.is_some()
        || request.xks_proxy_vpc_endpoint_service_owner.is_some()
        || request.cloud_hsm_cluster_id.is_some()
        || request.key_store_password.is_some();
    let message = match connection {
        Connection::Disconnected => return Ok(()),
        Connection::Connected if !only_disconnected => return Ok(()),
        Connection::Connected => {
            "This property of a custom key store can be changed only while it is disconnected."
        }
        Connection::Connecting => "The custom key store is being connected.",
        Connection::Disconnecting => "The custom key store is being disconnected.",
        Connection::Failed(_) => {
            "The custom key store is in the state FAILED. Disconnect it before you change it."
        }
    };
    Err(KmsError::new(
        ErrorName::CustomKeyStoreInvalidStateException,
        message,
    ))
}

/// The store as it is asked for.
fn changed(
    call: &Call<'_>,
    before: &CustomKeyStore,
    request: &request::UpdateCustomKeyStore,
) -> Result<CustomKeyStore, KmsError> {
    none_of(&[
        ("CloudHsmClusterId", request.cloud_hsm_cluster_id.is_some()),
        ("KeyStorePassword", request.key_store_password.is_some()),
    ])?;
    let mut record = (*before.record).clone();
    let mut secret = Arc::clone(&before.secret);
    if let Some(name) = &request.new_custom_key_store_name {
        record.name.clone_from(name);
    }
    if let Backing::ExternalKeyStore(proxy) = &mut record.backing {
        proxy.connectivity = changed_connectivity(proxy, request)?;
        if let Some(endpoint) = &request.xks_proxy_uri_endpoint {
            proxy.uri_endpoint.clone_from(endpoint);
        }
        if let Some(path) = &request.xks_proxy_uri_path {
            proxy.uri_path.clone_from(path);
        }
        if let Some(given) = &request.xks_proxy_authentication_credential {
            (proxy.access_key_id, secret) = credential(given);
            proxy.credential_since = call.now.as_micros();
        }
    }
    Ok(CustomKeyStore {
        record: Arc::new(record),
        secret,
    })
}

/// A change of connectivity comes with a new endpoint. Without one, the service's name and owner can
/// change each by itself.
fn changed_connectivity(
    proxy: &XksProxyRecord,
    request: &request::UpdateCustomKeyStore,
) -> Result<Connectivity, KmsError> {
    let before = match proxy.connectivity {
        Connectivity::PublicEndpoint => XksProxyConnectivity::PublicEndpoint,
        Connectivity::VpcEndpointService { .. } => XksProxyConnectivity::VpcEndpointService,
    };
    let after = request.xks_proxy_connectivity.unwrap_or(before);
    let mut name = request.xks_proxy_vpc_endpoint_service_name.clone();
    let mut owner = request.xks_proxy_vpc_endpoint_service_owner.clone();
    if after != before {
        if request.xks_proxy_uri_endpoint.is_none() {
            return Err(invalid(
                "A change of XksProxyConnectivity needs a new XksProxyUriEndpoint.",
            ));
        }
    } else if let Connectivity::VpcEndpointService {
        service_name,
        service_owner,
    } = &proxy.connectivity
    {
        name = name.or_else(|| Some(service_name.clone()));
        owner = owner.or_else(|| service_owner.clone());
    }
    connectivity(after, name, owner)
}

/// Whether the way to the proxy is given anew, be it the same. A new name alone asks nobody.
const fn concerns_the_proxy(request: &request::UpdateCustomKeyStore) -> bool {
    request.xks_proxy_connectivity.is_some()
        || request.xks_proxy_uri_endpoint.is_some()
        || request.xks_proxy_uri_path.is_some()
        || request.xks_proxy_authentication_credential.is_some()
        || request.xks_proxy_vpc_endpoint_service_name.is_some()
        || request.xks_proxy_vpc_endpoint_service_owner.is_some()
}

/// Behind a VPC endpoint there is a way to the proxy only while the store is connected.
fn can_be_probed(store: &CustomKeyStore) -> bool {
    store.is_public() || store.is_connected()
}

async fn probe(call: &Call<'_>, after: &CustomKeyStore) -> Result<(), KmsError> {
    let id = &after.record.id;
    let key_stores = call.kms.key_stores();
    let client = key_stores.client_for(after, &key_stores.runtime(id).faults);
    let purpose = Purpose::Operation(Operation::UpdateCustomKeyStore);
    call.kms
        .probe(id, client.as_ref(), purpose, &call.request_id)
        .await
        .map_err(|failure| exception(failure, KmsCall::UpdateCustomKeyStore))
}
