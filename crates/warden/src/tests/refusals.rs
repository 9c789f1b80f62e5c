//! Refusals: recorded within the quota, counted beyond it.

use std::time::Duration;

use super::World;

#[tokio::test]
async fn the_quota_is_exact_and_what_is_beyond_it_is_counted() {
    let mut world = World::furnished().await;
    world.settings.recorded_refusals_per_minute = 3;
    let running = world.start().await;
    let (warden, caller) = (&running.warden, running.caller());
    let refuse = |times: usize| {
        for _ in 0..times {
            warden.refuse_authenticated(&caller, Some("ext"), "encrypt", "validation");
        }
    };
    refuse(5);
    world.clock.advance(Duration::from_mins(1));
    refuse(4);
    warden.count_unauthenticated(None, "bad-path");
    warden.count_unauthenticated(Some(&caller.key_store.id), "bad-signature");
    warden.count_unauthenticated(Some(&caller.key_store.id), "bad-signature");
    warden.record_counts().await;
    // Nothing was counted since: no record.
    warden.record_counts().await;
    let id = caller.key_store.id.to_string();
    drop(caller);
    running.stop().await;
    let refusals = world.records_of("refusal");
    assert_eq!(refusals.len(), 6);
    assert_eq!(refusals[0]["error"], "validation");
    assert_eq!(refusals[0]["access_key_id"], "AKIAMAIN");
    let counted = world.records_of("refusals-counted");
    assert_eq!(
        counted,
        [serde_json::json!({"type": "refusals-counted", "refusals": [
            {"key_store": null, "authenticated": false, "reason": "bad-path", "count": 1},
            {"key_store": id, "authenticated": false, "reason": "bad-signature", "count": 2},
            {"key_store": id, "authenticated": true, "reason": "validation", "count": 3},
        ]})]
    );
}

#[tokio::test]
async fn one_key_store_does_not_use_up_the_quota_of_another() {
    let mut world = World::furnished().await;
    world.settings.recorded_refusals_per_minute = 1;
    let running = world.start().await;
    let (warden, admin) = (&running.warden, super::admin());
    warden
        .create_key_store(&admin, super::key_store("other"))
        .await
        .unwrap();
    warden
        .add_credential(&admin, "other", super::credential("AKIAOTHER"))
        .await
        .unwrap();
    for caller in [running.caller(), running.caller_of("other", "AKIAOTHER")] {
        warden.refuse_authenticated(&caller, None, "encrypt", "validation");
        warden.refuse_authenticated(&caller, None, "encrypt", "validation");
    }
    // The quota outlives a change of the directory.
    warden
        .create_key_store(&admin, super::key_store("third"))
        .await
        .unwrap();
    warden.refuse_authenticated(&running.caller(), None, "encrypt", "validation");
    running.stop().await;
    assert_eq!(world.records_of("refusal").len(), 2);
    let counted = world.records_of("refusals-counted");
    let total: u64 = counted[0]["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["count"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 3);
}

#[tokio::test]
async fn counts_are_kept_while_the_log_fails() {
    let world = World::furnished().await;
    let running = world.start().await;
    running.warden.count_unauthenticated(None, "bad-path");
    world.disk.fail_writes(u64::MAX);
    running
        .warden
        .refuse_authenticated(&running.caller(), None, "encrypt", "test");
    running.failing().await;
    running.warden.record_counts().await;
    running.warden.count_unauthenticated(None, "bad-path");
    world.disk.fail_writes(0);
    while !running.warden.readiness().ready {
        tokio::task::yield_now().await;
    }
    // Written at the latest when the server stops.
    running.stop().await;
    let counted = world.records_of("refusals-counted");
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0]["refusals"][0]["count"], 2);
}
