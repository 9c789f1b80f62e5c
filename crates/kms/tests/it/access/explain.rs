//! Explanations of decisions.

use std::collections::BTreeMap;

use kms::control::message::Explain;
use serde_json::json;

use super::kit::{Site, allow, arn};
use crate::support::REGION;

fn asked(who: &str, action: &str, key: &str) -> Explain {
    Explain {
        principal: arn(who),
        action: action.to_owned(),
        key: Some(key.to_owned()),
        region: REGION.to_owned(),
        ..Explain::default()
    }
}

#[tokio::test]
async fn every_statement_is_told_and_the_deciding_one_named() {
    let site = Site::new().await;
    let mut conditional = allow(&["alice"], &["kms:Decrypt"]);
    conditional["Sid"] = json!("pay only");
    conditional["Condition"] = json!({"StringEquals": {"kms:EncryptionContext:app": "pay"}});
    let key = site
        .key(json!([
            allow(&["bob"], &["kms:*"]),
            conditional,
            allow(&["root"], &["kms:*"])
        ]))
        .await;
    let mut question = asked("alice", "kms:Decrypt", &key);
    let told = site.explain(&question).unwrap();
    assert!(!told.allowed);
    assert_eq!(told.reason, "no identity-based policy allows");
    assert_eq!(
        told.considered,
        [
            "resource-based policy, statement 1: Allow is for other principals",
            "resource-based policy, statement 2 (pay only): Allow does not apply: StringEquals on \
             kms:EncryptionContext:app does not hold",
            "resource-based policy, statement 3: Allow applies to the caller's account",
        ]
    );
    question.encryption_context = BTreeMap::from([("app".to_owned(), "pay".to_owned())]);
    let told = site.explain(&question).unwrap();
    assert!(told.allowed);
    assert_eq!(told.reason, "resource-based policy, statement 2 (pay only)");
}

#[tokio::test]
async fn explanations_and_calls_agree() {
    let site = Site::new().await;
    let shared = site
        .key(json!([allow(&["root", "foreign-root"], &["kms:*"])]))
        .await;
    for who in [
        "root", "admin", "alice", "bob", "carol", "dave", "frank", "session", "eve", "nobody",
    ] {
        for (action, operation) in [
            ("kms:DescribeKey", "DescribeKey"),
            ("kms:GetKeyPolicy", "GetKeyPolicy"),
        ] {
            let told = site.explain(&asked(who, action, &shared)).unwrap();
            let done = site.outcome(who, operation, json!({"KeyId": shared})).await;
            assert_eq!(told.allowed, done == "ok", "{who} {action}: {}", told.reason);
        }
    }
}

#[tokio::test]
async fn conditions_can_be_tried_out() {
    let site = Site::new().await;
    let mut statement = allow(&["alice"], &["kms:Encrypt"]);
    statement["Condition"] = json!({"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}});
    let key = site.key(json!([statement])).await;
    let mut question = asked("alice", "kms:Encrypt", &key);
    assert!(!site.explain(&question).unwrap().allowed);
    let service = vec!["s3.eu-central-1.amazonaws.com".to_owned()];
    question.conditions = BTreeMap::from([("kms:ViaService".to_owned(), service)]);
    assert!(site.explain(&question).unwrap().allowed);
}

#[tokio::test]
async fn grants_are_explained_and_who_may_retire_them() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let body = json!({"KeyId": key, "GranteePrincipal": arn("alice"), "Operations": ["Encrypt"]});
    let made = site.call("root", "CreateGrant", body).await.unwrap();
    let told = site.explain(&asked("alice", "kms:Encrypt", &key)).unwrap();
    assert_eq!(
        told.reason,
        format!("grant {}", made["GrantId"].as_str().unwrap())
    );
    let mut retiring = asked("alice", "kms:RetireGrant", &key);
    assert!(site.explain(&retiring).unwrap_err().contains("grant token"));
    retiring.grant_tokens = vec![made["GrantToken"].as_str().unwrap().to_owned()];
    assert!(!site.explain(&retiring).unwrap().allowed);
    retiring.principal = arn("root");
    assert!(site.explain(&retiring).unwrap().allowed);
}

#[tokio::test]
async fn actions_without_a_key_and_on_aliases_are_explained() {
    let site = Site::new().await;
    let mut question = asked("admin", "kms:CreateKey", "");
    question.key = None;
    assert_eq!(
        site.explain(&question).unwrap().reason,
        "identity-based policy everything, statement 1"
    );
    assert!(
        site.explain(&asked("grace", "kms:CreateAlias", "alias/app-7"))
            .unwrap()
            .allowed
    );
    assert!(
        !site
            .explain(&asked("grace", "kms:CreateAlias", "alias/x"))
            .unwrap()
            .allowed
    );
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let site = Site::new().await;
    let key = site.default_key().await;
    let error = |question: Explain| site.explain(&question).unwrap_err();
    assert!(error(asked("mallory", "kms:Encrypt", &key)).contains("no such principal"));
    assert!(error(asked("alice", "Encrypt", &key)).contains("no such action"));
    assert!(error(asked("alice", "kms:ReEncrypt", &key)).contains("no such action"));
    assert!(error(asked("alice", "kms:Encrypt", "alias/none")).contains("is not found"));
    let no_key = Explain {
        key: None,
        ..asked("alice", "kms:Encrypt", &key)
    };
    assert!(error(no_key).contains("on a key"));
    let region = Explain {
        region: "nowhere".to_owned(),
        ..asked("alice", "kms:Encrypt", &key)
    };
    assert!(error(region).contains("not a Region"));
}
