//! Decisions about calls.

use std::sync::Arc;

use kms::{Caller, Origin};
use serde_json::{Value, json};

use super::kit::{Site, allow, arn, encrypt, encrypt_with};

#[tokio::test]
async fn the_default_policy_leaves_it_to_identity_policies() {
    let site = Site::new().await;
    let key = site.default_key().await;
    assert_eq!(site.outcome("root", "Encrypt", encrypt(&key)).await, "ok");
    assert_eq!(site.outcome("admin", "Encrypt", encrypt(&key)).await, "ok");
    assert_eq!(site.outcome("bob", "Encrypt", encrypt(&key)).await, "ok");
    assert_eq!(
        site.call("bob", "DescribeKey", json!({"KeyId": key}))
            .await
            .unwrap_err(),
        format!(
            "AccessDeniedException: User: {} is not authorized to perform: kms:DescribeKey on resource: {key} \
             because no identity-based policy allows the kms:DescribeKey action",
            arn("bob")
        )
    );
    assert_eq!(
        site.outcome("alice", "Encrypt", encrypt(&key)).await,
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn a_key_policy_is_needed_and_suffices() {
    let site = Site::new().await;
    let key = site.key(json!([allow(&["alice"], &["kms:Encrypt"])])).await;
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, "ok");
    for who in ["admin", "root"] {
        assert_eq!(
            site.call(who, "Encrypt", encrypt(&key)).await.unwrap_err(),
            format!(
                "AccessDeniedException: User: {} is not authorized to perform: kms:Encrypt on resource: {key} \
                 because no resource-based policy allows the kms:Encrypt action",
                arn(who)
            )
        );
    }
}

#[tokio::test]
async fn explicit_denies_win() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let blob = site.call("frank", "Encrypt", encrypt(&key)).await.unwrap()["CiphertextBlob"].clone();
    let refused = site
        .call("frank", "Decrypt", json!({"CiphertextBlob": blob, "KeyId": key}))
        .await;
    assert!(
        refused
            .unwrap_err()
            .ends_with("with an explicit deny in an identity-based policy")
    );
    // Who does not name the key is not told of it.
    let refused = site
        .call("frank", "Decrypt", json!({"CiphertextBlob": blob}))
        .await;
    assert!(
        refused
            .unwrap_err()
            .starts_with("AccessDeniedException: The ciphertext refers to")
    );
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"});
    let denied = site.key(json!([allow(&["root"], &["kms:*"]), deny])).await;
    let refused = site.call("root", "Encrypt", encrypt(&denied)).await;
    assert!(
        refused
            .unwrap_err()
            .ends_with("with an explicit deny in a resource-based policy")
    );
}

#[tokio::test]
async fn boundaries_limit_and_roles_are_their_sessions() {
    let site = Site::new().await;
    let key = site.default_key().await;
    assert_eq!(site.outcome("dave", "Encrypt", encrypt(&key)).await, "ok");
    let refused = site.call("dave", "DescribeKey", json!({"KeyId": key})).await;
    assert!(
        refused
            .unwrap_err()
            .contains("because no permissions boundary allows")
    );
    let key = site.key(json!([allow(&["ops"], &["kms:Encrypt"])])).await;
    assert_eq!(site.outcome("session", "Encrypt", encrypt(&key)).await, "ok");
    let refused = site.call("session", "DescribeKey", json!({"KeyId": key})).await;
    assert!(refused.unwrap_err().contains(&arn("session")));
}

#[tokio::test]
async fn other_accounts_need_both_policies_and_learn_nothing() {
    let site = Site::new().await;
    let shared = site.key(json!([allow(&["foreign-root"], &["kms:*"])])).await;
    let closed = site.default_key().await;
    let missing = closed.replace(&closed[closed.len() - 4..], "0000");
    assert_eq!(site.outcome("eve", "Encrypt", encrypt(&shared)).await, "ok");
    assert_eq!(
        site.outcome("foreign-root", "Encrypt", encrypt(&shared)).await,
        "ok"
    );
    for (who, key) in [
        ("nobody", &shared),
        ("nobody", &closed),
        ("nobody", &missing),
        ("eve", &closed),
        ("eve", &missing),
    ] {
        assert_eq!(
            site.call(who, "Encrypt", encrypt(key)).await.unwrap_err(),
            format!(
                "AccessDeniedException: User: {} is not authorized to perform: kms:Encrypt on this resource because \
                 the resource does not exist in this Region, no resource-based policies allow access, or a \
                 resource-based policy explicitly denies access",
                arn(who)
            )
        );
    }
    // Management does not reach across accounts, whatever a policy says.
    for operation in [
        "DisableKey",
        "GetKeyPolicy",
        "ListResourceTags",
        "ScheduleKeyDeletion",
    ] {
        assert_eq!(
            site.outcome("eve", operation, json!({"KeyId": shared})).await,
            "AccessDeniedException",
            "{operation}"
        );
    }
    for operation in ["DescribeKey", "GetKeyRotationStatus", "ListGrants"] {
        assert_eq!(
            site.outcome("eve", operation, json!({"KeyId": shared})).await,
            "ok",
            "{operation}"
        );
    }
}

