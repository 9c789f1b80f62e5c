//! CreateKey.

use std::sync::Arc;

use ambient::Random;
use kms_api::{ErrorName, KeyId, KeySpec, KeyUsage, Origin, request, response};

use super::describe::metadata;
use super::rotation::add_material;
use super::states::not_connected;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::{KeyOrigin, KeyRecord};
use crate::state::{CustomKeyStore, MaterialId, Model};
use crate::{policies, tags};

pub(crate) async fn create_key(
    call: &mut Call<'_>,
    request: request::CreateKey,
) -> Result<response::CreateKey, Failure> {
    let origin = checked_origin(&request, call.kms.random())?;
    let tags = tags::checked(&request.tags)?;
    let extras = extras(&request, &origin, &tags);
    let _allowed = call.authorize("CreateKey", &Resource::Any, &extras)?;
    if !tags.is_empty() {
        let _allowed = call.authorize("TagResource", &Resource::Any, &extras)?;
    }
    let policy = policies::of_new_key(call, request.policy, request.bypass_policy_lockout_safety_check)?;
    let record = KeyRecord {
        id: KeyId::generate(call.kms.random())?,
        realm: call.realm.clone(),
        created: call.now.as_micros(),
        description: request.description.unwrap_or_default(),
        origin,
        enabled: true,
        deletion: None,
        rotation: None,
        policy,
        tags,
        encryptions: 0,
        proof: None,
    };
    match &record.origin {
        KeyOrigin::AwsKms => {}
        KeyOrigin::ExternalKeyStore {
            custom_key_store_id,
            xks_key_id,
        } => {
            call.trail
                .additional("customKeyStoreId", custom_key_store_id.as_str());
            call.trail.additional("xksKeyId", xks_key_id.as_str());
            let store = usable_store(call, &record.origin)?;
            call.check_external_key(&store, xks_key_id).await?;
        }
        KeyOrigin::AwsCloudHsm { .. } => return in_cluster(call, record).await,
    }
    put(call, record).await
}

/// Makes the key object, then the KMS key over it; the object goes if the key does not come to be.
async fn in_cluster(call: &mut Call<'_>, mut record: KeyRecord) -> Result<response::CreateKey, Failure> {
    let origin = &record.origin;
    let (Some((store, backing)), arn) = (origin.place_in_store(), record.arn().to_string()) else {
        return Err(Failure::internal("a key in a cluster has no key object"));
    };
    let material = MaterialId::parse(backing).ok_or_else(|| Failure::internal("a backing key id is none"))?;
    call.trail.additional("customKeyStoreId", store);
    let backing_key = serde_json::json!({ "backingKeyId": backing });
    let store = usable_store(call, origin)?;
    // Before the cluster is asked for what would be thrown away.
    check_room(call)?;
    let proof = call.generate_in_cluster(&store, &arn, material).await?;
    record.proof = Some(proof);
    call.trail.additional("backingKey", backing_key.to_string());
    let made = put(call, record).await;
    if made.is_err() {
        call.take_back_from_cluster(&store, &arn, material).await;
    }
    made
}

/// Adds the key. Whatever was asked before took its time: what was looked at may have changed.
async fn put(call: &mut Call<'_>, record: KeyRecord) -> Result<response::CreateKey, Failure> {
    let mut edit = call.kms.state().edit().await;
    if record.origin.custom_key_store_id().is_some() {
        usable_store(call, &record.origin)?;
    }
    check_room(call)?;
    let id = record.id.to_string();
    edit.put_key(record.clone());
    if record.origin.backing_key_id().is_none() {
        add_material(&mut edit, &record, 0, None, call.now, call.kms.random())?;
    }
    edit.commit().await?;
    answer(call, &id)
}

fn check_room(call: &Call<'_>) -> Result<(), Failure> {
    let max = call.kms.config().keys.max_keys;
    if count(call) >= usize::try_from(max).unwrap_or(usize::MAX) {
        let message = format!("An account may have {max} KMS keys in a Region.");
        return Err(Failure::new(ErrorName::LimitExceededException, message));
    }
    Ok(())
}

fn answer(call: &mut Call<'_>, id: &str) -> Result<response::CreateKey, Failure> {
    let created = call.kms.state().read().key(id).map(Arc::clone);
    let key = created.ok_or_else(|| Failure::internal("a new key is not there"))?;
    call.note(&key);
    let store = call.store_of(&key);
    let key_metadata = metadata(&key, store.as_deref());
    Ok(response::CreateKey { key_metadata })
}

