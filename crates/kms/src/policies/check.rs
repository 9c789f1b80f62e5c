//! What a policy must be to become a key's.

use iam::limits::KEY_POLICY_BYTES;
use iam::{
    AccessRequest, Decision, DenialReason, Inputs, Policy, PolicyKind, PolicySource, PrincipalPattern,
    Problem, ResourcePolicy, Target,
};
use kms_api::ErrorName;

use crate::call::Call;
use crate::error::Failure;

/// Within the quota, well-formed, naming only principals that exist, and leaving the caller (or the
/// identity policies of the caller's account) the power to change it again, unless that check is waived.
/// `key` is the ARN of the key; a new one has none yet.
pub(super) fn checked(
    call: &Call<'_>,
    key: Option<&str>,
    text: &str,
    bypass_lockout_safety_check: bool,
) -> Result<(), Failure> {
    let policy = Policy::parse(text, PolicyKind::Key).map_err(|error| match error.problem {
        Problem::TooLarge => Failure::new(
            ErrorName::LimitExceededException,
            format!("A key policy may have {KEY_POLICY_BYTES} bytes."),
        ),
        _ => malformed(error.to_string()),
    })?;
    let identities = call.kms.identities();
    let exists = |principal: &PrincipalPattern| match principal {
        PrincipalPattern::Everyone
        | PrincipalPattern::Service(_)
        | PrincipalPattern::Federated(_)
        | PrincipalPattern::CanonicalUser(_) => true,
        PrincipalPattern::UniqueId(_) => false,
        PrincipalPattern::Account(name)
        | PrincipalPattern::User(name)
        | PrincipalPattern::Role(name)
        | PrincipalPattern::RoleSession(name) => identities.has_principal(name),
        PrincipalPattern::FederatedUser(arn) => {
            let account = arn.split(':').nth(4).unwrap_or_default();
            identities.has_principal(account)
        }
    };
    if !policy.principals().all(exists) {
        return Err(malformed(
            "Policy contains a statement with one or more invalid principals.",
        ));
    }
    if !bypass_lockout_safety_check && !leaves_the_caller_in(call, key, &policy) {
        return Err(malformed(
            "The new key policy will not allow you to update the key policy in the future.",
        ));
    }
    Ok(())
}

/// Whether the policy by itself lets the caller put another one. That it leaves the matter to the
/// caller's account is enough.
fn leaves_the_caller_in(call: &Call<'_>, key: Option<&str>, policy: &Policy) -> bool {
    let mut context = call.caller.context(&call.origin, &call.realm.region, call.now);
    context.boolean(iam::keys::BYPASS_POLICY_LOCKOUT_SAFETY_CHECK, false);
    let account = call.realm.account.to_string();
    // No policy names a new key by its id.
    let new_key = call.realm.arn("key/new");
    let request = AccessRequest {
        principal: &call.caller.principal,
        action: "kms:PutKeyPolicy",
        target: Target {
            arn: key.unwrap_or(&new_key),
            account: &account,
        },
        context: &context,
        new_grant: None,
    };
    let inputs = Inputs {
        resource_policy: ResourcePolicy::Policy(policy),
        ..Inputs::default()
    };
    match iam::decide(&request, &inputs) {
        Decision::Allowed(_) => true,
        Decision::Denied(denial) => denial.reason == DenialReason::NoAllow(PolicySource::Identity),
    }
}

fn malformed(message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(ErrorName::MalformedPolicyDocumentException, message)
}
