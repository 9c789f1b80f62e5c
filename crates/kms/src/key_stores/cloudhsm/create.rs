//! CreateCustomKeyStore of type `AWS_CLOUDHSM`.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::{ErrorName, KmsError, request, response};

use super::super::rules;
use super::super::settings::{none_of, required};
use super::passwords;
use super::rules::{check_for_creation, is_in_use, is_trust_anchor};
use crate::call::Call;
use crate::clusters::{Cluster, Passwords};
use crate::error::Failure;
use crate::state::record::{Backing, CloudHsmRecord, Connection, CustomKeyStoreRecord};

/// Makes a key store over a cluster that no other has. It is not connected, and the password is not
/// tried.
pub(in crate::key_stores) async fn create(
    call: &mut Call<'_>,
    request: request::CreateCustomKeyStore,
) -> Result<response::CreateCustomKeyStore, Failure> {
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
    let cluster_id = required(request.cloud_hsm_cluster_id, "CloudHsmClusterId")?;
    let trust_anchor = required(request.trust_anchor_certificate, "TrustAnchorCertificate")?;
    let password = required(request.key_store_password, "KeyStorePassword")?;
    let record = CustomKeyStoreRecord {
        id: crate::id::custom_key_store(call.kms.random())?,
        realm: call.realm.clone(),
        name: request.custom_key_store_name,
        created: call.now.as_micros(),
        backing: Backing::AwsCloudHsm(CloudHsmRecord {
            cluster_id: cluster_id.clone(),
            trust_anchor,
        }),
        connection: Connection::Disconnected,
    };
    check_names(call, &record)?;
    let cluster = call.kms.declared_cluster(&cluster_id)?;
    check_cluster(call, &record, &*cluster)?;
    check_for_creation(&*cluster).await?;
    let passwords = Passwords {
        current: Arc::new(SecretBytes::new(password.as_str().as_bytes().to_vec())),
        next: None,
    };
    let secret = passwords::to_secret(&passwords)
        .ok_or_else(|| Failure::internal("a password is longer than the API's model allows"))?;
    let id = record.id.clone();
    let mut edit = call.kms.state().edit().await;
    // Others may have come meanwhile.
    check_names(call, &record)?;
    check_cluster(call, &record, &*cluster)?;
    edit.put_custom_key_store(record, secret)?;
    call.kms.commit_key_store(edit, &id, &call.request_id).await?;
    Ok(response::CreateCustomKeyStore {
        custom_key_store_id: id,
    })
}

fn check_names(call: &Call<'_>, record: &CustomKeyStoreRecord) -> Result<(), KmsError> {
    let model = call.kms.state().read();
    rules::room(&model, &record.realm)?;
    rules::name(&model, &record.realm, &record.id, &record.name)
}

fn check_cluster(
    call: &Call<'_>,
    record: &CustomKeyStoreRecord,
    cluster: &dyn Cluster,
) -> Result<(), KmsError> {
    let Some(CloudHsmRecord {
        cluster_id,
        trust_anchor,
    }) = record.cluster()
    else {
        return Ok(());
    };
    if is_in_use(&call.kms.state().read(), &record.id, cluster_id, cluster) {
        return Err(KmsError::new(
            ErrorName::CloudHsmClusterInUseException,
            "The CloudHSM cluster is already that of a custom key store, or shares a backup history with one \
             that is.",
        ));
    }
    if !is_trust_anchor(cluster, trust_anchor) {
        return Err(KmsError::new(
            ErrorName::IncorrectTrustAnchorException,
            "The trust anchor certificate is not that of the CloudHSM cluster.",
        ));
    }
    Ok(())
}
