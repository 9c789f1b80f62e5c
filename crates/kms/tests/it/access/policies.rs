//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies, and the policy of a new key.

use serde_json::{Value, json};

use super::kit::{Site, allow, encrypt, policy};

#[tokio::test]
async fn a_policy_is_put_and_got_and_survives() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let default = site
        .call("root", "GetKeyPolicy", json!({"KeyId": key}))
        .await
        .unwrap();
    assert_eq!(default["PolicyName"], "default");
    assert!(
        default["Policy"]
            .as_str()
            .unwrap()
            .contains("arn:aws:iam::111122223333:root")
    );
    let text = policy(&json!([
        allow(&["root"], &["kms:*"]),
        allow(&["alice"], &["kms:Encrypt"])
    ]));
    let put = json!({"KeyId": key, "PolicyName": "default", "Policy": text});
    assert_eq!(site.call("root", "PutKeyPolicy", put).await.unwrap(), Value::Null);
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, "ok");
    let site = site.restart().await;
    let got = site
        .call(
            "root",
            "GetKeyPolicy",
            json!({"KeyId": key, "PolicyName": "default"}),
        )
        .await;
    assert_eq!(got.unwrap()["Policy"], text);
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, "ok");
}

#[tokio::test]
async fn there_is_one_policy() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let listed = site
        .call("root", "ListKeyPolicies", json!({"KeyId": key}))
        .await
        .unwrap();
    assert_eq!(listed, json!({"PolicyNames": ["default"], "Truncated": false}));
    let other = json!({"KeyId": key, "PolicyName": "other"});
    assert_eq!(
        site.call("root", "GetKeyPolicy", other).await.unwrap_err(),
        "NotFoundException: No such policy exists"
    );
    let put = json!({"KeyId": key, "PolicyName": "other", "Policy": policy(&json!([allow(&["root"], &["kms:*"])]))});
    assert_eq!(
        site.outcome("root", "PutKeyPolicy", put).await,
        "NotFoundException"
    );
    let marked = json!({"KeyId": key, "Marker": "x"});
    assert_eq!(
        site.outcome("root", "ListKeyPolicies", marked).await,
        "InvalidMarkerException"
    );
}

#[tokio::test]
async fn policies_that_are_none_are_refused() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let mut loose = allow(&["root"], &["kms:*"]);
    loose["Condition"] = json!({"ForAllValues:StringEquals": {"kms:EncryptionContext:a": "b"}});
    for (text, expected) in [
        (
            "{".to_owned(),
            "MalformedPolicyDocumentException: The policy is not well-formed JSON",
        ),
        (
            policy(&json!([])),
            "MalformedPolicyDocumentException: A list in the policy is empty",
        ),
        (
            policy(&json!([loose])),
            "MalformedPolicyDocumentException: OverlyPermissiveCondition",
        ),
        (
            policy(&json!([allow(&["root", "mallory"], &["kms:*"])])),
            "MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals.",
        ),
        (
            policy(&json!([allow(&["alice"], &["kms:*"])])),
            "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy in \
             the future.",
        ),
    ] {
        let put = json!({"KeyId": key, "Policy": text});
        let refused = site.call("root", "PutKeyPolicy", put).await.unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
        let refused = site
            .call("root", "CreateKey", json!({"Policy": text}))
            .await
            .unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
    }
    assert_eq!(
        site.outcome("root", "DescribeKey", json!({"KeyId": key})).await,
        "ok"
    );
}

#[tokio::test]
async fn the_quota_is_exact() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let short = policy(&json!([allow(&["root"], &["kms:*"])]));
    for (bytes, expected) in [(32_768, "ok"), (32_769, "LimitExceededException")] {
        let text = format!("{short}{}", " ".repeat(bytes - short.len()));
        let put = json!({"KeyId": key, "Policy": text});
        assert_eq!(site.outcome("root", "PutKeyPolicy", put).await, expected);
        assert_eq!(
            site.outcome("root", "CreateKey", json!({"Policy": text})).await,
            expected
        );
    }
}

#[tokio::test]
async fn the_lockout_check_can_be_waived_and_conditions_see_it() {
    let site = Site::new().await;
    let mut careful = allow(&["alice"], &["kms:PutKeyPolicy", "kms:GetKeyPolicy"]);
    careful["Condition"] = json!({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}});
    careful["Action"] = json!(["kms:PutKeyPolicy"]);
    let key = site
        .key(json!([careful, allow(&["bob"], &["kms:PutKeyPolicy"])]))
        .await;
    let locked_out = policy(&json!([allow(&["root"], &["kms:*"])]));
    let delegated = policy(&json!([allow(&["alice", "bob"], &["kms:PutKeyPolicy"])]));
    let put = |text: &str, bypass: bool| json!({"KeyId": key, "Policy": text, "BypassPolicyLockoutSafetyCheck": bypass});
    assert_eq!(
        site.outcome("alice", "PutKeyPolicy", put(&delegated, true)).await,
        "AccessDeniedException"
    );
    assert_eq!(
        site.outcome("alice", "PutKeyPolicy", put(&delegated, false))
            .await,
        "ok"
    );
    // That the account's identity policies may decide is enough; the root user may.
    assert_eq!(
        site.outcome("bob", "PutKeyPolicy", put(&locked_out, false)).await,
        "ok"
    );
    assert_eq!(
        site.outcome("bob", "PutKeyPolicy", put(&locked_out, true)).await,
        "AccessDeniedException"
    );
}
