//! A store older than its log.

use super::{Running, World, admin, kind};
use crate::{FailureKind, ManageError, Standing};

async fn assert_pending(running: &Running) {
    assert_eq!(running.warden.directory().standing(), Standing::RecoveryPending);
    let caller = running.caller();
    assert!(matches!(
        kind(running.encrypt(&caller).await),
        FailureKind::RecoveryPending
    ));
    let health = running.warden.health(&caller);
    assert!(matches!(kind(health), FailureKind::RecoveryPending));
    assert!(matches!(
        kind(running.warden.describe(&caller, "ext")),
        FailureKind::RecoveryPending
    ));
    assert!(!running.warden.readiness().ready);
    assert_eq!(running.warden.status().standing, "recovery-pending");
}

/// A world whose block was lost with the newer store.
async fn restored() -> World {
    let mut world = World::furnished().await;
    let older = world.copy();
    let running = world.start().await;
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    running.stop().await;
    world.put_database_back(&older);
    world
}

#[tokio::test]
async fn an_older_store_answers_nothing_until_somebody_has_acknowledged_it() {
    let world = restored().await;
    // Whether stopped in order or not, and whatever is changed meanwhile.
    let running = world.start().await;
    assert_pending(&running).await;
    running.stop().await;
    let running = world.start().await;
    assert_pending(&running).await;
    drop(running);
    let running = world.start().await;
    assert_pending(&running).await;
    for _ in 0..3 {
        running
            .warden
            .block(&admin(), "main", Some("ext"), "again")
            .await
            .unwrap();
    }
    running.warden.tidy().await;
    assert_pending(&running).await;
    running.stop().await;
    for _ in 0..2 {
        let running = world.start().await;
        assert_pending(&running).await;
        running.stop().await;
    }
    // Not even if somebody removes the mark.
    world.edit("DELETE FROM warden_mark").await;
    let running = world.start().await;
    assert_pending(&running).await;

    let restored = |calls: Vec<&'static str>| calls.into_iter().filter(|call| *call == "restored").count();
    assert_eq!(restored(world.script.take_calls()), 0);
    let status = running.warden.acknowledge_recovery(&admin()).await.unwrap();
    assert_eq!(status.standing, "serving");
    // What key managers count goes on behind what may have been lost.
    assert_eq!(restored(world.script.take_calls()), 1);
    assert!(running.serves().await.unwrap_err().contains("blocked"));
    running
        .warden
        .unblock(&admin(), "main", Some("ext"))
        .await
        .unwrap();
    assert_eq!(running.serves().await, Ok(()));
    running.stop().await;
    for _ in 0..2 {
        let running = world.start().await;
        assert_eq!(running.serves().await, Ok(()));
        assert_eq!(running.warden.status().alarms, []);
        running.stop().await;
    }
    let records = world.records();
    let act = records
        .iter()
        .find(|record| record["change"]["act"] == "acknowledge-recovery");
    let change = &act.unwrap()["change"];
    assert!(change["store_generation"].as_u64() <= change["log_generation"].as_u64());
}

/// The log alone would not tell: it is read from the mark on.
#[tokio::test]
async fn a_newer_mark_in_an_older_store_is_seen() {
    let mut world = World::furnished().await;
    let older = world.copy();
    let running = world.start().await;
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    running.stop().await;
    let newer = world.copy();
    world.put_database_back(&older);
    world.put_back(&newer, &["warden_mark"]).await;
    let running = world.start().await;
    assert_pending(&running).await;
    running.stop().await;
}

#[tokio::test]
async fn a_crash_during_the_acknowledgement_is_settled() {
    let world = restored().await;
    let running = world.start().await;
    running.quiet().await;
    world.disk.power_off_after(2);
    let done = running.warden.acknowledge_recovery(&admin()).await;
    assert!(matches!(done, Err(ManageError::OutcomeUnrecorded(_))));
    let after = world.crash(1);
    drop(running);
    for _ in 0..2 {
        let running = after.start().await;
        assert_eq!(running.serves().await, Ok(()));
        running.stop().await;
    }
}

/// A store put back beneath a running server is no base for a change.
#[tokio::test]
async fn an_older_store_beneath_a_running_server_is_noticed_at_the_next_act() {
    let world = World::furnished().await;
    let older = world.copy();
    let running = world.start().await;
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    let tables = [
        "warden_key_store",
        "warden_binding",
        "warden_credential",
        "warden_manifest",
    ];
    world.put_back(&older, &tables).await;
    let refused = running
        .warden
        .create_key_store(&admin(), super::key_store("new"))
        .await;
    assert!(matches!(refused, Err(ManageError::Refused(_))), "{refused:?}");
    assert_pending(&running).await;
    running.stop().await;
    let running = world.start().await;
    assert_pending(&running).await;
    running.warden.acknowledge_recovery(&admin()).await.unwrap();
    assert_eq!(running.serves().await, Ok(()));
    running.stop().await;
}

/// Two rows of one generation could be exchanged for each other.
#[tokio::test]
async fn no_generation_is_given_twice_whatever_the_counter_says() {
    let world = World::furnished().await;
    let running = world.start().await;
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    let before = running.warden.directory().generation();
    running.warden.unblock(&admin(), "main", None).await.unwrap();
    let unblocked = world.copy();
    running.stop().await;
    world
        .edit(&format!("UPDATE store_generation SET generation = {before}"))
        .await;
    let running = world.start().await;
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    assert!(running.warden.directory().generation() > before + 1);
    running.stop().await;
    world.put_back(&unblocked, &["warden_key_store"]).await;
    let running = world.start().await;
    assert!(running.serves().await.is_err());
    let alarms = running.warden.status().alarms;
    assert!(alarms[0].problem.contains("an earlier version"), "{alarms:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_counter_moved_far_ahead_is_refused_and_named() {
    let world = World::furnished().await;
    world
        .edit("UPDATE store_generation SET generation = 9000000000000000000")
        .await;
    let running = world.start().await;
    let refused = running.warden.block(&admin(), "main", None, "test").await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("table store_generation, row 1"), "{refused}");
    assert_eq!(running.serves().await, Ok(()));
    running.stop().await;
}

#[tokio::test]
async fn a_log_that_was_cut_or_replaced_is_said() {
    let mut world = World::furnished().await;
    world.disk = testkit::disk::SimulatedDisk::new();
    let running = world.start().await;
    let alarms = running.warden.status().alarms;
    assert_eq!(alarms[0].place, "the audit log", "{alarms:?}");
    // What follows is settled in the new log as in the old one.
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    // Not stopped in order, so that the mark of the start is what counts.
    drop(running);
    let running = world.start().await;
    assert_eq!(running.warden.status().alarms, []);
    assert_eq!(running.warden.directory().standing(), Standing::Serving);
    running.stop().await;
}

/// After a crash the next start reads what lies behind the mark; so that is not let grow.
#[tokio::test]
async fn the_mark_follows_the_log() {
    let world = World::furnished().await;
    let running = world.start().await;
    let settled = async || {
        let row = running.store.query_one(crate::settle::MARK, &[]).await.unwrap();
        row.unwrap().unsigned(0).unwrap()
    };
    let before = settled().await;
    running.warden.tidy().await;
    assert_eq!(settled().await, before);
    for _ in 0..crate::background::RECORDS_BEHIND_MARK {
        while running
            .warden
            .clerk
            .started(running.warden.directory().generation())
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    }
    while running.warden.clerk.log.state().pending_records > 0 {
        tokio::task::yield_now().await;
    }
    running.warden.tidy().await;
    assert_eq!(settled().await, running.warden.clerk.log.head().records);
    running.stop().await;
}
