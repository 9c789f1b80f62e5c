//! ListGrants, ListRetirableGrants.

use std::sync::Arc;

use ambient::Timestamp;
use kms_api::request::GrantConstraints;
use kms_api::{EncryptionContext, ErrorName, request, response};

use super::request::{invalid, is_for_aws_resource, party};
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::{Failure, at_most};
use crate::keys::{Forms, Found};
use crate::state::record::GrantPrincipal;
use crate::state::{Grant, Key, page};

/// Grants on a page, unless told otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Grants on a page, at most.
const MAX_LIMIT: u32 = 100;
const GRANTS: &str = "grants";
const RETIRABLE: &str = "retirable-grants";

pub(crate) async fn list_grants(
    call: &mut Call<'_>,
    request: request::ListGrants,
) -> Result<response::ListGrants, Failure> {
    let limit = at_most(MAX_LIMIT, request.limit.unwrap_or(DEFAULT_LIMIT))?;
    let grantee = party(&request.grantee_principal, &request.grantee_service_principal)?;
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let extras = Extras {
        conditions: vec![is_for_aws_resource(call)],
        ..Extras::default()
    };
    let authorized = call.authorize("ListGrants", &Resource::Key(&key), &extras)?;
    let key = call.admit(authorized)?.key;
    if let Some(id) = &request.grant_id {
        super::checked_id(id)?;
    }
    let position = page::position(GRANTS, request.marker.as_deref())?;
    let wanted = |grant: &&Arc<Grant>| {
        let record = &grant.record;
        request.grant_id.as_ref().is_none_or(|id| record.id == *id)
            && grantee.as_ref().is_none_or(|grantee| record.grantee == *grantee)
    };
    let grants = key.grants.after(position.as_deref()).filter(wanted);
    let page = page::page(GRANTS, grants, limit, |grant| grant.record.id.as_str());
    let grants: Option<Vec<_>> = page.items.into_iter().map(|grant| entry(&key, grant)).collect();
    Ok(response::ListGrants {
        grants: grants.ok_or_else(|| Failure::internal("a grant that is none"))?,
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

pub(crate) async fn list_retirable_grants(
    call: &mut Call<'_>,
    request: request::ListRetirableGrants,
) -> Result<response::ListGrants, Failure> {
    let limit = at_most(MAX_LIMIT, request.limit.unwrap_or(DEFAULT_LIMIT))?;
    let retiring =
        party(&request.retiring_principal, &request.retiring_service_principal)?.ok_or_else(|| {
            invalid("Either RetiringPrincipal or RetiringServicePrincipal must be in the request.")
        })?;
    let _allowed = call.authorize("ListRetirableGrants", &Resource::Any, &Extras::default())?;
    let own_keys_only = match &retiring {
        GrantPrincipal::Aws(arn) => {
            of_own_account(call, arn)?;
            false
        }
        GrantPrincipal::Service(_) => true,
    };
    let position = page::position(RETIRABLE, request.marker.as_deref())?;
    let mut found = retirable(call, &retiring, own_keys_only);
    found.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    let behind = found
        .into_iter()
        .filter(|(name, ..)| position.as_ref().is_none_or(|position| name > position));
    let page = page::page(RETIRABLE, behind, limit, |(name, ..)| name.as_str());
    let entries = page.items.iter().map(|(_, key, grant)| entry(key, grant));
    let grants: Option<Vec<_>> = entries.collect();
    Ok(response::ListGrants {
        grants: grants.ok_or_else(|| Failure::internal("a grant that is none"))?,
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

/// Another account's principals may retire grants that are none of the caller's business.
fn of_own_account(call: &Call<'_>, arn: &str) -> Result<(), Failure> {
    let account = call.realm.account.to_string();
    let own =
        iam::PrincipalPattern::parse_arn(arn).is_ok() && arn.split(':').nth(4) == Some(account.as_str());
    if own {
        return Ok(());
    }
    let message = format!("ARN does not refer to a valid principal: {arn}");
    Err(Failure::new(ErrorName::InvalidArnException, message))
}

/// The grants in the Region that a principal may retire, each with its key, and its place in the list.
fn retirable(
    call: &Call<'_>,
    retiring: &GrantPrincipal,
    own_keys_only: bool,
) -> Vec<(String, Arc<Key>, Arc<Grant>)> {
    let model = call.kms.state().read();
    let keys = model.keys().filter(|key| {
        let realm = &key.record.realm;
        realm.region == call.realm.region && (!own_keys_only || realm.account == call.realm.account)
    });
    keys.flat_map(|key| {
        let grants = key.grants.iter();
        grants
            .filter(|grant| grant.record.retiring.as_ref() == Some(retiring))
            .map(|grant| {
                let place = format!("{}/{}", key.record.id, grant.record.id);
                (place, Arc::clone(key), Arc::clone(grant))
            })
    })
    .collect()
}

fn entry(key: &Key, grant: &Grant) -> Option<response::GrantListEntry> {
    let record = &grant.record;
    let split = |principal: Option<&GrantPrincipal>| match principal {
        Some(GrantPrincipal::Aws(arn)) => (Some(arn.clone()), None),
        Some(GrantPrincipal::Service(name)) => (None, Some(name.clone())),
        None => (None, None),
    };
    let (grantee_principal, grantee_service_principal) = split(Some(&record.grantee));
    let (retiring_principal, retiring_service_principal) = split(record.retiring.as_ref());
    let names = record.operations.iter();
    let partition = record_partition(key);
    Some(response::GrantListEntry {
        key_id: key.name.clone(),
        grant_id: record.id.clone(),
        name: record.name.clone(),
        creation_date: Timestamp::from_micros(record.created),
        grantee_principal,
        retiring_principal,
        issuing_account: format!("arn:{partition}:iam::{}:root", record.issuing_account),
        operations: names.map(|name| name.parse().ok()).collect::<Option<_>>()?,
        constraints: constraints(grant)?,
        grantee_service_principal,
        retiring_service_principal,
    })
}

fn record_partition(key: &Key) -> &str {
    key.arn.split(':').nth(1).unwrap_or("aws")
}

/// The constraints of a grant, if it has any.
fn constraints(grant: &Grant) -> Option<Option<GrantConstraints>> {
    let record = &grant.record;
    let context = |pairs: &Option<std::collections::BTreeMap<String, String>>| match pairs {
        None => Some(None),
        Some(pairs) => EncryptionContext::new(pairs.clone()).map(Some),
    };
    let constraints = GrantConstraints {
        encryption_context_subset: context(&record.encryption_context_subset)?,
        encryption_context_equals: context(&record.encryption_context_equals)?,
        source_arn: record.source_arn.clone(),
    };
    let none = constraints.encryption_context_subset.is_none()
        && constraints.encryption_context_equals.is_none()
        && constraints.source_arn.is_none();
    Some((!none).then_some(constraints))
}
