//! CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant.

use serde_json::{Value, json};

use super::kit::{Site, allow, arn, encrypt, encrypt_with};

const DENIED: &str = "AccessDeniedException";

fn grant(key: &str, grantee: &str, operations: &[&str]) -> Value {
    json!({"KeyId": key, "GranteePrincipal": arn(grantee), "Operations": operations})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

async fn made(site: &Site, who: &str, body: Value) -> (String, String) {
    let answer = site.call(who, "CreateGrant", body).await.unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("GrantId"), text("GrantToken"))
}

async fn listed(site: &Site, key: &str) -> Vec<Value> {
    let answer = site
        .call("root", "ListGrants", json!({"KeyId": key}))
        .await
        .unwrap();
    answer["Grants"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_grant_permits_until_it_is_revoked() {
    let site = Site::new().await;
    let key = site.default_key().await;
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, DENIED);
    let (id, token) = made(&site, "admin", grant(&key, "alice", &["Encrypt", "DescribeKey"])).await;
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, "ok");
    assert_eq!(
        site.outcome("alice", "DescribeKey", json!({"KeyId": key})).await,
        "ok"
    );
    assert_eq!(
        site.outcome(
            "alice",
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256"})
        )
        .await,
        DENIED
    );
    let site = site.restart().await;
    let with_token = with(encrypt(&key), "GrantTokens", json!([token]));
    assert_eq!(site.outcome("alice", "Encrypt", with_token.clone()).await, "ok");
    assert_eq!(
        listed(&site, &key).await,
        [json!({
            "KeyId": key,
            "GrantId": id,
            "CreationDate": 1_800_000_003,
            "GranteePrincipal": arn("alice"),
            "IssuingAccount": "arn:aws:iam::111122223333:root",
            "Operations": ["Encrypt", "DescribeKey"],
        })]
    );
    let revoke = json!({"KeyId": key, "GrantId": id});
    assert_eq!(site.outcome("alice", "RevokeGrant", revoke.clone()).await, DENIED);
    assert_eq!(
        site.call("admin", "RevokeGrant", revoke.clone()).await.unwrap(),
        Value::Null
    );
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, DENIED);
    assert_eq!(site.outcome("alice", "Encrypt", with_token).await, DENIED);
    assert_eq!(
        site.outcome("admin", "RevokeGrant", revoke).await,
        "NotFoundException"
    );
    assert!(listed(&site, &key).await.is_empty());
}

#[tokio::test]
async fn constraints_are_exact() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let constrained = |who, name: &str, pairs| {
        with(
            grant(&key, who, &["Encrypt", "DescribeKey"]),
            "Constraints",
            json!({name: pairs}),
        )
    };
    let equals = constrained(
        "alice",
        "EncryptionContextEquals",
        json!({"app": "pay", "env": "test"}),
    );
    made(&site, "admin", equals).await;
    made(
        &site,
        "admin",
        constrained("carol", "EncryptionContextSubset", json!({"app": "pay"})),
    )
    .await;
    for (who, context, expected) in [
        ("alice", json!({"env": "test", "app": "pay"}), "ok"),
        ("alice", json!({"app": "pay"}), DENIED),
        ("alice", json!({"app": "pay", "env": "test", "x": "y"}), DENIED),
        ("alice", json!({"App": "pay", "env": "test"}), DENIED),
        ("carol", json!({"app": "pay"}), "ok"),
        ("carol", json!({"app": "pay", "x": "y"}), "ok"),
        ("carol", json!({"x": "y"}), DENIED),
        ("carol", json!({}), DENIED),
    ] {
        let body = encrypt_with(&key, &context);
        assert_eq!(
            site.outcome(who, "Encrypt", body).await,
            expected,
            "{who} {context}"
        );
    }
    assert_eq!(
        site.outcome("alice", "DescribeKey", json!({"KeyId": key})).await,
        "ok"
    );
    let listed = listed(&site, &key).await;
    assert!(
        listed
            .iter()
            .any(|grant| { grant["Constraints"] == json!({"EncryptionContextSubset": {"app": "pay"}}) })
    );
}

