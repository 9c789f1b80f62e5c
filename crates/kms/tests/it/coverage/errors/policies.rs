//! Key policies.

use kms_api::Operation;
use serde_json::json;

use super::errors;
use crate::coverage::scene::{policy, with};

errors! {
    kms_err_put_key_policy_malformed_policy_document_exception(scene):
        PutKeyPolicy, MalformedPolicyDocumentException, {
        with(scene.subject().await.request(Operation::PutKeyPolicy), json!({ "Policy": "no policy" }))
    };
    kms_err_put_key_policy_limit_exceeded_exception(scene): PutKeyPolicy, LimitExceededException, {
        let policy = policy();
        let blanks = " ".repeat(32_769 - policy.len());
        let body = scene.subject().await.request(Operation::PutKeyPolicy);
        with(body, json!({ "Policy": format!("{policy}{blanks}") }))
    };
}
