//! Whether another account has a key shows to nobody whom it does not let use it: not by the error,
//! and not by the caller's own CloudTrail record.

use serde_json::{Value, json};

use super::kit::{Site, encrypt};

/// Keys of the account 111122223333 that are not there, and an alias.
const NO_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000";
const NO_ALIAS: &str = "arn:aws:kms:eu-central-1:111122223333:alias/none";

/// Holds what `who` is told of `there` against what is told of `missing`.
async fn same(
    site: &Site,
    who: &str,
    there: &str,
    missing: &str,
    probe: impl Fn(&str) -> (&'static str, Value),
) {
    let mut told = Vec::new();
    for key in [there, missing] {
        let (operation, body) = probe(key);
        let error = site.call(who, operation, body).await.unwrap_err();
        told.push((operation, error.replace(key, "<key>")));
    }
    assert_eq!(told[0], told[1]);
    let records = site.trail().await;
    let own = records
        .iter()
        .filter(|record| record["recipientAccountId"] == "444455556666");
    for record in own {
        let resources = record["resources"].to_string();
        assert!(!resources.contains(":111122223333:key"), "{record}");
    }
}

#[tokio::test]
async fn no_error_tells_whether_another_account_has_a_key() {
    let site = Site::new().await;
    let there = site.default_key().await;
    let alias = there.split(":key/").next().unwrap().to_owned() + ":alias/secret";
    let made = json!({"AliasName": "alias/secret", "TargetKeyId": there});
    site.call("root", "CreateAlias", made).await.unwrap();
    // Eve's own: a key with an alias, a ciphertext, and a ciphertext whose key she has disabled.
    let key = site.key_of("foreign-root", everything()).await;
    let blob = |answer: Value| answer["CiphertextBlob"].as_str().unwrap().to_owned();
    let own = blob(site.call("eve", "Encrypt", encrypt(&key)).await.unwrap());
    let disabled = site.key_of("foreign-root", everything()).await;
    let unusable = blob(site.call("eve", "Encrypt", encrypt(&disabled)).await.unwrap());
    site.call("eve", "DisableKey", json!({"KeyId": disabled}))
        .await
        .unwrap();

    for (there, missing) in [(there.as_str(), NO_KEY), (alias.as_str(), NO_ALIAS)] {
        for blob in ["aGVsbG8=", &own, &unusable] {
            let named = |key: &str| ("Decrypt", json!({"CiphertextBlob": blob, "KeyId": key}));
            same(&site, "eve", there, missing, named).await;
            let from = |key: &str| {
                let body = json!({"CiphertextBlob": blob, "SourceKeyId": key, "DestinationKeyId": disabled});
                ("ReEncrypt", body)
            };
            same(&site, "eve", there, missing, from).await;
            let to = |key: &str| {
                let body = json!({"CiphertextBlob": blob, "DestinationKeyId": key});
                ("ReEncrypt", body)
            };
            same(&site, "eve", there, missing, to).await;
            same(&site, "nobody", there, missing, to).await;
        }
        let token = |key: &str| {
            let body = json!({"KeyId": key, "Plaintext": "aGVsbG8=", "GrantTokens": ["none"]});
            ("Encrypt", body)
        };
        same(&site, "eve", there, missing, token).await;
        let trial = |key: &str| {
            let body = json!({"KeyId": key, "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]});
            ("Decrypt", body)
        };
        same(&site, "eve", there, missing, trial).await;
        let describe = |key: &str| ("DescribeKey", json!({"KeyId": key}));
        same(&site, "eve", there, missing, describe).await;
    }
    let named = json!({"AliasName": "alias/own", "TargetKeyId": key});
    site.call("eve", "CreateAlias", named).await.unwrap();
    for who in ["eve", "nobody"] {
        for operation in ["CreateAlias", "UpdateAlias"] {
            let point = |key: &str| {
                let name = if operation == "CreateAlias" {
                    "alias/new"
                } else {
                    "alias/own"
                };
                (operation, json!({"AliasName": name, "TargetKeyId": key}))
            };
            same(&site, who, &there, NO_KEY, point).await;
        }
    }
}

fn everything() -> Value {
    json!([{"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:*", "Resource": "*"}])
}

#[tokio::test]
async fn who_may_use_the_named_key_is_told_that_the_ciphertext_is_not_its() {
    let site = Site::new().await;
    let (one, other) = (site.default_key().await, site.default_key().await);
    let blob = site.call("root", "Encrypt", encrypt(&one)).await.unwrap()["CiphertextBlob"].clone();
    let body = json!({"CiphertextBlob": blob, "KeyId": other});
    assert_eq!(
        site.outcome("root", "Decrypt", body.clone()).await,
        "IncorrectKeyException"
    );
    assert_eq!(
        site.outcome("alice", "Decrypt", body).await,
        "AccessDeniedException"
    );
}
