//! DescribeKey, ListKeys, GetKeyLastUsage, UpdateKeyDescription: what a key says of itself.

use std::sync::Arc;

use ambient::Timestamp;
use kms_api::{
    EncryptionAlgorithm, ErrorName, KeyManager, KeySpec, KeyState, KeyUsage, Origin, ResourceOwner, request,
    response,
};

use super::states::state_of;
use super::{Forms, Found};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::KeyOrigin;
use crate::state::{CustomKeyStore, Key, page};

/// Keys on a page of ListKeys, unless told otherwise.
const DEFAULT_LIMIT: u32 = 100;
const LISTING: &str = "keys";

/// `KeyMetadata` of a key.
pub(super) fn metadata(key: &Key, store: Option<&CustomKeyStore>) -> response::KeyMetadata {
    let record = &key.record;
    let state = state_of(key, store);
    let current = key.current_material().map(|material| material.id.to_string());
    let (origin, material) = match record.origin {
        KeyOrigin::AwsKms => (Origin::AwsKms, current),
        // Our own layer is not shown of a key in an external key store, as at AWS.
        KeyOrigin::ExternalKeyStore { .. } => (Origin::ExternalKeyStore, None),
        KeyOrigin::AwsCloudHsm { .. } => (Origin::AwsCloudhsm, None),
    };
    let cluster = store.and_then(|store| store.record.cluster());
    let deletion = record.deletion.filter(|_| state == KeyState::PendingDeletion);
    response::KeyMetadata {
        arn: key.name.clone(),
        creation_date: Timestamp::from_micros(record.created),
        description: record.description.clone(),
        key_usage: KeyUsage::EncryptDecrypt,
        key_state: state,
        deletion_date: deletion.map(Timestamp::from_micros),
        valid_to: None,
        origin,
        custom_key_store_id: record.origin.custom_key_store_id().map(str::to_owned),
        cloud_hsm_cluster_id: cluster.map(|cluster| cluster.cluster_id.clone()),
        expiration_model: None,
        key_manager: KeyManager::Customer,
        key_spec: KeySpec::SymmetricDefault,
        encryption_algorithms: vec![EncryptionAlgorithm::SymmetricDefault],
        multi_region: false,
        xks_key_id: record.origin.xks_key_id().map(str::to_owned),
        current_key_material_id: material,
    }
}

pub(crate) async fn describe_key(
    call: &mut Call<'_>,
    request: request::DescribeKey,
) -> Result<response::DescribeKey, Failure> {
    let Found { key, alias } = call.find(&request.key_id, Forms::KeyOrAlias)?;
    let extras = Extras {
        grant_tokens: &request.grant_tokens,
        request_alias: alias.as_ref().map(|alias| alias.as_str()),
        ..Extras::default()
    };
    let authorized = call.authorize("DescribeKey", &Resource::Key(&key), &extras)?;
    let admitted = call.admit(authorized)?;
    let key_metadata = metadata(&admitted.key, admitted.store.as_deref());
    Ok(response::DescribeKey { key_metadata })
}

pub(crate) async fn list_keys(
    call: &mut Call<'_>,
    request: request::ListKeys,
) -> Result<response::ListKeys, Failure> {
    let _allowed = call.authorize("ListKeys", &Resource::Any, &Extras::default())?;
    let position = page::position(LISTING, request.marker.as_deref())?;
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    // Nothing is shared with an account from outside: there is no AWS RAM here.
    let own = request.resource_owners.is_empty() || request.resource_owners.contains(&ResourceOwner::Own);
    let model = call.kms.state().read();
    let contents = model.contents(&call.realm).filter(|_| own);
    let ids = contents
        .into_iter()
        .flat_map(|contents| page::names_after(&contents.keys, position.as_deref()));
    let now = call.now.as_micros();
    let live = ids.filter_map(|id| {
        let key = model.key(id)?;
        key.record.deletion.is_none_or(|at| at > now).then_some(key)
    });
    let page = page::page(LISTING, live, limit, |key| key.record.id.as_str());
    let entry = |key: &Arc<Key>| response::KeyListEntry {
        key_id: key.record.id.clone(),
        key_arn: key.name.clone(),
    };
    Ok(response::ListKeys {
        keys: page.items.into_iter().map(entry).collect(),
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

pub(crate) async fn get_key_last_usage(
    call: &mut Call<'_>,
    request: request::GetKeyLastUsage,
) -> Result<response::GetKeyLastUsage, Failure> {
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let authorized = call.authorize("GetKeyLastUsage", &Resource::Key(&key), &Extras::default())?;
    let key = call.admit(authorized)?.key;
    let created = Timestamp::from_micros(key.record.created);
    let last = key.usage.get().map(|usage| response::KeyLastUsage {
        operation: usage.operation,
        timestamp: usage.at,
        cloud_trail_event_id: Some(usage.event_id),
        kms_request_id: usage.request_id,
    });
    Ok(response::GetKeyLastUsage {
        key_id: key.name.clone(),
        key_last_usage: last,
        // Of every key, since it exists.
        tracking_start_date: Some(created),
        key_creation_date: created,
    })
}

pub(crate) async fn update_key_description(
    call: &mut Call<'_>,
    request: request::UpdateKeyDescription,
) -> Result<response::Nothing, Failure> {
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let authorized = call.authorize("UpdateKeyDescription", &Resource::Key(&key), &Extras::default())?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let mut record = admitted.record();
    record.description = request.description;
    edit.put_key(record);
    edit.commit().await?;
    Ok(response::Nothing)
}

impl From<page::BadMarker> for Failure {
    fn from(_: page::BadMarker) -> Self {
        Self::new(
            ErrorName::InvalidMarkerException,
            "The request was rejected because the marker that specifies where pagination should next begin is \
             not valid.",
        )
    }
}
