//! Key policies: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, the default policy, the lockout check.

mod check;
mod operations;

use kms_api::AccountId;
use serde_json::json;

use crate::call::Call;
use crate::error::Failure;

pub(crate) use operations::{get_key_policy, list_key_policies, put_key_policy};

/// The policy that a new key begins with: the one given, or the default one.
pub(crate) fn of_new_key(
    call: &mut Call<'_>,
    given: Option<String>,
    bypass_lockout_safety_check: bool,
) -> Result<String, Failure> {
    let Some(policy) = given else {
        return Ok(default_policy(call.realm.account));
    };
    check::checked(call, None, &policy, bypass_lockout_safety_check)?;
    Ok(policy)
}

/// What AWS gives a key without a policy of its own: the account decides by identity policies.
pub(crate) fn default_policy(account: AccountId) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*"
        }]
    });
    format!("{policy:#}")
}
