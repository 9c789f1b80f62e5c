//! Aliases, tags, key policies and grants.

use kms_api::Operation;
use serde_json::{Value, json};

use super::keys::pages;
use crate::coverage::scene::{GRANTEE, Scene, policy, text};

async fn aliases(scene: &Scene, key: &str) -> Vec<String> {
    let listed = pages(scene, Operation::ListAliases, json!({ "KeyId": key }), "Aliases").await;
    listed.iter().map(|entry| text(&entry["AliasName"])).collect()
}

#[tokio::test]
async fn kms_works_create_alias() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "AliasName": "alias/Another:one/_-", "TargetKeyId": subject.id });
    assert_eq!(scene.call(Operation::CreateAlias, body).await, Value::Null);
    assert!(
        aliases(&scene, &subject.id)
            .await
            .contains(&"alias/Another:one/_-".to_owned())
    );
}

#[tokio::test]
async fn kms_works_update_alias() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::UpdateAlias, subject.request(Operation::UpdateAlias))
        .await;
    assert_eq!(answer, Value::Null);
    let mut both = vec![subject.alias.clone(), subject.other_alias.clone()];
    both.sort();
    let mut listed = aliases(&scene, &subject.id).await;
    listed.sort();
    assert_eq!(listed, both);
}

#[tokio::test]
async fn kms_works_delete_alias() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::DeleteAlias, subject.request(Operation::DeleteAlias))
        .await;
    assert_eq!(answer, Value::Null);
    assert!(aliases(&scene, &subject.id).await.is_empty());
}

#[tokio::test]
async fn kms_works_list_aliases() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let all = pages(&scene, Operation::ListAliases, json!({ "Limit": 1 }), "Aliases").await;
    let own = all
        .iter()
        .find(|entry| entry["AliasName"] == subject.alias)
        .expect("the alias");
    assert_eq!(own["TargetKeyId"], subject.id);
    assert_eq!(
        text(&own["AliasArn"]),
        subject
            .arn
            .replace(&format!("key/{}", subject.id), &subject.alias)
    );
    assert!(all.iter().any(|entry| entry["AliasName"] == subject.other_alias));
}

fn tags(pairs: &[(&str, &str)]) -> Value {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| json!({ "TagKey": key, "TagValue": value }))
        .collect()
}

#[tokio::test]
async fn kms_works_tag_resource() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    for some in [tags(&[("a", "1"), ("b", "2")]), tags(&[("b", "3")])] {
        let body = json!({ "KeyId": subject.id, "Tags": some });
        assert_eq!(scene.call(Operation::TagResource, body).await, Value::Null);
    }
    let answer = scene
        .call(Operation::ListResourceTags, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer["Tags"], tags(&[("a", "1"), ("b", "3")]));
}

#[tokio::test]
async fn kms_works_untag_resource() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "KeyId": subject.id, "Tags": tags(&[("a", "1"), ("b", "2")]) });
    scene.call(Operation::TagResource, body).await;
    let body = json!({ "KeyId": subject.id, "TagKeys": ["a", "not there"] });
    assert_eq!(scene.call(Operation::UntagResource, body).await, Value::Null);
    let answer = scene
        .call(Operation::ListResourceTags, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer["Tags"], tags(&[("b", "2")]));
}

#[tokio::test]
async fn kms_works_list_resource_tags() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let all = tags(&[("a", "1"), ("b", ""), ("c", "3")]);
    let body = json!({ "KeyId": subject.id, "Tags": all });
    scene.call(Operation::TagResource, body).await;
    let body = json!({ "KeyId": subject.id, "Limit": 2 });
    let listed = pages(&scene, Operation::ListResourceTags, body, "Tags").await;
    assert_eq!(Value::Array(listed), all);
}

#[tokio::test]
async fn kms_works_get_key_policy() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::GetKeyPolicy, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer["PolicyName"], "default");
    let policy: Value = serde_json::from_str(&text(&answer["Policy"])).expect("JSON");
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Principal"]["AWS"], GRANTEE);
    assert_eq!(
        (&statement["Action"], &statement["Effect"]),
        (&json!("kms:*"), &json!("Allow"))
    );
}

