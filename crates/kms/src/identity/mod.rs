//! Identities: accounts, users, roles, access keys and their policies, from a declared file that
//! reloads; sessions of AssumeRole.

use kms_api::AccountId;

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's account.
    pub account: AccountId,
    /// The principal: a user's, a role session's or the root user's ARN.
    pub arn: String,
    /// The unique id (`AIDA…`, `AROA…:session`, the account for root).
    pub principal_id: String,
    /// The access key that signed.
    pub access_key_id: String,
}

impl Caller {
    /// `userIdentity` of this caller's CloudTrail records.
    pub(crate) fn user_identity(&self) -> serde_json::Value {
        serde_json::json!({
            "type": "Root",
            "principalId": self.principal_id,
            "arn": self.arn,
            "accountId": self.account.to_string(),
            "accessKeyId": self.access_key_id,
        })
    }

    /// The service that makes the call for the principal, if one does: `s3.amazonaws.com`.
    pub(crate) fn via_service(&self) -> Option<String> {
        None
    }
}
