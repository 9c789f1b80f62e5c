//! UpdateCustomKeyStore of type `AWS_CLOUDHSM`.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::{ErrorName, KmsError, request};

use super::super::rules;
use super::super::settings::none_of;
use super::passwords;
use super::rules::{check_for_creation, is_in_use, is_trust_anchor};
use crate::call::Call;
use crate::clusters::{Cluster, Passwords};
use crate::error::Failure;
use crate::state::CustomKeyStore;
use crate::state::record::{Backing, CloudHsmRecord, CustomKeyStoreRecord};

/// What came of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::key_stores) enum Updated {
    /// It is in force.
    Done,
    /// The store changed meanwhile: to be looked at once more.
    Overtaken,
}

/// Changes a key store, whose state allows it: its name, its password as it is in the cluster, its
/// cluster to one of the same backup history.
pub(in crate::key_stores) async fn update(
    call: &mut Call<'_>,
    before: &Arc<CustomKeyStore>,
    request: &request::UpdateCustomKeyStore,
) -> Result<Updated, Failure> {
    let (record, secret) = changed(before, request)?;
    check_name(call, &record)?;
    if request.cloud_hsm_cluster_id.is_some() {
        let cluster = related(call, before, &record)?;
        check_for_creation(&*cluster).await?;
    }
    let mut edit = call.kms.state().edit().await;
    if !Arc::ptr_eq(before, &call.key_store(&before.record.id)?) {
        return Ok(Updated::Overtaken);
    }
    check_name(call, &record)?;
    if request.cloud_hsm_cluster_id.is_some() {
        related(call, before, &record)?;
    }
    let id = record.id.clone();
    edit.put_custom_key_store(record, secret)?;
    call.kms.commit_key_store(edit, &id, &call.request_id).await?;
    Ok(Updated::Done)
}

fn changed(
    before: &CustomKeyStore,
    request: &request::UpdateCustomKeyStore,
) -> Result<(CustomKeyStoreRecord, Arc<SecretBytes>), Failure> {
    none_of(&[
        ("XksProxyConnectivity", request.xks_proxy_connectivity.is_some()),
        ("XksProxyUriEndpoint", request.xks_proxy_uri_endpoint.is_some()),
        ("XksProxyUriPath", request.xks_proxy_uri_path.is_some()),
        (
            "XksProxyAuthenticationCredential",
            request.xks_proxy_authentication_credential.is_some(),
        ),
        (
            "XksProxyVpcEndpointServiceName",
            request.xks_proxy_vpc_endpoint_service_name.is_some(),
        ),
        (
            "XksProxyVpcEndpointServiceOwner",
            request.xks_proxy_vpc_endpoint_service_owner.is_some(),
        ),
    ])?;
    let mut record = (*before.record).clone();
    let mut secret = Arc::clone(&before.secret);
    if let Some(name) = &request.new_custom_key_store_name {
        record.name.clone_from(name);
    }
    if let (Backing::AwsCloudHsm(cluster), Some(id)) = (&mut record.backing, &request.cloud_hsm_cluster_id) {
        cluster.cluster_id.clone_from(id);
    }
    if let Some(password) = &request.key_store_password {
        let passwords = Passwords {
            current: Arc::new(SecretBytes::new(password.as_str().as_bytes().to_vec())),
            next: None,
        };
        secret = passwords::to_secret(&passwords)
            .ok_or_else(|| Failure::internal("a password is longer than the API's model allows"))?;
    }
    Ok((record, secret))
}

fn check_name(call: &Call<'_>, record: &CustomKeyStoreRecord) -> Result<(), KmsError> {
    rules::name(&call.kms.state().read(), &record.realm, &record.id, &record.name)
}

/// The cluster that takes the place of the one before, if it can: it has that one's keys.
fn related(
    call: &Call<'_>,
    before: &CustomKeyStore,
    after: &CustomKeyStoreRecord,
) -> Result<Arc<dyn Cluster>, KmsError> {
    let unrelated = || {
        KmsError::new(
            ErrorName::CloudHsmClusterNotRelatedException,
            "The CloudHSM cluster shares no backup history with the one of the custom key store, or is that of \
             another.",
        )
    };
    let ids = (before.record.cluster(), after.cluster());
    let (
        Some(CloudHsmRecord { cluster_id: from, .. }),
        Some(CloudHsmRecord {
            cluster_id: to,
            trust_anchor,
        }),
    ) = ids
    else {
        return Err(unrelated());
    };
    let cluster = call.kms.declared_cluster(to)?;
    let is_related = from == to || cluster.is_related_to(from);
    let in_use = is_in_use(&call.kms.state().read(), &after.id, to, &*cluster);
    if !is_related || in_use || !is_trust_anchor(&*cluster, trust_anchor) {
        return Err(unrelated());
    }
    Ok(cluster)
}
