//! RetireGrant, RevokeGrant.

use std::sync::Arc;

use kms_api::{ErrorName, KeyReference, KmsError, RequestedKey, request, response};

use super::request::{invalid, is_for_aws_resource};
use super::token;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::cryptography::unless_dry_run;
use crate::error::Failure;
use crate::keys::{Forms, Found};
use crate::state::{Grant, Key};

pub(crate) async fn revoke_grant(
    call: &mut Call<'_>,
    request: request::RevokeGrant,
) -> Result<response::Nothing, Failure> {
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let extras = Extras {
        conditions: vec![is_for_aws_resource(call)],
        ..Extras::default()
    };
    let authorized = call.authorize("RevokeGrant", &Resource::Key(&key), &extras)?;
    super::checked_id(&request.grant_id)?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    of(&admitted.key, &request.grant_id)?;
    unless_dry_run(request.dry_run)?;
    edit.delete_grant(key.record.id.as_str(), &request.grant_id);
    drop((key, admitted));
    edit.commit().await?;
    Ok(response::Nothing)
}

pub(crate) async fn retire_grant(
    call: &mut Call<'_>,
    request: request::RetireGrant,
) -> Result<response::Nothing, Failure> {
    let named = Named::of(&request)?;
    let key = named.key(call)?;
    let grant = of(&key, &named.grant).map_err(|missing| named.missing(call, &key, missing))?;
    let authorized = call.authorize_retiring(&key, &grant)?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    of(&admitted.key, &named.grant).map_err(|missing| named.missing(call, &key, missing))?;
    unless_dry_run(request.dry_run)?;
    edit.delete_grant(key.record.id.as_str(), &named.grant);
    drop((key, admitted));
    edit.commit().await?;
    Ok(response::Nothing)
}

/// A grant that is to be retired.
struct Named {
    key: RequestedKey,
    grant: String,
    by_token: bool,
}

impl Named {
    /// By its token, or by its key's ARN and its id.
    fn of(request: &request::RetireGrant) -> Result<Self, Failure> {
        match (&request.grant_token, &request.key_id, &request.grant_id) {
            (Some(text), None, None) => {
                let token = token::parse(text)?;
                Ok(Self {
                    key: RequestedKey::new(token.key.to_string()),
                    grant: token.grant,
                    by_token: true,
                })
            }
            (None, Some(key), Some(grant)) => {
                if !matches!(key.reference(), Ok(KeyReference::KeyArn(_))) {
                    let message = format!("Invalid arn {key}");
                    return Err(Failure::new(ErrorName::InvalidArnException, message));
                }
                super::checked_id(grant)?;
                Ok(Self {
                    key: key.clone(),
                    grant: grant.clone(),
                    by_token: false,
                })
            }
            _ => Err(invalid(
                "Either GrantToken, or KeyId together with GrantId, must be in the request.",
            )),
        }
    }

    fn key(&self, call: &mut Call<'_>) -> Result<Arc<Key>, KmsError> {
        call.find(&self.key, Forms::Key).map(|found| found.key)
    }

    /// A grant that is gone; of another account's key nothing is told.
    fn missing(&self, call: &Call<'_>, key: &Key, missing: KmsError) -> KmsError {
        if key.record.realm.account != call.realm.account {
            call.hidden()
        } else if self.by_token {
            token::invalid()
        } else {
            missing
        }
    }
}

fn of(key: &Key, id: &str) -> Result<Arc<Grant>, KmsError> {
    key.grants.get(id).map(Arc::clone).ok_or_else(|| {
        let message = format!("Grant ID {id} not found");
        KmsError::new(ErrorName::NotFoundException, message)
    })
}
