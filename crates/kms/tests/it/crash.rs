//! What was acknowledged is there after a crash at any moment, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock as _;
use kms::KmsConfig;
use proptest::prelude::*;
use serde_json::{Value, json};
use xks_client::SystemNetwork;

use crate::support::World;

/// One change, of the key or alias that the numbers pick.
#[derive(Clone, Debug)]
enum Change {
    Create,
    Key(&'static str, usize),
    Describe(usize, u8),
    Schedule(usize),
    RotateBy(usize, u16),
    Alias(&'static str, u8, usize),
    Tag(usize, u8),
    Untag(usize, u8),
    Grant(usize, u8),
    RevokeAll(usize),
    Policy(usize, u8),
    Days(u8),
    Restart,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0_usize..4;
    let simple = prop::sample::select(vec![
        "EnableKey",
        "DisableKey",
        "CancelKeyDeletion",
        "RotateKeyOnDemand",
        "DisableKeyRotation",
    ]);
    let alias = prop::sample::select(vec!["CreateAlias", "UpdateAlias", "DeleteAlias"]);
    prop_oneof![
        2 => Just(Change::Create),
        5 => (simple, key.clone()).prop_map(|(operation, key)| Change::Key(operation, key)),
        1 => (key.clone(), any::<u8>()).prop_map(|(key, n)| Change::Describe(key, n)),
        2 => key.clone().prop_map(Change::Schedule),
        1 => (key.clone(), 90_u16..400).prop_map(|(key, days)| Change::RotateBy(key, days)),
        4 => (alias, 0_u8..4, key.clone()).prop_map(|(operation, n, key)| Change::Alias(operation, n, key)),
        2 => (key.clone(), 0_u8..4).prop_map(|(key, n)| Change::Tag(key, n)),
        1 => (key.clone(), 0_u8..4).prop_map(|(key, n)| Change::Untag(key, n)),
        2 => (key.clone(), 0_u8..4).prop_map(|(key, n)| Change::Grant(key, n)),
        1 => key.clone().prop_map(Change::RevokeAll),
        1 => (key, any::<u8>()).prop_map(|(key, n)| Change::Policy(key, n)),
        2 => (1_u8..40).prop_map(Change::Days),
        1 => Just(Change::Restart),
    ]
}

/// Whatever a call answers, error or not, it is the answer.
async fn apply(world: World, keys: &mut Vec<String>, change: &Change) -> World {
    // Within the quotas of calls a second.
    world.clock.advance(Duration::from_secs(1));
    let pick = |index: &usize| keys.get(index % keys.len().max(1)).cloned().unwrap_or_default();
    let (operation, body) = match change {
        Change::Create => {
            keys.push(
                world
                    .create_key(json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]}))
                    .await,
            );
            return world;
        }
        Change::Days(days) => {
            world.clock.advance(Duration::from_secs(86_400) * (*days).into());
            world.kms.upkeep().await.unwrap();
            return world;
        }
        Change::Restart => return world.restart().await,
        Change::RevokeAll(key) => {
            let key = pick(key);
            let Ok(grants) = world.call("ListGrants", json!({"KeyId": key})).await else {
                return world;
            };
            for grant in grants["Grants"].as_array().unwrap() {
                let body = json!({"KeyId": key, "GrantId": grant["GrantId"]});
                world.call("RevokeGrant", body).await.unwrap();
            }
            return world;
        }
        Change::Key(operation, key) => (*operation, json!({"KeyId": pick(key)})),
        Change::Describe(key, n) => (
            "UpdateKeyDescription",
            json!({"KeyId": pick(key), "Description": format!("{n}")}),
        ),
        Change::Schedule(key) => (
            "ScheduleKeyDeletion",
            json!({"KeyId": pick(key), "PendingWindowInDays": 7}),
        ),
        Change::RotateBy(key, days) => (
            "EnableKeyRotation",
            json!({"KeyId": pick(key), "RotationPeriodInDays": days}),
        ),
        Change::Alias(operation, n, key) => {
            let mut body = json!({"AliasName": format!("alias/{n}")});
            if *operation != "DeleteAlias" {
                body["TargetKeyId"] = json!(pick(key));
            }
            (*operation, body)
        }
        Change::Tag(key, n) => (
            "TagResource",
            json!({"KeyId": pick(key), "Tags": [{"TagKey": format!("k{n}"), "TagValue": "v"}]}),
        ),
        Change::Untag(key, n) => (
            "UntagResource",
            json!({"KeyId": pick(key), "TagKeys": [format!("k{n}")]}),
        ),
        Change::Grant(key, n) => (
            "CreateGrant",
            json!({"KeyId": pick(key), "GranteePrincipal": "arn:aws:iam::111122223333:root",
                "Operations": ["Encrypt"], "Name": format!("g{n}")}),
        ),
        Change::Policy(key, n) => (
            "PutKeyPolicy",
            json!({"KeyId": pick(key), "Policy": json!({"Version": "2012-10-17", "Id": format!("{n}"),
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "kms:*", "Resource": "*"}]}).to_string()}),
        ),
    };
    let _ = world.call(operation, body).await;
    world
}