/// What is made here: symmetric encryption keys of our own material or in custom key stores. For
/// the rest AWS's errors.
fn checked_origin(request: &request::CreateKey, random: &dyn Random) -> Result<KeyOrigin, Failure> {
    if request.key_spec.is_some() && request.customer_master_key_spec.is_some() {
        return Err(invalid(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
             CustomerMasterKeySpec is deprecated.",
        ));
    }
    let spec = request.key_spec.or(request.customer_master_key_spec);
    if spec.is_some_and(|spec| spec != KeySpec::SymmetricDefault) {
        return Err(unsupported(
            "Only KMS keys of the key spec SYMMETRIC_DEFAULT are supported.",
        ));
    }
    if let Some(usage) = request
        .key_usage
        .filter(|usage| *usage != KeyUsage::EncryptDecrypt)
    {
        return Err(invalid(format!(
            "The key usage {usage} is not valid for the key spec SYMMETRIC_DEFAULT."
        )));
    }
    let origin = request.origin.unwrap_or(Origin::AwsKms);
    let external = Origin::ExternalKeyStore;
    if request.multi_region {
        return Err(unsupported("Multi-Region keys are not supported."));
    }
    if request.xks_key_id.is_some() && origin != external {
        return Err(invalid(
            "XksKeyId is valid only with the Origin EXTERNAL_KEY_STORE.",
        ));
    }
    match (origin, &request.custom_key_store_id, &request.xks_key_id) {
        (Origin::AwsKms, None, _) => Ok(KeyOrigin::AwsKms),
        (Origin::AwsKms | Origin::External, Some(_), _) => Err(invalid(
            "CustomKeyStoreId is valid only with the Origin EXTERNAL_KEY_STORE or AWS_CLOUDHSM.",
        )),
        (Origin::ExternalKeyStore | Origin::AwsCloudhsm, None, _) => {
            Err(invalid(format!("The Origin {origin} needs a CustomKeyStoreId.")))
        }
        (Origin::ExternalKeyStore, Some(_), None) => {
            Err(invalid("The Origin EXTERNAL_KEY_STORE needs an XksKeyId."))
        }
        (Origin::ExternalKeyStore, Some(store), Some(key)) => Ok(KeyOrigin::ExternalKeyStore {
            custom_key_store_id: store.clone(),
            xks_key_id: key.clone(),
        }),
        (Origin::External, None, _) => Err(unsupported("Imported key material is not supported.")),
        (Origin::AwsCloudhsm, Some(store), _) => Ok(KeyOrigin::AwsCloudHsm {
            custom_key_store_id: store.clone(),
            backing_key_id: MaterialId(random.bytes()?).to_string(),
        }),
    }
}

fn extras<'a>(
    request: &request::CreateKey,
    origin: &KeyOrigin,
    tags: &std::collections::BTreeMap<String, String>,
) -> Extras<'a> {
    let spec = KeySpec::SymmetricDefault.as_str().to_owned();
    let usage = KeyUsage::EncryptDecrypt.as_str().to_owned();
    let flag = |value: bool| vec![value.to_string()];
    let mut conditions = vec![
        ("kms:KeySpec", vec![spec.clone()]),
        ("kms:CustomerMasterKeySpec", vec![spec]),
        ("kms:KeyUsage", vec![usage.clone()]),
        ("kms:CustomerMasterKeyUsage", vec![usage]),
        ("kms:KeyOrigin", vec![origin.name().to_owned()]),
        ("kms:MultiRegion", flag(false)),
        (
            "kms:BypassPolicyLockoutSafetyCheck",
            flag(request.bypass_policy_lockout_safety_check),
        ),
    ];
    if !tags.is_empty() {
        conditions.push(("aws:TagKeys", tags.keys().cloned().collect()));
    }
    Extras {
        conditions,
        request_tags: Some(tags.clone()),
        ..Extras::default()
    }
}

/// A connected store of the caller's, of the type that the origin needs, in which no other key uses
/// this external key.
fn usable_store(call: &Call<'_>, origin: &KeyOrigin) -> Result<Arc<CustomKeyStore>, Failure> {
    let (id, place) = origin.place_in_store().unwrap_or_default();
    let model = call.kms.state().read();
    let store = model.custom_key_store(id).map(Arc::clone);
    let Some(store) = store.filter(|store| store.record.realm == call.realm) else {
        let message = format!("There is no custom key store {id}.");
        return Err(Failure::new(ErrorName::CustomKeyStoreNotFoundException, message));
    };
    if store.record.cluster().is_some() != origin.backing_key_id().is_some() {
        let message = format!(
            "The custom key store {id} has no keys of the Origin {}.",
            origin.name()
        );
        return Err(Failure::new(ErrorName::UnsupportedOperationException, message));
    }
    if !store.is_connected() {
        return Err(Failure::new(
            ErrorName::CustomKeyStoreInvalidStateException,
            not_connected(origin),
        ));
    }
    if is_used(&model, id, place) {
        let message = format!("The external key {place} belongs to another KMS key of {id}.");
        return Err(Failure::new(ErrorName::XksKeyAlreadyInUseException, message));
    }
    Ok(store)
}

fn is_used(model: &Model, store: &str, place: &str) -> bool {
    model
        .keys_of_store(store)
        .is_some_and(|keys| keys.contains_key(place))
}

fn count(call: &Call<'_>) -> usize {
    let model = call.kms.state().read();
    model
        .contents(&call.realm)
        .map_or(0, |contents| contents.keys.len())
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(ErrorName::ValidationException, message)
}

fn unsupported(message: &'static str) -> Failure {
    Failure::new(ErrorName::UnsupportedOperationException, message)
}
