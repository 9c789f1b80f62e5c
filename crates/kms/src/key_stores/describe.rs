//! DescribeCustomKeyStores.

use ambient::Timestamp;
use kms_api::response::{CustomKeyStoresListEntry, XksProxyConfiguration};
use kms_api::{
    ConnectionErrorCode, ConnectionState, CustomKeyStoreType, ErrorName, XksProxyConnectivity, request,
    response,
};

use super::not_found;
use super::runtime::owner_of;
use super::settings::invalid;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::{Connection, Connectivity, CustomKeyStoreRecord, XksProxyRecord};
use crate::state::{CustomKeyStore, Realm, page};

/// Names this listing in its markers.
const LISTING: &str = "custom-key-stores";
/// Key stores on a page, unless asked otherwise: more than there can be.
const DEFAULT_LIMIT: u32 = 100;

/// Lists the account's custom key stores in this Region, or one of them.
pub(crate) async fn describe(
    call: &mut Call<'_>,
    request: request::DescribeCustomKeyStores,
) -> Result<response::DescribeCustomKeyStores, Failure> {
    let _allowed = call.authorize("DescribeCustomKeyStores", &Resource::Any, &Extras::default())?;
    let one = match (&request.custom_key_store_id, &request.custom_key_store_name) {
        (Some(_), Some(_)) => {
            return Err(invalid("CustomKeyStoreId and CustomKeyStoreName exclude each other.").into());
        }
        (Some(id), None) => Some(call.key_store(id)?),
        (None, Some(name)) => Some(by_name(call, name)?),
        (None, None) => None,
    };
    if let Some(store) = one {
        return Ok(response::DescribeCustomKeyStores {
            custom_key_stores: vec![entry(&store.record)],
            next_marker: None,
            truncated: false,
        });
    }
    list(call, &request)
}

fn by_name(call: &Call<'_>, name: &str) -> Result<std::sync::Arc<CustomKeyStore>, Failure> {
    let model = call.kms.state().read();
    let mut stores = model.custom_key_stores();
    let found = stores.find(|store| store.record.realm == call.realm && store.record.name == name);
    found.cloned().ok_or_else(|| not_found().into())
}

fn list(
    call: &Call<'_>,
    request: &request::DescribeCustomKeyStores,
) -> Result<response::DescribeCustomKeyStores, Failure> {
    let position = page::position(LISTING, request.marker.as_deref()).map_err(|_| {
        Failure::new(
            ErrorName::InvalidMarkerException,
            "The marker is not one that this listing returned.",
        )
    })?;
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    let model = call.kms.state().read();
    let ids = model
        .contents(&call.realm)
        .into_iter()
        .flat_map(|contents| page::names_after(&contents.custom_key_stores, position.as_deref()));
    let stores = ids.filter_map(|id| model.custom_key_store(id));
    let page = page::page(LISTING, stores, limit, |store| &store.record.id);
    Ok(response::DescribeCustomKeyStores {
        custom_key_stores: page.items.iter().map(|store| entry(&store.record)).collect(),
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

fn entry(record: &CustomKeyStoreRecord) -> CustomKeyStoresListEntry {
    let (state, code) = match &record.connection {
        Connection::Connected => (ConnectionState::Connected, None),
        Connection::Connecting => (ConnectionState::Connecting, None),
        // A code that nobody knows was never written.
        Connection::Failed(code) => (
            ConnectionState::Failed,
            Some(code.parse().unwrap_or(ConnectionErrorCode::InternalError)),
        ),
        Connection::Disconnected => (ConnectionState::Disconnected, None),
        Connection::Disconnecting => (ConnectionState::Disconnecting, None),
    };
    let cluster = record.cluster();
    CustomKeyStoresListEntry {
        custom_key_store_id: record.id.clone(),
        custom_key_store_name: record.name.clone(),
        cloud_hsm_cluster_id: cluster.map(|cluster| cluster.cluster_id.clone()),
        trust_anchor_certificate: cluster.map(|cluster| cluster.trust_anchor.clone()),
        connection_state: state,
        connection_error_code: code,
        creation_date: Timestamp::from_micros(record.created),
        custom_key_store_type: match cluster {
            Some(_) => CustomKeyStoreType::AwsCloudhsm,
            None => CustomKeyStoreType::ExternalKeyStore,
        },
        xks_proxy_configuration: record
            .proxy()
            .map(|proxy| proxy_configuration(&record.realm, proxy)),
    }
}

fn proxy_configuration(realm: &Realm, proxy: &XksProxyRecord) -> XksProxyConfiguration {
    let (connectivity, service) = match &proxy.connectivity {
        Connectivity::PublicEndpoint => (XksProxyConnectivity::PublicEndpoint, None),
        Connectivity::VpcEndpointService { service_name, .. } => (
            XksProxyConnectivity::VpcEndpointService,
            Some(service_name.clone()),
        ),
    };
    XksProxyConfiguration {
        connectivity,
        access_key_id: proxy.access_key_id.clone(),
        uri_endpoint: proxy.uri_endpoint.clone(),
        uri_path: proxy.uri_path.clone(),
        vpc_endpoint_service_owner: service.as_ref().map(|_| owner_of(realm, proxy).to_string()),
        vpc_endpoint_service_name: service,
    }
}