#[tokio::test]
async fn requests_that_ask_for_no_grant_are_refused() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let sound = grant(&key, "alice", &["Encrypt"]);
    let limit = |pairs: usize, chars: usize| {
        let pairs: std::collections::BTreeMap<_, _> = (0..pairs)
            .map(|index| (index.to_string(), "x".repeat(chars)))
            .collect();
        with(
            sound.clone(),
            "Constraints",
            json!({"EncryptionContextSubset": pairs}),
        )
    };
    let service = |more: Value| {
        let mut body = json!({
            "KeyId": key,
            "GranteeServicePrincipal": "logs.eu-central-1.amazonaws.com",
            "Operations": ["Encrypt"],
        });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let source = json!({"SourceArn": "arn:aws:logs:eu-central-1:111122223333:log-group:x"});
    for (body, expected) in [
        (
            with(sound.clone(), "Operations", json!([])),
            "ValidationException",
        ),
        (
            with(sound.clone(), "Operations", json!(["Sign"])),
            "ValidationException",
        ),
        (
            json!({"KeyId": key, "Operations": ["Encrypt"]}),
            "ValidationException",
        ),
        (
            with(
                sound.clone(),
                "GranteeServicePrincipal",
                json!("logs.eu-central-1.amazonaws.com"),
            ),
            "ValidationException",
        ),
        (
            with(
                sound.clone(),
                "Constraints",
                json!({"EncryptionContextEquals": {"a": "b"}, "EncryptionContextSubset": {"a": "b"}}),
            ),
            "ValidationException",
        ),
        (limit(8, 384), "ok"),
        (limit(9, 1), "ValidationException"),
        (limit(1, 385), "ValidationException"),
        (
            with(sound.clone(), "GranteePrincipal", json!(arn("mallory"))),
            "InvalidArnException",
        ),
        (
            with(sound.clone(), "GranteePrincipal", json!("111122223333")),
            "InvalidArnException",
        ),
        (
            with(sound.clone(), "RetiringPrincipal", json!(arn("mallory"))),
            "InvalidArnException",
        ),
        (
            with(sound.clone(), "GrantTokens", json!(["none"])),
            "InvalidGrantTokenException",
        ),
        (service(json!({})), "ValidationException"),
        (service(json!({"Constraints": source})), "ValidationException"),
        (
            service(json!({"Constraints": source, "RetiringPrincipal": arn("alice")})),
            "ok",
        ),
        (
            with(sound.clone(), "DryRun", json!(true)),
            "DryRunOperationException",
        ),
    ] {
        assert_eq!(
            site.outcome("admin", "CreateGrant", body.clone()).await,
            expected,
            "{body}"
        );
    }
    assert_eq!(listed(&site, &key).await.len(), 2);
}

#[tokio::test]
async fn a_name_makes_requests_idempotent() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let named = with(grant(&key, "alice", &["Encrypt"]), "Name", json!("n"));
    let (first, token) = made(&site, "admin", named.clone()).await;
    let (again, another) = made(&site, "root", named.clone()).await;
    assert_eq!(first, again);
    assert_ne!(token, another);
    let (other, _) = made(
        &site,
        "admin",
        with(named, "Operations", json!(["Encrypt", "Decrypt"])),
    )
    .await;
    assert_ne!(first, other);
    let (unnamed, _) = made(&site, "admin", grant(&key, "alice", &["Encrypt"])).await;
    let (twin, _) = made(&site, "admin", grant(&key, "alice", &["Encrypt"])).await;
    assert_ne!(unnamed, twin);
    assert_eq!(listed(&site, &key).await.len(), 4);
}

#[tokio::test]
async fn a_grant_that_allows_grants_allows_no_more_than_itself() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let limited = |body, pairs| with(body, "Constraints", json!({"EncryptionContextSubset": pairs}));
    let parent = grant(&key, "alice", &["CreateGrant", "Encrypt"]);
    made(&site, "admin", limited(parent, json!({"app": "pay"}))).await;
    let child = grant(&key, "carol", &["Encrypt"]);
    let pay = json!({"app": "pay"});
    let equal = with(
        child.clone(),
        "Constraints",
        json!({"EncryptionContextEquals": pay}),
    );
    let wider = grant(&key, "carol", &["Encrypt", "Decrypt"]);
    assert_eq!(site.outcome("alice", "CreateGrant", child.clone()).await, DENIED);
    assert_eq!(
        site.outcome("alice", "CreateGrant", limited(wider, pay.clone()))
            .await,
        DENIED
    );
    assert_eq!(site.outcome("alice", "CreateGrant", equal).await, "ok");
    assert_eq!(
        site.outcome("alice", "CreateGrant", limited(child, pay.clone()))
            .await,
        "ok"
    );
    assert_eq!(
        site.outcome("carol", "Encrypt", encrypt_with(&key, &pay)).await,
        "ok"
    );
    assert_eq!(site.outcome("carol", "Encrypt", encrypt(&key)).await, DENIED);
}

