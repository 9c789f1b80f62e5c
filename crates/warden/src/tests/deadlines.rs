//! Deadlines and bounds. The time of tokio's timers stands still unless nothing else can happen.

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock;
use key_manager::KeyManagerError;

use super::scripted::{Does, Script};
use super::{World, kind};
use crate::background::REMINDED_WITHIN;
use crate::{FailureKind, Stage};

const LATER: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_key_manager_that_hangs_misses_the_deadline_in_its_own_stage() {
    let world = World::furnished().await;
    let running = world.start().await;
    let caller = running.caller_until(world.clock.moment().saturating_add(LATER));
    Script::set(&world.script.encrypt, Does::Hang);
    tokio::time::pause();
    assert!(matches!(
        kind(running.encrypt(&caller).await),
        FailureKind::DeadlineMissed(Stage::Crypto)
    ));
    tokio::time::resume();
    assert_eq!(running.warden.load().in_flight, 0);
    running.stop().await;
    assert_eq!(world.records_of("key-use")[0]["error"], "deadline-missed");
}

#[expect(clippy::disallowed_methods, reason = "of tokio's own, paused clock")]
#[tokio::test]
async fn a_disk_that_hangs_misses_the_deadline_and_the_record_is_there_later() {
    // Near enough for a timer at once, and so far that the beat reminds of it first.
    for left in [Duration::from_millis(1), REMINDED_WITHIN, LATER] {
        let world = World::furnished().await;
        let running = world.start().await;
        let caller = running.caller_until(world.clock.moment().saturating_add(left));
        let held = world.disk.hold_syncs_of(&world.segment());
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        assert!(matches!(
            kind(running.encrypt(&caller).await),
            FailureKind::DeadlineMissed(Stage::Record)
        ));
        // The world's own clock stands still: who is reminded still has all of its time.
        let spent = began.elapsed();
        assert!(spent >= left && spent < left + REMINDED_WITHIN, "{spent:?}");
        tokio::time::resume();
        held.release();
        running.stop().await;
        assert_eq!(world.records_of("key-use")[0]["outcome"], "computed");
    }
}

#[tokio::test]
async fn work_is_refused_at_the_door_of_a_stalled_log() {
    let world = World::furnished().await;
    let running = world.start().await;
    let held = world.disk.hold_syncs_of(&world.segment());
    running
        .warden
        .refuse_authenticated(&running.caller(), None, "encrypt", "test");
    // The writer is woken once everything that is ready has been appended.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    held.wait_for_sync();
    world.clock.advance(world.settings.stall_limit);
    assert!(
        running
            .warden
            .door(&running.caller(), running.warden.clock().moment())
            .is_ok()
    );
    world.clock.advance(Duration::from_nanos(1));
    world.script.take_calls();
    assert!(matches!(
        kind(running.encrypt(&running.caller()).await),
        FailureKind::LogStalled
    ));
    assert!(world.script.take_calls().is_empty());
    held.release();
    while running
        .warden
        .door(&running.caller(), running.warden.clock().moment())
        .is_err()
    {
        tokio::task::yield_now().await;
    }
    assert!(running.encrypt(&running.caller()).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_full_queue_and_a_deadline_that_has_passed_are_overload() {
    let mut world = World::furnished().await;
    world.log.max_pending_records = 3;
    let running = world.start().await;
    let held = world.disk.hold_syncs_of(&world.segment());
    for _ in 0..3 {
        running
            .warden
            .refuse_authenticated(&running.caller(), None, "encrypt", "test");
    }
    assert!(matches!(
        kind(running.encrypt(&running.caller()).await),
        FailureKind::Overloaded(_)
    ));
    held.release();
    running.quiet().await;
    world.clock.advance(Duration::from_secs(1));
    world.script.take_calls();
    let now = world.clock.moment();
    assert!(matches!(
        kind(running.encrypt(&running.caller_until(now)).await),
        FailureKind::Overloaded(_)
    ));
    assert!(world.script.take_calls().is_empty());
    let soon = now.saturating_add(Duration::from_nanos(1));
    assert!(
        running
            .warden
            .door(&running.caller_until(soon), running.warden.clock().moment())
            .is_ok()
    );
    running.stop().await;
}

#[tokio::test]
async fn what_is_under_way_is_bounded() {
    let mut world = World::furnished().await;
    world.settings.max_in_flight = 5;
    let running = Arc::new(world.start().await);
    Script::set(&world.script.encrypt, Does::Wait);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let task = running.clone();
        tasks.push(tokio::spawn(async move { task.encrypt(&task.caller()).await }));
        world.script.arrived.notified().await;
    }
    assert!(matches!(
        kind(running.encrypt(&running.caller()).await),
        FailureKind::Overloaded(_)
    ));
    assert_eq!(running.warden.load().in_flight, 4);
    for task in tasks {
        world.script.go.notify_one();
        // Each takes its own permission to go on.
        tokio::task::yield_now().await;
        drop(task);
    }
    world.script.go.notify_waiters();
    while running.warden.load().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    running.warden.shutdown().await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_the_record_of_a_key_that_may_have_been_used() {
    let world = World::furnished().await;
    let running = Arc::new(world.start().await);
    let output = running.encrypt(&running.caller()).await.unwrap();
    for (does, act) in [
        (&world.script.encrypt, "encrypt"),
        (&world.script.decrypt, "decrypt"),
    ] {
        Script::set(does, Does::Wait);
        let (task, output) = (running.clone(), output.clone());
        let task = tokio::spawn(async move {
            let caller = task.caller();
            match act {
                "encrypt" => task.encrypt(&caller).await.map(drop),
                _ => task.decrypt(&caller, &output).await.map(drop),
            }
        });
        world.script.arrived.notified().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        Script::set(does, Does::Work);
    }
    assert_eq!(running.warden.load().in_flight, 0);
    running.warden.shutdown().await;
    let uses = world.records_of("key-use");
    let told: Vec<_> = uses
        .iter()
        .map(|record| {
            (
                record["act"].as_str().unwrap(),
                record["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("encrypt", "computed"),
        ("encrypt", "abandoned"),
        ("decrypt", "abandoned"),
    ];
    assert_eq!(told, expected);
    assert_eq!(uses[1]["key"], uses[0]["key"]);
    assert_eq!(uses[1]["external_key"], "ext");
}

#[test]
fn a_key_manager_that_gives_up_in_time_counts_as_late() {
    let timed_out = KeyManagerError::TimedOut("hsm".to_owned());
    assert!(matches!(
        FailureKind::from(timed_out),
        FailureKind::DeadlineMissed(Stage::Crypto)
    ));
}
