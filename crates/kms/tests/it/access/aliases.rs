//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use serde_json::{Value, json};

use super::kit::{Site, allow, encrypt};

fn alias(name: &str, key: &str) -> Value {
    json!({"AliasName": name, "TargetKeyId": key})
}

fn names(listed: &Value) -> Vec<&str> {
    let aliases = listed["Aliases"].as_array().unwrap();
    aliases
        .iter()
        .map(|alias| alias["AliasName"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_alias_names_a_key_until_it_names_another() {
    let site = Site::new().await;
    let (first, second) = (site.default_key().await, site.default_key().await);
    assert_eq!(
        site.call("root", "CreateAlias", alias("alias/app", &first))
            .await
            .unwrap(),
        Value::Null
    );
    let used = site.call("root", "Encrypt", encrypt("alias/app")).await.unwrap();
    assert_eq!(used["KeyId"], *first);
    assert_eq!(
        site.call("root", "CreateAlias", alias("alias/app", &second))
            .await
            .unwrap_err(),
        "AlreadyExistsException: An alias with the name arn:aws:kms:eu-central-1:111122223333:alias/app already \
         exists"
    );
    assert_eq!(
        site.call("root", "UpdateAlias", alias("alias/app", &second))
            .await
            .unwrap(),
        Value::Null
    );
    let site = site.restart().await;
    let used = site.call("root", "Encrypt", encrypt("alias/app")).await.unwrap();
    assert_eq!(used["KeyId"], *second);
    let delete = json!({"AliasName": "alias/app"});
    assert_eq!(
        site.call("root", "DeleteAlias", delete.clone()).await.unwrap(),
        Value::Null
    );
    let missing = "NotFoundException: Alias arn:aws:kms:eu-central-1:111122223333:alias/app is not found.";
    assert_eq!(
        site.call("root", "DeleteAlias", delete).await.unwrap_err(),
        missing
    );
    assert_eq!(
        site.call("root", "UpdateAlias", alias("alias/app", &first))
            .await
            .unwrap_err(),
        missing
    );
    assert_eq!(
        site.call("root", "Encrypt", encrypt("alias/app"))
            .await
            .unwrap_err(),
        missing
    );
}

#[tokio::test]
async fn names_keep_their_form() {
    let site = Site::new().await;
    let key = site.default_key().await;
    for name in [
        "app",
        "alias/",
        "alias/aws/s3",
        "arn:aws:kms:eu-central-1:111122223333:alias/app",
    ] {
        assert_eq!(
            site.outcome("root", "CreateAlias", alias(name, &key)).await,
            "InvalidAliasNameException",
            "{name}"
        );
        let delete = json!({"AliasName": name});
        assert_eq!(
            site.outcome("root", "DeleteAlias", delete).await,
            "ValidationException",
            "{name}"
        );
    }
    // A target is a key, not an alias.
    site.call("root", "CreateAlias", alias("alias/app", &key))
        .await
        .unwrap();
    assert_eq!(
        site.outcome("root", "CreateAlias", alias("alias/other", "alias/app"))
            .await,
        "NotFoundException"
    );
    assert_eq!(
        site.outcome("root", "CreateAlias", alias("alias/App", &key))
            .await,
        "ok"
    );
}

#[tokio::test]
async fn a_key_has_fifty_aliases_at_most() {
    let site = Site::new().await;
    let (full, other) = (site.default_key().await, site.default_key().await);
    for index in 0..50 {
        let name = format!("alias/{index:02}");
        assert_eq!(
            site.outcome("root", "CreateAlias", alias(&name, &full)).await,
            "ok"
        );
    }
    let limit = "LimitExceededException";
    assert_eq!(
        site.outcome("root", "CreateAlias", alias("alias/50", &full))
            .await,
        limit
    );
    site.call("root", "CreateAlias", alias("alias/50", &other))
        .await
        .unwrap();
    assert_eq!(
        site.outcome("root", "UpdateAlias", alias("alias/50", &full))
            .await,
        limit
    );
    // One that is there already may stay.
    assert_eq!(
        site.outcome("root", "UpdateAlias", alias("alias/00", &full))
            .await,
        "ok"
    );
    let page = site.call("root", "ListAliases", json!({})).await.unwrap();
    assert_eq!(names(&page).len(), 50);
    let rest = site
        .call("root", "ListAliases", json!({"Marker": page["NextMarker"]}))
        .await
        .unwrap();
    assert_eq!(names(&rest), ["alias/50"]);
    let of_key = site
        .call("root", "ListAliases", json!({"KeyId": other}))
        .await
        .unwrap();
    assert_eq!(names(&of_key), ["alias/50"]);
    assert_eq!(
        site.outcome("root", "ListAliases", json!({"Limit": 101})).await,
        "ValidationException"
    );
    assert_eq!(
        site.outcome("root", "ListAliases", json!({"Limit": 100})).await,
        "ok"
    );
}

#[tokio::test]
async fn permission_is_needed_on_the_alias_and_on_every_key() {
    let site = Site::new().await;
    let (open, closed) = (
        site.default_key().await,
        site.key(json!([allow(&["root"], &["kms:Encrypt"])])).await,
    );
    let denied = "AccessDeniedException";
    // grace's identity policy has the keys of the account and the aliases that begin with app-.
    assert_eq!(
        site.outcome("grace", "CreateAlias", alias("alias/app-1", &open))
            .await,
        "ok"
    );
    assert_eq!(
        site.outcome("grace", "CreateAlias", alias("alias/other", &open))
            .await,
        denied
    );
    assert_eq!(
        site.outcome("grace", "CreateAlias", alias("alias/app-2", &closed))
            .await,
        denied
    );
    assert_eq!(
        site.outcome("grace", "UpdateAlias", alias("alias/app-1", &closed))
            .await,
        denied
    );
    assert_eq!(
        site.outcome("alice", "DeleteAlias", json!({"AliasName": "alias/app-1"}))
            .await,
        denied
    );
    assert_eq!(
        site.outcome("grace", "DeleteAlias", json!({"AliasName": "alias/app-1"}))
            .await,
        "ok"
    );
}

#[tokio::test]
async fn aliases_of_other_accounts_are_their_own() {
    let site = Site::new().await;
    let shared = site
        .key(json!([allow(&["root", "foreign-root"], &["kms:*"])]))
        .await;
    site.call("root", "CreateAlias", alias("alias/app", &shared))
        .await
        .unwrap();
    let denied = "AccessDeniedException";
    assert_eq!(
        site.outcome("eve", "CreateAlias", alias("alias/theirs", &shared))
            .await,
        denied
    );
    assert_eq!(
        site.outcome("eve", "ListAliases", json!({"KeyId": shared})).await,
        denied
    );
    assert_eq!(
        names(&site.call("eve", "ListAliases", json!({})).await.unwrap()).len(),
        0
    );
    assert_eq!(
        site.outcome("eve", "Encrypt", encrypt("alias/app")).await,
        "NotFoundException"
    );
    let by_arn = "arn:aws:kms:eu-central-1:111122223333:alias/app";
    assert_eq!(site.outcome("eve", "Encrypt", encrypt(by_arn)).await, "ok");
}

#[tokio::test]
async fn conditions_see_the_alias_of_the_request_and_all_of_the_key() {
    let site = Site::new().await;
    let mut by_alias = allow(&["alice"], &["kms:Encrypt"]);
    by_alias["Condition"] = json!({"StringEquals": {"kms:RequestAlias": "alias/app"}});
    let mut with_alias = allow(&["alice"], &["kms:GenerateDataKey"]);
    with_alias["Condition"] = json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}});
    let key = site
        .key(json!([by_alias, with_alias, allow(&["root"], &["kms:*"])]))
        .await;
    let denied = "AccessDeniedException";
    assert_eq!(site.outcome("heidi", "Encrypt", encrypt(&key)).await, denied);
    site.call("root", "CreateAlias", alias("alias/app", &key))
        .await
        .unwrap();
    assert_eq!(site.outcome("alice", "Encrypt", encrypt(&key)).await, denied);
    assert_eq!(site.outcome("alice", "Encrypt", encrypt("alias/app")).await, "ok");
    // Identity policies see all aliases of a key, key policies do not.
    assert_eq!(site.outcome("heidi", "Encrypt", encrypt(&key)).await, "ok");
    let data_key = json!({"KeyId": key, "KeySpec": "AES_256"});
    assert_eq!(site.outcome("alice", "GenerateDataKey", data_key).await, denied);
}
