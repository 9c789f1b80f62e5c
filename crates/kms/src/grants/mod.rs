//! Grants: CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant, grant tokens. A
//! grant allows and never denies.

mod create;
mod list;
mod remove;
mod request;
mod token;

pub(crate) use create::create_grant;
pub(crate) use list::{list_grants, list_retirable_grants};
pub(crate) use remove::{retire_grant, revoke_grant};
pub(crate) use token::check as check_tokens;

use std::sync::Arc;

use kms_api::{ErrorName, KmsError};

use crate::keys::Found;
use crate::state::Grant;

/// The grant on a key that the one token of a request names.
pub(crate) fn named_by(tokens: &[String], found: Option<&Found>) -> Option<Arc<Grant>> {
    let [token] = tokens else { return None };
    let (key, token) = (&found?.key, token::parse(token).ok()?);
    let grant = key.grants.get(&token.grant).filter(|_| token.key == key.name);
    grant.map(Arc::clone)
}

/// A grant id: 64 hexadecimal digits.
fn checked_id(id: &str) -> Result<(), KmsError> {
    let valid = id.len() == 64
        && id
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if valid {
        return Ok(());
    }
    Err(KmsError::new(
        ErrorName::InvalidGrantIdException,
        "The request was rejected because the specified grant ID is not valid.",
    ))
}
