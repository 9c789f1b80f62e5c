//! CreateGrant.

use std::sync::Arc;

use kms_api::{ErrorName, request, response};

use super::request::Asked;
use super::token;
use crate::authorize::Resource;
use crate::call::Call;
use crate::cryptography::unless_dry_run;
use crate::error::Failure;
use crate::keys::{Forms, Found};

/// Grants that a key may have.
const MAX_GRANTS: usize = 50_000;

pub(crate) async fn create_grant(
    call: &mut Call<'_>,
    request: request::CreateGrant,
) -> Result<response::CreateGrant, Failure> {
    let asked = Asked::of(&request)?;
    let Found { key, .. } = call.find(&request.key_id, Forms::Key)?;
    let extras = asked.extras(call, &request.grant_tokens);
    let authorized = call.authorize("CreateGrant", &Resource::Key(&key), &extras)?;
    drop(extras);
    asked.check_principals(&call.kms.identities())?;
    let (mut edit, admitted) = call.admit_change(authorized).await?;
    unless_dry_run(request.dry_run)?;
    let issuing = call.realm.account.to_string();
    let grants = &admitted.key.grants;
    let same = grants.iter().find(|grant| asked.is(&grant.record, &issuing));
    let same = same.map(|grant| grant.record.id.clone());
    if same.is_none() && grants.len() >= MAX_GRANTS {
        let message = format!("A KMS key may have {MAX_GRANTS} grants.");
        return Err(Failure::new(ErrorName::LimitExceededException, message));
    }
    let (arn, key_id) = (Arc::clone(&key.arn), key.record.id.clone());
    // Nobody looks at the grants any more, so they are changed in place and not copied.
    drop((key, admitted));
    let id = match same {
        Some(id) => id,
        None => {
            let id: [u8; 32] = call.kms.random().bytes()?;
            let id = crypto::hex(&id);
            let created = call.now.as_micros();
            edit.put_grant(asked.into_record(id.clone(), key_id.as_str(), created, issuing));
            edit.commit().await?;
            id
        }
    };
    Ok(response::CreateGrant {
        grant_token: token::make(call.kms.random(), &arn, &id)?,
        grant_id: id,
    })
}
