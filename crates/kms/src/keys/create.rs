//! CreateKey.

use std::sync::Arc;

use kms_api::{ErrorName, KeyId, KeySpec, KeyUsage, Origin, request, response};
use xks_api::kms_exception::{ProxyFailure, kms_message};

use super::describe::metadata;
use super::rotation::add_material;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::{KeyOrigin, KeyRecord};
use crate::state::{CustomKeyStore, Model};
use crate::{policies, tags};

pub(crate) async fn create_key(
    call: &mut Call<'_>,
    request: request::CreateKey,
) -> Result<response::CreateKey, Failure> {
    let origin = checked_origin(&request)?;
    let tags = tags::checked(&request.tags)?;
    let extras = extras(&request, &origin, &tags);
    let _allowed = call.authorize("CreateKey", &Resource::Any, &extras)?;
    if !tags.is_empty() {
        let _allowed = call.authorize("TagResource", &Resource::Any, &extras)?;
    }
    let policy = policies::of_new_key(call, request.policy, request.bypass_policy_lockout_safety_check)?;
    if let KeyOrigin::ExternalKeyStore {
        custom_key_store_id,
        xks_key_id,
    } = &origin
    {
        call.trail
            .additional("customKeyStoreId", custom_key_store_id.as_str());
        call.trail.additional("xksKeyId", xks_key_id.as_str());
        let store = usable_store(call, custom_key_store_id, xks_key_id)?;
        call.check_external_key(&store, xks_key_id).await?;
    }
    let mut edit = call.kms.state().edit().await;
    // The proxy's answer took its time: what was looked at before may have changed.
    if let (Some(store), Some(external)) = (origin.custom_key_store_id(), origin.xks_key_id()) {
        usable_store(call, store, external)?;
    }
    let max = call.kms.config().keys.max_keys;
    if count(call) >= usize::try_from(max).unwrap_or(usize::MAX) {
        let message = format!("An account may have {max} KMS keys in a Region.");
        return Err(Failure::new(ErrorName::LimitExceededException, message));
    }
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
    };
    let id = record.id.to_string();
    edit.put_key(record.clone());
    add_material(&mut edit, &record, 0, None, call.now, call.kms.random())?;
    edit.commit().await?;
    answer(call, &id)
}

fn answer(call: &mut Call<'_>, id: &str) -> Result<response::CreateKey, Failure> {
    let created = call.kms.state().read().key(id).map(Arc::clone);
    let key = created.ok_or_else(|| Failure::internal("a new key is not there"))?;
    call.note(&key);
    let store = call.store_of(&key);
    let key_metadata = metadata(&key, store.as_deref());
    Ok(response::CreateKey { key_metadata })
}

/// What is made here: symmetric encryption keys of our own material or in external key stores. For
/// the rest AWS's errors.
fn checked_origin(request: &request::CreateKey) -> Result<KeyOrigin, Failure> {
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
        (Origin::AwsCloudhsm, Some(_), _) => Err(unsupported(
            "CustomKeyStoreId is not that of an AWS CloudHSM key store.",
        )),
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

/// A connected store of the caller's, in which no other key uses this external key.
fn usable_store(call: &Call<'_>, id: &str, xks_key_id: &str) -> Result<Arc<CustomKeyStore>, Failure> {
    let model = call.kms.state().read();
    let store = model.custom_key_store(id).map(Arc::clone);
    let Some(store) = store.filter(|store| store.record.realm == call.realm) else {
        let message = format!("There is no custom key store {id}.");
        return Err(Failure::new(ErrorName::CustomKeyStoreNotFoundException, message));
    };
    if !store.is_connected() {
        return Err(Failure::new(
            ErrorName::CustomKeyStoreInvalidStateException,
            kms_message(ProxyFailure::KeyStoreNotConnected),
        ));
    }
    if is_used(&model, id, xks_key_id) {
        let message = format!("The external key {xks_key_id} belongs to another KMS key of {id}.");
        return Err(Failure::new(ErrorName::XksKeyAlreadyInUseException, message));
    }
    Ok(store)
}

fn is_used(model: &Model, store: &str, xks_key_id: &str) -> bool {
    model
        .keys_of_store(store)
        .is_some_and(|keys| keys.contains_key(xks_key_id))
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
