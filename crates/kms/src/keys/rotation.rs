//! Rotation of a key's own material: EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus,
//! RotateKeyOnDemand, ListKeyRotations. A key in an external key store has no such thing.

use ambient::{Random, Timestamp};
use crypto::Key256;
use kms_api::{ErrorName, IncludeKeyMaterial, KeyMaterialState, KmsError, RequestedKey, request, response};

use super::events;
use super::states::{state_of, wrong_origin};
use super::{Forms, Found, days_after};
use crate::authorize::{Authorized, Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::{KeyOrigin, KeyRecord, MaterialRecord, RotationKind, RotationPlan};
use crate::state::{Edit, Key, Material, MaterialId, page};

/// Days between automatic rotations, unless told otherwise.
const DEFAULT_PERIOD: u32 = 365;
/// Rotations on demand that one key may have in its life.
const MAX_ON_DEMAND: usize = 25;
/// Rotations on a page of ListKeyRotations, unless told otherwise.
const DEFAULT_LIMIT: u32 = 100;
const LISTING: &str = "rotations";

pub(crate) async fn enable_key_rotation(
    call: &mut Call<'_>,
    request: request::EnableKeyRotation,
) -> Result<response::Nothing, Failure> {
    let period_days = request.rotation_period_in_days.unwrap_or(DEFAULT_PERIOD);
    let extras = Extras {
        conditions: vec![("kms:RotationPeriodInDays", vec![period_days.to_string()])],
        ..Extras::default()
    };
    let authorized = rotating(call, &request.key_id, "EnableKeyRotation", &extras)?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let mut record = admitted.record();
    let same = |plan: &RotationPlan| plan.period_days == period_days;
    if !record.rotation.as_ref().is_some_and(same) {
        record.rotation = Some(RotationPlan {
            period_days,
            next: days_after(call.now, period_days),
        });
        edit.put_key(record);
        edit.commit().await?;
    }
    Ok(response::Nothing)
}

pub(crate) async fn disable_key_rotation(
    call: &mut Call<'_>,
    request: request::DisableKeyRotation,
) -> Result<response::Nothing, Failure> {
    let authorized = rotating(call, &request.key_id, "DisableKeyRotation", &Extras::default())?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let mut record = admitted.record();
    if record.rotation.take().is_some() {
        edit.put_key(record);
        edit.commit().await?;
    }
    Ok(response::Nothing)
}

pub(crate) async fn get_key_rotation_status(
    call: &mut Call<'_>,
    request: request::GetKeyRotationStatus,
) -> Result<response::GetKeyRotationStatus, Failure> {
    let authorized = rotating(call, &request.key_id, "GetKeyRotationStatus", &Extras::default())?;
    let key = call.admit(authorized)?.key;
    // A key that is pending deletion does not rotate; its plan holds again if that is cancelled.
    let plan = key.record.rotation.filter(|_| key.record.deletion.is_none());
    Ok(response::GetKeyRotationStatus {
        key_rotation_enabled: plan.is_some(),
        key_id: key.name.clone(),
        rotation_period_in_days: plan.map(|plan| plan.period_days),
        next_rotation_date: plan.map(|plan| Timestamp::from_micros(plan.next)),
        // Rotations on demand are done when they are answered.
        on_demand_rotation_start_date: None,
    })
}

pub(crate) async fn rotate_key_on_demand(
    call: &mut Call<'_>,
    request: request::RotateKeyOnDemand,
) -> Result<response::RotateKeyOnDemand, Failure> {
    let authorized = rotating(call, &request.key_id, "RotateKeyOnDemand", &Extras::default())?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let key = &admitted.key;
    let on_demand =
        |material: &&std::sync::Arc<Material>| material.record.rotation == Some(RotationKind::OnDemand);
    if key.materials.iter().filter(on_demand).count() >= MAX_ON_DEMAND {
        let message = format!("{} was rotated on demand {MAX_ON_DEMAND} times already.", key.arn);
        return Err(Failure::new(ErrorName::LimitExceededException, message));
    }
    rotate(
        &mut edit,
        key,
        RotationKind::OnDemand,
        call.now,
        call.kms.random(),
    )?;
    edit.commit().await?;
    events::rotated(call.kms, key, RotationKind::OnDemand, call.now);
    Ok(response::RotateKeyOnDemand {
        key_id: key.name.clone(),
    })
}

pub(crate) async fn list_key_rotations(
    call: &mut Call<'_>,
    request: request::ListKeyRotations,
) -> Result<response::ListKeyRotations, Failure> {
    let authorized = rotating(call, &request.key_id, "ListKeyRotations", &Extras::default())?;
    let key = call.admit(authorized)?.key;
    let position = page::position(LISTING, request.marker.as_deref())?;
    let all = request.include_key_material == Some(IncludeKeyMaterial::AllKeyMaterial);
    // Markers hold a sequence number, the last one listed.
    let position: Option<u32> = match position.map(|text| text.parse()) {
        None => None,
        Some(Ok(sequence)) => Some(sequence),
        Some(Err(_)) => return Err(page::BadMarker.into()),
    };
    let numbered: Vec<(String, _)> = key
        .materials
        .iter()
        .filter(|material| all || material.record.rotation.is_some())
        .filter(|material| position.is_none_or(|position| material.record.sequence > position))
        .map(|material| (material.record.sequence.to_string(), material))
        .collect();
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    let page = page::page(LISTING, numbered.into_iter(), limit, |(sequence, _)| sequence);
    let current = key.current_material().map(|material| material.id);
    let entry = |material: &Material| response::RotationsListEntry {
        key_id: key.name.clone(),
        key_material_id: Some(material.id.to_string()),
        key_material_description: None,
        import_state: None,
        key_material_state: Some(if Some(material.id) == current {
            KeyMaterialState::Current
        } else {
            KeyMaterialState::NonCurrent
        }),
        expiration_model: None,
        valid_to: None,
        rotation_date: material
            .record
            .rotation
            .map(|_| Timestamp::from_micros(material.record.created)),
        rotation_type: material.record.rotation.map(events::rotation_type),
    };
    Ok(response::ListKeyRotations {
        rotations: page.items.iter().map(|(_, material)| entry(material)).collect(),
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

/// Finds a key whose material can rotate and asks whether the caller may do this to it. That keys of
/// another origin cannot rotate at all is said before their state is looked at.
fn rotating<'a>(
    call: &mut Call<'_>,
    key_id: &RequestedKey,
    action: &'static str,
    extras: &Extras<'a>,
) -> Result<Authorized<'a>, KmsError> {
    let Found { key, .. } = call.find(key_id, Forms::Key)?;
    let authorized = call.authorize(action, &Resource::Key(&key), extras)?;
    match key.record.origin {
        KeyOrigin::AwsKms => Ok(authorized),
        KeyOrigin::ExternalKeyStore { .. } | KeyOrigin::AwsCloudHsm { .. } => Err(wrong_origin(&key)),
    }
}

/// Whether automatic rotation is due: never while a key is not enabled, and then at once.
pub(super) fn is_due(key: &Key, now: Timestamp) -> bool {
    let due = |plan: &RotationPlan| plan.next <= now.as_micros();
    key.record.rotation.as_ref().is_some_and(due) && state_of(key, None) == kms_api::KeyState::Enabled
}

/// Gives a key new material. From an automatic rotation on, the next one is a period away.
pub(super) fn rotate(
    edit: &mut Edit,
    key: &Key,
    kind: RotationKind,
    now: Timestamp,
    random: &dyn Random,
) -> Result<(), Failure> {
    let last = key.materials.last().map(|material| material.record.sequence);
    let sequence = last.map_or(0, |last| last.saturating_add(1));
    add_material(edit, &key.record, sequence, Some(kind), now, random)?;
    if let (RotationKind::Automatic, Some(plan)) = (kind, key.record.rotation) {
        let mut record = KeyRecord::clone(&key.record);
        record.rotation = Some(RotationPlan {
            next: days_after(now, plan.period_days),
            ..plan
        });
        edit.put_key(record);
    }
    Ok(())
}

/// Adds fresh material to a key.
pub(super) fn add_material(
    edit: &mut Edit,
    key: &KeyRecord,
    sequence: u32,
    rotation: Option<RotationKind>,
    now: Timestamp,
    random: &dyn Random,
) -> Result<(), Failure> {
    let id = MaterialId(random.bytes()?);
    let record = MaterialRecord {
        key: key.id.to_string(),
        id: id.to_string(),
        sequence,
        created: now.as_micros(),
        rotation,
    };
    let material = Key256::generate(random)?;
    Ok(edit.add_material(key, record, id, &material)?)
}