#[tokio::test]
async fn conditions_see_the_encryption_context() {
    let site = Site::new().await;
    let mut statement = allow(&["alice"], &["kms:Encrypt", "kms:Decrypt"]);
    statement["Condition"] = json!({"StringEquals": {"kms:EncryptionContext:AppName": "pay"}});
    let key = site.key(json!([statement])).await;
    let with = |context: Value| encrypt_with(&key, &context);
    let denied = "AccessDeniedException";
    assert_eq!(
        site.outcome("alice", "Encrypt", with(json!({"AppName": "pay"})))
            .await,
        "ok"
    );
    assert_eq!(
        site.outcome("alice", "Encrypt", with(json!({"appname": "pay"})))
            .await,
        "ok"
    );
    assert_eq!(
        site.outcome("alice", "Encrypt", with(json!({"AppName": "Pay"})))
            .await,
        denied
    );
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, denied);
    let doubled = with(json!({"AppName": "pay", "APPNAME": "other"}));
    assert_eq!(site.outcome("alice", "Encrypt", doubled).await, denied);
}

#[tokio::test]
async fn conditions_see_key_caller_and_connection() {
    let site = Site::new().await;
    for (condition, expected) in [
        (
            json!({"StringEquals": {"kms:KeyOrigin": "AWS_KMS", "kms:KeySpec": "SYMMETRIC_DEFAULT"}}),
            "ok",
        ),
        (
            json!({"StringEquals": {"kms:KeyUsage": "SIGN_VERIFY"}}),
            "AccessDeniedException",
        ),
        (
            json!({"StringEquals": {"kms:CallerAccount": "111122223333"}}),
            "ok",
        ),
        (
            json!({"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}),
            "ok",
        ),
        (json!({"Bool": {"kms:MultiRegion": "false"}}), "ok"),
        (
            json!({"StringEquals": {"aws:username": "alice", "aws:PrincipalTag/team": "blue"}}),
            "ok",
        ),
        (
            json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
            "AccessDeniedException",
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "true"}}),
            "AccessDeniedException",
        ),
        (
            json!({"DateLessThan": {"aws:CurrentTime": "2027-02-01T00:00:00Z"}}),
            "ok",
        ),
        (
            json!({"Null": {"kms:ViaService": "true", "kms:RequestAlias": "true"}}),
            "ok",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}),
            "AccessDeniedException",
        ),
    ] {
        let mut statement = allow(&["alice"], &["kms:Encrypt"]);
        statement["Condition"] = condition.clone();
        let key = site.key(json!([statement])).await;
        assert_eq!(
            site.outcome("alice", "Encrypt", encrypt(&key)).await,
            expected,
            "{condition}"
        );
    }
    let mut statement = allow(&["alice"], &["kms:Encrypt"]);
    statement["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let key = site.key(json!([statement])).await;
    for (address, allowed) in [("10.9.8.7", true), ("11.0.0.1", false)] {
        let origin = Origin {
            source_ip: Some(address.parse().unwrap()),
            ..Origin::default()
        };
        let answer = site
            .call_with(site.caller("alice"), origin, "Encrypt", encrypt(&key))
            .await;
        assert_eq!(answer.is_ok(), allowed, "{address}");
    }
}

#[tokio::test]
async fn a_service_that_calls_for_a_principal_is_seen() {
    let site = Site::new().await;
    let mut statement = allow(&["alice"], &["kms:Encrypt"]);
    statement["Condition"] = json!({"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}});
    let key = site.key(json!([statement])).await;
    for (service, allowed) in [(Some("s3"), true), (Some("ec2"), false), (None, false)] {
        let caller = Arc::new(Caller {
            via_service: service.map(str::to_owned),
            ..Caller::clone(&site.caller("alice"))
        });
        let answer = site
            .call_with(caller, Origin::default(), "Encrypt", encrypt(&key))
            .await;
        assert_eq!(answer.is_ok(), allowed, "{service:?}");
    }
}

#[tokio::test]
async fn tags_of_principal_and_key_are_compared() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let denied = "AccessDeniedException";
    assert_eq!(site.outcome("carol", "Encrypt", encrypt(&key)).await, denied);
    let tag = |value: &str| json!({"KeyId": key, "Tags": [{"TagKey": "team", "TagValue": value}]});
    site.call("root", "TagResource", tag("red")).await.unwrap();
    assert_eq!(site.outcome("carol", "Encrypt", encrypt(&key)).await, denied);
    site.call("root", "TagResource", tag("blue")).await.unwrap();
    assert_eq!(site.outcome("carol", "Encrypt", encrypt(&key)).await, "ok");
}

#[tokio::test]
async fn re_encrypting_needs_a_permission_on_each_key() {
    let site = Site::new().await;
    let from = site
        .key(json!([allow(&["alice"], &["kms:Encrypt", "kms:ReEncryptFrom"])]))
        .await;
    let to = site.key(json!([allow(&["alice"], &["kms:ReEncryptTo"])])).await;
    let blob = site.call("alice", "Encrypt", encrypt(&from)).await.unwrap()["CiphertextBlob"].clone();
    let body = |to: &str| json!({"CiphertextBlob": blob, "DestinationKeyId": to});
    assert_eq!(site.outcome("alice", "ReEncrypt", body(&to)).await, "ok");
    let refused = site.call("alice", "ReEncrypt", body(&from)).await.unwrap_err();
    assert!(refused.contains("perform: kms:ReEncryptTo"), "{refused}");
}

#[tokio::test]
async fn what_has_no_key_is_for_identity_policies() {
    let site = Site::new().await;
    for (operation, body) in [
        ("CreateKey", json!({})),
        ("ListKeys", json!({})),
        ("ListAliases", json!({})),
        ("GenerateRandom", json!({"NumberOfBytes": 8})),
        ("DescribeCustomKeyStores", json!({})),
    ] {
        assert_eq!(
            site.outcome("admin", operation, body.clone()).await,
            "ok",
            "{operation}"
        );
        let refused = site.call("alice", operation, body).await.unwrap_err();
        assert!(
            refused.ends_with(&format!(
                "on resource: * because no identity-based policy allows the kms:{operation} action"
            )),
            "{refused}"
        );
    }
}
