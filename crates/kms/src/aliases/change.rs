//! CreateAlias, UpdateAlias, DeleteAlias.

use kms_api::{AliasName, ErrorName, KeyId, request, response};

use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::keys::{Forms, Found};
use crate::state::Key;
use crate::state::record::AliasRecord;

/// Aliases that a key may have.
const MAX_OF_KEY: usize = 50;

pub(crate) async fn create_alias(
    call: &mut Call<'_>,
    request: request::CreateAlias,
) -> Result<response::Nothing, Failure> {
    let name = name(call, &request.alias_name)?;
    let found = call.look_up(&request.target_key_id, Forms::Key);
    if let Ok(found) = &found {
        call.note(&found.key);
    }
    note(call, &name);
    let realm = call.realm.clone();
    let alias = Resource::Alias(&realm, name.as_str());
    // Before it shows whether there is such a key, which may be another account's.
    let _allowed = call.authorize("CreateAlias", &alias, &Extras::default())?;
    let Found { key, .. } = found?;
    let authorized = call.authorize("CreateAlias", &Resource::Key(&key), &Extras::default())?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    if current(call, &name).is_some() {
        let arn = realm.arn(name.as_str());
        let message = format!("An alias with the name {arn} already exists");
        return Err(Failure::new(ErrorName::AlreadyExistsException, message));
    }
    within_quota(&admitted.key)?;
    edit.put_alias(AliasRecord {
        realm,
        name: name.to_string(),
        target: admitted.key.record.id.to_string(),
        created: call.now.as_micros(),
        updated: call.now.as_micros(),
    });
    edit.commit().await?;
    Ok(response::Nothing)
}

pub(crate) async fn update_alias(
    call: &mut Call<'_>,
    request: request::UpdateAlias,
) -> Result<response::Nothing, Failure> {
    let name = name(call, &request.alias_name)?;
    let before = current(call, &name).ok_or_else(|| missing(call, &name))?;
    let found = call.look_up(&request.target_key_id, Forms::Key);
    if let Ok(found) = &found {
        call.note(&found.key);
    }
    note(call, &name);
    authorize_alias_and_target(call, &name, &before)?;
    let Found { key, .. } = found?;
    let authorized = call.authorize("UpdateAlias", &Resource::Key(&key), &Extras::default())?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    // It may have been deleted or pointed elsewhere since it was looked at.
    let Some(current) = current(call, &name).filter(|current| current.target == before.target) else {
        return Err(missing(call, &name));
    };
    authorize_alias_and_target(call, &name, &before)?;
    if current.target != admitted.key.record.id.as_str() {
        within_quota(&admitted.key)?;
    }
    edit.put_alias(AliasRecord {
        target: admitted.key.record.id.to_string(),
        updated: call.now.as_micros(),
        ..current
    });
    edit.commit().await?;
    Ok(response::Nothing)
}

pub(crate) async fn delete_alias(
    call: &mut Call<'_>,
    request: request::DeleteAlias,
) -> Result<response::Nothing, Failure> {
    let name = name(call, &request.alias_name)?;
    let before = current(call, &name).ok_or_else(|| missing(call, &name))?;
    note(call, &name);
    authorize_alias_and_target(call, &name, &before)?;
    let mut edit = call.kms.state().edit().await;
    if current(call, &name).is_none_or(|current| current.target != before.target) {
        return Err(missing(call, &name));
    }
    // Others may have changed the key meanwhile, and who may do this.
    authorize_alias_and_target(call, &name, &before)?;
    edit.delete_alias(&call.realm, name.as_str());
    edit.commit().await?;
    Ok(response::Nothing)
}

/// Permission on an alias that exists, and on the key that it leads to.
fn authorize_alias_and_target(
    call: &mut Call<'_>,
    name: &AliasName,
    alias: &AliasRecord,
) -> Result<(), Failure> {
    let realm = call.realm.clone();
    let action = call.operation.name();
    let resource = Resource::Alias(&realm, name.as_str());
    let _allowed = call.authorize(action, &resource, &Extras::default())?;
    let id: KeyId = alias.target.parse().map_err(Failure::internal)?;
    // An alias goes with its key; between the end of a waiting period and the deletion there is none.
    let Found { key, .. } = call.key(&realm, &id).map_err(|_| missing(call, name))?;
    call.note(&key);
    let _allowed = call.authorize(action, &Resource::Key(&key), &Extras::default())?;
    Ok(())
}

/// The alias of a name, as it is now.
fn current(call: &Call<'_>, name: &AliasName) -> Option<AliasRecord> {
    let model = call.kms.state().read();
    model
        .alias(&call.realm, name.as_str())
        .map(|alias| AliasRecord::clone(alias))
}

/// A name that a caller may give to an alias or has given: `alias/` and more, not one of AWS's.
fn name(call: &Call<'_>, text: &str) -> Result<AliasName, Failure> {
    let name: Option<AliasName> = text.parse().ok();
    let invalid = |message: &'static str| {
        let modelled = call.operation.schema().errors;
        let name = if modelled.contains(&ErrorName::InvalidAliasNameException) {
            ErrorName::InvalidAliasNameException
        } else {
            ErrorName::ValidationException
        };
        Failure::new(name, message)
    };
    let name = name
        .ok_or_else(|| invalid("Alias must start with the prefix \"alias/\" and have a name behind it."))?;
    if name.is_reserved() {
        return Err(invalid(
            "Alias names that begin with alias/aws/ are reserved for AWS managed keys.",
        ));
    }
    Ok(name)
}

fn note(call: &mut Call<'_>, name: &AliasName) {
    let arn = call.realm.arn(name.as_str()).into();
    call.trail.resource(&arn, call.realm.account);
}

fn within_quota(key: &Key) -> Result<(), Failure> {
    if key.aliases.len() < MAX_OF_KEY {
        return Ok(());
    }
    let message = format!("A KMS key may have {MAX_OF_KEY} aliases.");
    Err(Failure::new(ErrorName::LimitExceededException, message))
}

fn missing(call: &Call<'_>, name: &AliasName) -> Failure {
    let arn = call.realm.arn(name.as_str());
    Failure::new(ErrorName::NotFoundException, format!("Alias {arn} is not found."))
}
