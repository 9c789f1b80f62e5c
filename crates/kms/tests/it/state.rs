//! Changes: whole or not at all, in the database before in memory.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use serde_json::json;
use store::Store;

use crate::support::World;

#[tokio::test]
async fn an_empty_database_raises_no_alarm_and_survives_a_restart() {
    let world = World::new().await;
    assert_eq!(world.kms.alarms(), []);
    let world = world.restart().await;
    assert_eq!(world.kms.alarms(), []);
}

/// A caller who hangs up in the middle of a change leaves memory and database of one mind, and a
/// record.
#[tokio::test]
async fn a_change_whose_caller_is_gone_is_made_whole_or_not_at_all() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    for polls in 1..40 {
        // Within the quota of calls a second.
        world.clock.advance(std::time::Duration::from_secs(1));
        let description = format!("after {polls} polls");
        {
            let body = json!({"KeyId": arn, "Description": description});
            let mut call = pin!(world.call("UpdateKeyDescription", body));
            for _ in 0..polls {
                let mut context = Context::from_waker(Waker::noop());
                if call.as_mut().poll(&mut context).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Waits for the change under way, if there is one.
        world.call("EnableKey", json!({"KeyId": arn})).await.unwrap();
        let in_memory = world.describe(&arn).await["Description"].clone();
        let store = Store::open(&world.database(), &[kms::MIGRATIONS]).await.unwrap();
        let row = store.query_one("SELECT content FROM kms_key", &[]).await.unwrap();
        let content: serde_json::Value = serde_json::from_str(row.unwrap().text(0).unwrap()).unwrap();
        store.close().await;
        assert_eq!(content["description"], in_memory, "{polls} polls");
    }
    world.kms.trail().flush().await;
    let records = world.records();
    let changes = records
        .iter()
        .filter(|record| record["eventName"] == "UpdateKeyDescription");
    assert_eq!(changes.count(), 39);
    assert_eq!(world.restart().await.kms.alarms(), []);
}

/// Two at once: neither is lost.
#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_made() {
    let world = Arc::new(World::new().await);
    let makers: Vec<_> = (0..5)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.create_key(json!({})).await })
        })
        .collect();
    let mut made = Vec::new();
    for maker in makers {
        made.push(maker.await.unwrap());
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 5);
    let world = Arc::into_inner(world).unwrap().restart().await;
    let listed = world.call("ListKeys", json!({})).await.unwrap();
    assert_eq!(listed["Keys"].as_array().unwrap().len(), 5);
    assert_eq!(world.kms.alarms(), []);
}

/// While the database refuses, nothing changes in memory either, and what was is still answered.
#[tokio::test]
async fn a_change_that_the_database_refuses_is_not_made() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let store = Store::open(&world.database(), &[kms::MIGRATIONS]).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.execute("DROP TABLE kms_manifest", &[]).await.unwrap();
    transaction.commit().await.unwrap();
    let refused = world.refused_name("DisableKey", json!({"KeyId": arn})).await;
    assert_eq!(refused, "KMSInternalException");
    assert_eq!(world.describe(&arn).await["KeyState"], "Enabled");
    world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
}
