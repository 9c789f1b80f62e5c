//! CreateCustomKeyStore.

use std::sync::Arc;

use kms_api::{CustomKeyStoreType, KmsError, Operation, request, response};
use xks_api::kms_exception::KmsCall;
use xks_client::FaultSwitch;

use super::cloudhsm;
use super::probe::exception;
use super::rules;
use super::settings::{connectivity, credential, none_of, required};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::metrics::Purpose;
use crate::state::CustomKeyStore;
use crate::state::record::{Backing, Connection, CustomKeyStoreRecord, XksProxyRecord};

/// Makes a custom key store. It is not connected.
pub(crate) async fn create(
    call: &mut Call<'_>,
    request: request::CreateCustomKeyStore,
) -> Result<response::CreateCustomKeyStore, Failure> {
    let _allowed = call.authorize("CreateCustomKeyStore", &Resource::Any, &Extras::default())?;
    match request.custom_key_store_type {
        Some(CustomKeyStoreType::ExternalKeyStore) => external(call, request).await,
        // AWS's default.
        Some(CustomKeyStoreType::AwsCloudhsm) | None => cloudhsm::create(call, request).await,
    }
}

async fn external(
    call: &mut Call<'_>,
    request: request::CreateCustomKeyStore,
) -> Result<response::CreateCustomKeyStore, Failure> {
    let store = settings(call, request)?;
    let id = store.record.id.clone();
    rules::room(&call.kms.state().read(), &call.realm)?;
    check(call, &store)?;
    if store.is_public() {
        // Behind a VPC endpoint there is no way to the proxy before the key store is connected.
        probe(call, &store).await?;
    }
    let mut edit = call.kms.state().edit().await;
    // Others may have come meanwhile.
    rules::room(&call.kms.state().read(), &call.realm)?;
    check(call, &store)?;
    let CustomKeyStore { record, secret } = &store;
    edit.put_custom_key_store((**record).clone(), Arc::clone(secret))?;
    call.kms.commit_key_store(edit, &id, &call.request_id).await?;
    Ok(response::CreateCustomKeyStore {
        custom_key_store_id: id,
    })
}

/// What is asked for, complete and of this type alone.
fn settings(call: &Call<'_>, request: request::CreateCustomKeyStore) -> Result<CustomKeyStore, Failure> {
    none_of(&[
        ("CloudHsmClusterId", request.cloud_hsm_cluster_id.is_some()),
        (
            "TrustAnchorCertificate",
            request.trust_anchor_certificate.is_some(),
        ),
        ("KeyStorePassword", request.key_store_password.is_some()),
    ])?;
    let kind = required(request.xks_proxy_connectivity, "XksProxyConnectivity")?;
    let uri_endpoint = required(request.xks_proxy_uri_endpoint, "XksProxyUriEndpoint")?;
    let uri_path = required(request.xks_proxy_uri_path, "XksProxyUriPath")?;
    let given = required(
        request.xks_proxy_authentication_credential,
        "XksProxyAuthenticationCredential",
    )?;
    let (access_key_id, secret) = credential(&given);
    let record = CustomKeyStoreRecord {
        id: crate::id::custom_key_store(call.kms.random())?,
        realm: call.realm.clone(),
        name: request.custom_key_store_name,
        created: call.now.as_micros(),
        backing: Backing::ExternalKeyStore(XksProxyRecord {
            connectivity: connectivity(
                kind,
                request.xks_proxy_vpc_endpoint_service_name,
                request.xks_proxy_vpc_endpoint_service_owner,
            )?,
            uri_endpoint,
            uri_path,
            access_key_id,
            credential_since: call.now.as_micros(),
        }),
        connection: Connection::Disconnected,
    };
    Ok(CustomKeyStore {
        record: Arc::new(record),
        secret,
    })
}

/// What does not depend on the proxy.
pub(super) fn check(call: &Call<'_>, store: &CustomKeyStore) -> Result<(), KmsError> {
    let record = &store.record;
    let proxy = record.proxy();
    {
        let model = call.kms.state().read();
        rules::name(&model, &record.realm, &record.id, &record.name)?;
        proxy.map_or(Ok(()), |proxy| {
            rules::address(&model, &record.id, &record.realm, proxy)
        })?;
    }
    proxy.map_or(Ok(()), |proxy| {
        call.kms.key_stores().check_service(&record.realm, proxy)
    })
}

async fn probe(call: &Call<'_>, store: &CustomKeyStore) -> Result<(), KmsError> {
    let id = &store.record.id;
    let client = call.kms.key_stores().client_for(store, &FaultSwitch::default());
    let purpose = Purpose::Operation(Operation::CreateCustomKeyStore);
    let probed = call
        .kms
        .probe(id, client.as_ref(), purpose, &call.request_id)
        .await;
    probed.map_err(|failure| exception(failure, KmsCall::CreateCustomKeyStore))
}
