//! No answer before its record is durable.

use std::sync::Arc;

use super::scripted::{Does, Script};
use super::{World, admin, kind};
use crate::{FailureKind, ManageError};

#[tokio::test]
async fn an_answer_waits_for_the_sync_of_its_record() {
    let world = World::furnished().await;
    let running = Arc::new(world.start().await);
    running.quiet().await;
    let held = world.disk.hold_syncs_of(&world.segment());
    let (syncs, task) = {
        let running = running.clone();
        let task = tokio::spawn(async move { running.encrypt(&running.caller()).await });
        (world.disk.syncs(), task)
    };
    while world.script.take_calls().last() != Some(&"decrypt") {
        tokio::task::yield_now().await;
    }
    // The writer is woken once everything that is ready has been appended.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    held.wait_for_sync();
    // Whatever can go on has gone on by now.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!task.is_finished());
    assert_eq!(world.disk.syncs(), syncs);
    held.release();
    assert!(task.await.unwrap().is_ok());
    assert_eq!(world.disk.syncs(), syncs + 1);
}

/// Not even a failure says what the key manager found, unless its record is durable.
#[tokio::test]
async fn a_failing_disk_releases_nothing_and_lets_no_key_be_used_until_it_works_again() {
    let world = World::furnished().await;
    let running = world.start().await;
    let caller = running.caller();
    let output = running.encrypt(&caller).await.unwrap();
    let mut altered = output.clone();
    altered.tag[0] ^= 1;

    world.disk.set_capacity(Some(0));
    world.disk.fail_writes(u64::MAX);
    assert!(matches!(
        kind(running.decrypt(&caller, &altered).await),
        FailureKind::LogUnavailable(_)
    ));
    running.failing().await;
    world.script.take_calls();
    assert!(matches!(
        kind(running.encrypt(&caller).await),
        FailureKind::LogUnavailable(_)
    ));
    assert!(matches!(
        kind(running.decrypt(&caller, &output).await),
        FailureKind::LogUnavailable(_)
    ));
    assert_eq!(world.script.take_calls(), [""; 0], "no key was used");
    let blocked = running.warden.block(&admin(), "main", None, "test").await;
    assert!(matches!(blocked, Err(ManageError::Log(_))));
    assert!(
        !running
            .warden
            .directory()
            .key_store("/main")
            .unwrap()
            .is_blocked()
    );
    assert!(!running.warden.readiness().ready);

    world.disk.set_capacity(None);
    world.disk.fail_writes(0);
    while !running.warden.readiness().ready {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.decrypt(&caller, &output).await.unwrap(), b"plaintext");
    running.stop().await;
}

#[tokio::test]
async fn every_administrative_act_is_two_records_with_one_change_id() {
    let world = World::furnished().await;
    let records = world.records();
    let acts = [
        "create-key-manager",
        "create-key",
        "create-key-store",
        "bind",
        "add-credential",
    ];
    assert_eq!(records[0]["type"], "started");
    for (number, act) in acts.into_iter().enumerate() {
        let (intent, outcome) = (&records[1 + 2 * number], &records[2 + 2 * number]);
        assert_eq!(intent["type"], "intent");
        assert_eq!(intent["change"]["act"], act);
        assert_eq!(intent["actor"]["name"], "the admin");
        assert_eq!(outcome["type"], "outcome");
        assert_eq!(outcome["result"], "done");
        assert_eq!(outcome["change_id"], intent["change_id"]);
        assert!(outcome["generation"].as_u64() > intent["generation"].as_u64());
    }
    assert_eq!(records.len(), 11);
    let all = serde_json::to_string(&records).unwrap();
    assert!(!all.contains(std::str::from_utf8(super::SECRET).unwrap()));
}

#[tokio::test]
async fn no_act_begins_before_its_intent_is_durable() {
    let world = World::furnished().await;
    let running = world.start().await;
    let held = world.disk.hold_syncs_of(&world.segment());
    let task = {
        let warden = running.warden.clone();
        tokio::spawn(async move { warden.block(&admin(), "main", None, "test").await })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    held.wait_for_sync();
    let generation = running.store.generation().await.unwrap();
    assert!(!task.is_finished());
    assert!(
        !running
            .warden
            .directory()
            .key_store("/main")
            .unwrap()
            .is_blocked()
    );
    held.release();
    task.await.unwrap().unwrap();
    assert!(running.store.generation().await.unwrap() > generation);
}

/// An outcome that the log could not take is recorded before anything else is done.
#[tokio::test]
async fn an_outcome_that_was_late_is_recorded_before_the_next_act() {
    let world = World::furnished().await;
    let running = world.start().await;
    Script::set(&world.script.set_state, Does::Wait);
    let task = {
        let warden = running.warden.clone();
        let state = crate::KeyState::Disabled;
        tokio::spawn(async move { warden.set_key_state(&admin(), "first", state).await })
    };
    world.script.arrived.notified().await;
    world.disk.fail_writes(u64::MAX);
    running
        .warden
        .refuse_authenticated(&running.caller(), None, "encrypt", "test");
    running.failing().await;
    world.script.go.notify_one();
    let done = task.await.unwrap();
    assert!(matches!(done, Err(ManageError::OutcomeUnrecorded(_))));
    assert_eq!(running.warden.key("first").unwrap().state, "disabled");
    let refused = running.warden.unblock(&admin(), "main", None).await;
    assert!(matches!(refused, Err(ManageError::Log(_))));

    world.disk.fail_writes(0);
    while !running.warden.readiness().ready {
        tokio::task::yield_now().await;
    }
    Script::set(&world.script.set_state, Does::Work);
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    running.stop().await;
    let records = world.records();
    let disable = records
        .iter()
        .find(|record| record["change"]["act"] == "set-key-state")
        .unwrap();
    let of_it = |record: &&serde_json::Value| {
        record["type"] == "outcome" && record["change_id"] == disable["change_id"]
    };
    let outcomes: Vec<_> = records.iter().filter(of_it).collect();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0]["result"], "done");
}
