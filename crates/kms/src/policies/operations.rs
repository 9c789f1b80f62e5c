//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.

use kms_api::{ErrorName, request, response};

use super::check::checked;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::keys::{Forms, Found};
use crate::state::page;

/// The only key policy that there is.
const NAME: &str = "default";
/// Names on a page, unless told otherwise.
const DEFAULT_LIMIT: u32 = 100;
const LISTING: &str = "key-policies";

pub(crate) async fn get_key_policy(
    call: &mut Call<'_>,
    request: request::GetKeyPolicy,
) -> Result<response::GetKeyPolicy, Failure> {
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let name = request.policy_name.as_deref().unwrap_or(NAME);
    let extras = Extras {
        conditions: vec![("kms:PolicyName", vec![name.to_owned()])],
        ..Extras::default()
    };
    let authorized = call.authorize("GetKeyPolicy", &Resource::Key(&key), &extras)?;
    let admitted = call.admit(authorized)?;
    existing(name)?;
    Ok(response::GetKeyPolicy {
        policy: admitted.key.record.policy.clone(),
        policy_name: NAME.to_owned(),
    })
}

pub(crate) async fn put_key_policy(
    call: &mut Call<'_>,
    request: request::PutKeyPolicy,
) -> Result<response::Nothing, Failure> {
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let name = request.policy_name.as_deref().unwrap_or(NAME);
    let bypass = request.bypass_policy_lockout_safety_check;
    let extras = Extras {
        conditions: vec![
            ("kms:PolicyName", vec![name.to_owned()]),
            ("kms:BypassPolicyLockoutSafetyCheck", vec![bypass.to_string()]),
        ],
        ..Extras::default()
    };
    let authorized = call.authorize("PutKeyPolicy", &Resource::Key(&key), &extras)?;
    existing(name)?;
    checked(call, Some(&key.arn), &request.policy, bypass)?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    let mut record = admitted.record();
    record.policy = request.policy;
    edit.put_key(record);
    edit.commit().await?;
    Ok(response::Nothing)
}

pub(crate) async fn list_key_policies(
    call: &mut Call<'_>,
    request: request::ListKeyPolicies,
) -> Result<response::ListKeyPolicies, Failure> {
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let authorized = call.authorize("ListKeyPolicies", &Resource::Key(&key), &Extras::default())?;
    let _admitted = call.admit(authorized)?;
    let position = page::position(LISTING, request.marker.as_deref())?;
    let names = [NAME]
        .into_iter()
        .filter(|name| position.as_deref().is_none_or(|behind| *name > behind));
    let page = page::page(LISTING, names, request.limit.unwrap_or(DEFAULT_LIMIT), |name| {
        name
    });
    Ok(response::ListKeyPolicies {
        policy_names: page.items.into_iter().map(str::to_owned).collect(),
        truncated: page.next_marker.is_some(),
        next_marker: page.next_marker,
    })
}

fn existing(name: &str) -> Result<(), Failure> {
    if name == NAME {
        return Ok(());
    }
    Err(Failure::new(
        ErrorName::NotFoundException,
        "No such policy exists",
    ))
}