#[tokio::test]
async fn retiring_is_for_those_whom_the_grant_names() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let retirable = with(
        grant(&key, "alice", &["Encrypt"]),
        "RetiringPrincipal",
        json!(arn("carol")),
    );
    let denied = [("alice", DENIED), ("bob", DENIED), ("eve", DENIED)];
    for (who, expected) in denied
        .into_iter()
        .chain([("carol", "ok"), ("admin", "ok"), ("root", "ok")])
    {
        let (id, token) = made(&site, "admin", retirable.clone()).await;
        let by_token = json!({"GrantToken": token});
        assert_eq!(
            site.outcome(who, "RetireGrant", by_token.clone()).await,
            expected,
            "{who}"
        );
        if expected == "ok" {
            let gone = site.outcome(who, "RetireGrant", by_token).await;
            assert_eq!(gone, "InvalidGrantTokenException");
            let gone = site
                .outcome(who, "RetireGrant", json!({"KeyId": key, "GrantId": id}))
                .await;
            assert_eq!(gone, "NotFoundException");
        }
    }
    let (id, token) = made(&site, "admin", grant(&key, "alice", &["Encrypt", "RetireGrant"])).await;
    assert_eq!(
        site.outcome("carol", "RetireGrant", json!({"GrantToken": token}))
            .await,
        DENIED
    );
    let by_id = json!({"KeyId": key, "GrantId": id});
    let trial = with(by_id.clone(), "DryRun", json!(true));
    assert_eq!(
        site.outcome("alice", "RetireGrant", trial).await,
        "DryRunOperationException"
    );
    assert_eq!(site.outcome("alice", "RetireGrant", by_id).await, "ok");
}

#[tokio::test]
async fn a_grant_to_be_retired_is_named_in_one_way() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let (id, token) = made(&site, "admin", grant(&key, "alice", &["Encrypt"])).await;
    let bare = key.rsplit_once('/').unwrap().1;
    for (body, expected) in [
        (json!({}), "ValidationException"),
        (json!({"KeyId": key}), "ValidationException"),
        (
            json!({"GrantToken": token, "KeyId": key, "GrantId": id}),
            "ValidationException",
        ),
        (json!({"KeyId": bare, "GrantId": id}), "InvalidArnException"),
        (
            json!({"KeyId": key, "GrantId": "short"}),
            "InvalidGrantIdException",
        ),
        (json!({"GrantToken": "bm9uZQ=="}), "InvalidGrantTokenException"),
    ] {
        assert_eq!(
            site.outcome("root", "RetireGrant", body.clone()).await,
            expected,
            "{body}"
        );
    }
    assert_eq!(listed(&site, &key).await.len(), 1);
}