/// Everything that the API shows.
async fn shown(world: &World) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    // Asking is within the quotas too.
    let ask = async |operation: &'static str, body: Value| {
        world.clock.advance(Duration::from_micros(20_000));
        match world.call(operation, body).await {
            Ok(answer) => answer,
            Err(error) => json!(error.to_string()),
        }
    };
    let keys = ask("ListKeys", json!({})).await;
    for entry in keys["Keys"].as_array().unwrap() {
        let key = &entry["KeyArn"];
        for operation in [
            "DescribeKey",
            "GetKeyPolicy",
            "GetKeyRotationStatus",
            "ListAliases",
            "ListGrants",
            "ListResourceTags",
        ] {
            all.insert(
                format!("{operation} {key}"),
                ask(operation, json!({"KeyId": key})).await,
            );
        }
        let materials = json!({"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"});
        all.insert(
            format!("ListKeyRotations {key}"),
            ask("ListKeyRotations", materials).await,
        );
    }
    all.insert("ListKeys".to_owned(), keys);
    all.insert("ListAliases".to_owned(), ask("ListAliases", json!({})).await);
    all
}

/// The database as `kill -9` would leave it: copied under the running process.
async fn crashed(world: &World) -> World {
    let directory = tempfile::tempdir().unwrap();
    for file in ["kms.db", "kms.db-wal"] {
        let from: &Path = &world.directory.path().join(file);
        if from.exists() {
            std::fs::copy(from, directory.path().join(file)).unwrap();
        }
    }
    World::at(
        directory,
        KmsConfig::default(),
        Arc::new(SystemNetwork),
        world.clock.now(),
    )
    .await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_was_acknowledged_is_there(changes in prop::collection::vec(change(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let mut keys = Vec::new();
            for (step, change) in changes.iter().enumerate() {
                world = apply(world, &mut keys, change).await;
                if step % 5 == 0 || step + 1 == changes.len() {
                    let after = crashed(&world).await;
                    assert_eq!(after.kms.alarms(), []);
                    assert_eq!(shown(&after).await, shown(&world).await, "{change:?}");
                }
            }
        });
    }
}

/// That the property above is about something: most changes are made.
#[tokio::test]
async fn the_changes_above_are_made() {
    let mut world = World::new().await;
    let mut keys = Vec::new();
    for change in [
        Change::Create,
        Change::Describe(0, 7),
        Change::Alias("CreateAlias", 1, 0),
        Change::Tag(0, 2),
        Change::Grant(0, 3),
        Change::Policy(0, 9),
        Change::RotateBy(0, 90),
        Change::Key("RotateKeyOnDemand", 0),
        Change::Key("DisableKey", 0),
    ] {
        world = apply(world, &mut keys, &change).await;
    }
    let text = format!("{:?}", shown(&world).await);
    for trace in [
        "\"7\"",
        "alias/1",
        "k2",
        "g3",
        "\\\"Id\\\":\\\"9\\\"",
        "ON_DEMAND",
        "Disabled",
        "90",
    ] {
        assert!(text.contains(trace), "{trace} in {text}");
    }
}