#[tokio::test]
async fn kms_works_put_key_policy() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({ "KeyId": subject.id, "PolicyName": "default", "Policy": policy() });
    assert_eq!(scene.call(Operation::PutKeyPolicy, body).await, Value::Null);
    let answer = scene
        .call(Operation::GetKeyPolicy, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(text(&answer["Policy"]), policy());
}

#[tokio::test]
async fn kms_works_list_key_policies() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::ListKeyPolicies, json!({ "KeyId": subject.id }))
        .await;
    assert_eq!(answer, json!({ "PolicyNames": ["default"], "Truncated": false }));
}

async fn grants(scene: &Scene, key: &str) -> Vec<Value> {
    pages(
        scene,
        Operation::ListGrants,
        json!({ "KeyId": key, "Limit": 1 }),
        "Grants",
    )
    .await
}

#[tokio::test]
async fn kms_works_create_grant() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({
        "KeyId": subject.id,
        "GranteePrincipal": GRANTEE,
        "RetiringPrincipal": GRANTEE,
        "Operations": ["Encrypt", "Decrypt"],
        "Constraints": { "EncryptionContextSubset": { "a": "b" } },
        "Name": "named",
    });
    let made = scene.call(Operation::CreateGrant, body.clone()).await;
    // A name makes the request idempotent.
    let again = scene.call(Operation::CreateGrant, body.clone()).await;
    assert_eq!(made["GrantId"], again["GrantId"]);
    let listed = grants(&scene, &subject.id).await;
    let grant = listed
        .iter()
        .find(|grant| grant["GrantId"] == made["GrantId"])
        .expect("the grant");
    for member in ["GranteePrincipal", "RetiringPrincipal", "Constraints", "Name"] {
        assert_eq!(grant[member], body[member], "{member}");
    }
    assert_eq!(grant["KeyId"], subject.arn);
    let operations = grant["Operations"].as_array().expect("a list");
    assert!(
        operations.len() == 2 && operations.contains(&json!("Decrypt")),
        "{grant}"
    );
}

#[tokio::test]
async fn kms_works_list_grants() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = subject.request(Operation::CreateGrant);
    let second = scene.call(Operation::CreateGrant, body).await;
    let mut ids: Vec<String> = grants(&scene, &subject.id)
        .await
        .iter()
        .map(|grant| text(&grant["GrantId"]))
        .collect();
    ids.sort();
    let mut made = vec![subject.grant.clone(), text(&second["GrantId"])];
    made.sort();
    assert_eq!(ids, made);
    let one = json!({ "KeyId": subject.id, "GrantId": subject.grant });
    let answer = scene.call(Operation::ListGrants, one).await;
    assert_eq!(answer["Grants"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn kms_works_list_retirable_grants() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let body = json!({
        "KeyId": subject.id, "GranteePrincipal": GRANTEE, "RetiringPrincipal": GRANTEE, "Operations": ["Encrypt"],
    });
    let made = scene.call(Operation::CreateGrant, body).await;
    let body = json!({ "RetiringPrincipal": GRANTEE, "Limit": 1 });
    let listed = pages(&scene, Operation::ListRetirableGrants, body, "Grants").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["GrantId"], made["GrantId"]);
}

#[tokio::test]
async fn kms_works_retire_grant() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::RetireGrant, subject.request(Operation::RetireGrant))
        .await;
    assert_eq!(answer, Value::Null);
    assert!(grants(&scene, &subject.id).await.is_empty());
    // By its token as well.
    let made = scene
        .call(Operation::CreateGrant, subject.request(Operation::CreateGrant))
        .await;
    scene
        .call(
            Operation::RetireGrant,
            json!({ "GrantToken": made["GrantToken"] }),
        )
        .await;
    assert!(grants(&scene, &subject.id).await.is_empty());
}

#[tokio::test]
async fn kms_works_revoke_grant() {
    let scene = Scene::new().await;
    let subject = scene.subject().await;
    let answer = scene
        .call(Operation::RevokeGrant, subject.request(Operation::RevokeGrant))
        .await;
    assert_eq!(answer, Value::Null);
    assert!(grants(&scene, &subject.id).await.is_empty());
}