#[tokio::test]
async fn grants_reach_across_accounts() {
    let site = Site::new().await;
    let key = site.default_key().await;
    made(&site, "admin", grant(&key, "nobody", &["Encrypt"])).await;
    made(&site, "admin", grant(&key, "foreign-root", &["DescribeKey"])).await;
    assert_eq!(site.outcome("nobody", "Encrypt", encrypt(&key)).await, "ok");
    // A grant to an account leaves it to that account's identity policies.
    assert_eq!(
        site.outcome("eve", "DescribeKey", json!({"KeyId": key})).await,
        "ok"
    );
    assert_eq!(
        site.outcome("nobody", "DescribeKey", json!({"KeyId": key})).await,
        DENIED
    );
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let mut ids = Vec::new();
    for who in ["alice", "bob", "carol"] {
        let body = with(
            grant(&key, who, &["Encrypt"]),
            "RetiringPrincipal",
            json!(arn("dave")),
        );
        ids.push(made(&site, "admin", body).await.0);
    }
    let page = site
        .call("root", "ListGrants", json!({"KeyId": key, "Limit": 2}))
        .await
        .unwrap();
    assert_eq!(page["Grants"].as_array().unwrap().len(), 2);
    let next = json!({"KeyId": key, "Limit": 2, "Marker": page["NextMarker"]});
    let rest = site.call("root", "ListGrants", next).await.unwrap();
    assert_eq!(
        (rest["Grants"].as_array().unwrap().len(), &rest["Truncated"]),
        (1, &json!(false))
    );
    for filter in [
        json!({"KeyId": key, "GranteePrincipal": arn("bob")}),
        json!({"KeyId": key, "GrantId": ids[1]}),
    ] {
        let found = site.call("root", "ListGrants", filter).await.unwrap();
        assert_eq!(found["Grants"].as_array().unwrap().len(), 1);
        assert_eq!(found["Grants"][0]["GranteePrincipal"], arn("bob"));
    }
    let bad = json!({"KeyId": key, "GrantId": "x"});
    assert_eq!(
        site.outcome("root", "ListGrants", bad).await,
        "InvalidGrantIdException"
    );
    for (limit, expected) in [(100, "ok"), (101, "ValidationException")] {
        let body = json!({"KeyId": key, "Limit": limit});
        assert_eq!(site.outcome("root", "ListGrants", body).await, expected);
        let body = json!({"RetiringPrincipal": arn("dave"), "Limit": limit});
        assert_eq!(site.outcome("root", "ListRetirableGrants", body).await, expected);
    }
    let retirable = json!({"RetiringPrincipal": arn("dave"), "Limit": 2});
    let page = site
        .call("admin", "ListRetirableGrants", retirable)
        .await
        .unwrap();
    assert_eq!(page["Grants"].as_array().unwrap().len(), 2);
    let next = json!({"RetiringPrincipal": arn("dave"), "Limit": 2, "Marker": page["NextMarker"]});
    let rest = site.call("admin", "ListRetirableGrants", next).await.unwrap();
    assert_eq!(rest["Grants"].as_array().unwrap().len(), 1);
    for (body, expected) in [
        (json!({}), "ValidationException"),
        (json!({"RetiringPrincipal": arn("eve")}), "InvalidArnException"),
    ] {
        assert_eq!(site.outcome("admin", "ListRetirableGrants", body).await, expected);
    }
    assert_eq!(
        site.outcome(
            "alice",
            "ListRetirableGrants",
            json!({"RetiringPrincipal": arn("alice")})
        )
        .await,
        DENIED
    );
}

#[tokio::test]
async fn conditions_see_what_is_to_be_granted() {
    let site = Site::new().await;
    let mut granting = allow(&["alice"], &["kms:CreateGrant"]);
    granting["Condition"] = json!({
        "ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]},
        "StringEquals": {
            "kms:GranteePrincipal": arn("bob"),
            "kms:RetiringPrincipal": arn("carol"),
            "kms:GrantConstraintType": "EncryptionContextSubset",
            "kms:EncryptionContext:app": "pay",
        },
        "Bool": {"kms:GrantIsForAWSResource": "false"},
    });
    let key = site
        .key(json!([granting, allow(&["root"], &["kms:ListGrants"])]))
        .await;
    let constraint = |name: &str, value: &str| json!({name: {"app": value}});
    let sound = json!({
        "KeyId": key,
        "GranteePrincipal": arn("bob"),
        "RetiringPrincipal": arn("carol"),
        "Operations": ["Decrypt"],
        "Constraints": constraint("EncryptionContextSubset", "pay"),
    });
    assert_eq!(site.outcome("alice", "CreateGrant", sound.clone()).await, "ok");
    for (name, value) in [
        ("GranteePrincipal", json!(arn("carol"))),
        ("RetiringPrincipal", json!(arn("bob"))),
        ("Operations", json!(["Decrypt", "GenerateDataKey"])),
        ("Constraints", constraint("EncryptionContextEquals", "pay")),
        ("Constraints", constraint("EncryptionContextSubset", "other")),
    ] {
        let body = with(sound.clone(), name, value);
        assert_eq!(site.outcome("alice", "CreateGrant", body).await, DENIED, "{name}");
    }
}

#[tokio::test]
async fn a_disabled_key_is_given_to_nobody() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let (id, _) = made(&site, "admin", grant(&key, "alice", &["Encrypt"])).await;
    site.call("root", "DisableKey", json!({"KeyId": key}))
        .await
        .unwrap();
    let body = grant(&key, "bob", &["Encrypt"]);
    assert_eq!(
        site.outcome("admin", "CreateGrant", body).await,
        "DisabledException"
    );
    assert_eq!(
        site.outcome("admin", "RevokeGrant", json!({"KeyId": key, "GrantId": id}))
            .await,
        "ok"
    );
}
