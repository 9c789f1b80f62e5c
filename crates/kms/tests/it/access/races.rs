//! Changes of one key at once: what was answered before is in force for whoever comes after.

use serde_json::{Value, json};

use super::kit::{Site, allow, policy};

fn put(key: &str, statements: &Value) -> Value {
    json!({"KeyId": key, "Policy": policy(statements), "BypassPolicyLockoutSafetyCheck": true})
}

/// The first call has begun its change when the second is decided; the second waits for it.
async fn one_after_the_other(
    site: &Site,
    first: (&str, &str, Value),
    second: (&str, &str, Value),
) -> (String, String) {
    tokio::join!(
        site.outcome(first.0, first.1, first.2),
        site.outcome(second.0, second.1, second.2)
    )
}

#[tokio::test]
async fn who_lost_the_permission_while_he_waited_changes_nothing() {
    let site = Site::new().await;
    let root = allow(&["root"], &["kms:*"]);
    let both = json!([root, allow(&["alice"], &["kms:*"])]);
    for (operation, body) in [
        (
            "PutKeyPolicy",
            json!({"Policy": policy(&both), "BypassPolicyLockoutSafetyCheck": true}),
        ),
        ("DisableKey", json!({})),
        ("TagResource", json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]})),
        (
            "CreateGrant",
            json!({"GranteePrincipal": super::kit::arn("alice"), "Operations": ["Decrypt"]}),
        ),
        ("ScheduleKeyDeletion", json!({})),
    ] {
        let key = site.key(both.clone()).await;
        let mut body = body;
        body["KeyId"] = key.as_str().into();
        let outcomes = one_after_the_other(
            &site,
            ("root", "PutKeyPolicy", put(&key, &json!([root]))),
            ("alice", operation, body),
        )
        .await;
        let expected = ("ok".to_owned(), "AccessDeniedException".to_owned());
        assert_eq!(outcomes, expected, "{operation}");
    }
}

#[tokio::test]
async fn an_alias_goes_nowhere_without_permission_on_its_key_as_it_is_then() {
    let site = Site::new().await;
    let root = allow(&["root"], &["kms:*"]);
    let both = json!([root, allow(&["grace"], &["kms:*"])]);
    for operation in ["DeleteAlias", "UpdateAlias"] {
        let deny = json!({"Effect": "Deny", "Principal": {"AWS": super::kit::arn("grace")},
            "Action": "kms:*Alias", "Resource": "*"});
        let (key, other) = (site.key(both.clone()).await, site.key(both.clone()).await);
        let name = format!("alias/app-{operation}");
        let made = json!({"AliasName": name, "TargetKeyId": key});
        site.call("grace", "CreateAlias", made).await.unwrap();
        let mut body = json!({"AliasName": name});
        if operation == "UpdateAlias" {
            body["TargetKeyId"] = other.into();
        }
        let outcomes = one_after_the_other(
            &site,
            ("root", "PutKeyPolicy", put(&key, &json!([root, deny]))),
            ("grace", operation, body),
        )
        .await;
        let expected = ("ok".to_owned(), "AccessDeniedException".to_owned());
        assert_eq!(outcomes, expected, "{operation}");
    }
}

#[tokio::test]
async fn who_keeps_the_permission_changes_the_key_as_it_is_then() {
    let site = Site::new().await;
    let key = site.key(json!([allow(&["root"], &["kms:*"])])).await;
    let tag = |name: &str| json!({"KeyId": key, "Tags": [{"TagKey": name, "TagValue": "x"}]});
    let outcomes = one_after_the_other(
        &site,
        ("root", "TagResource", tag("one")),
        ("root", "TagResource", tag("two")),
    )
    .await;
    assert_eq!(outcomes, ("ok".to_owned(), "ok".to_owned()));
    let listed = site.call("root", "ListResourceTags", json!({"KeyId": key})).await;
    assert_eq!(listed.unwrap()["Tags"].as_array().unwrap().len(), 2);
}
