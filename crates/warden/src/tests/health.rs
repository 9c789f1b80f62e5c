//! Truthful health.

use std::time::Duration;

use key_manager::{HealthStatus, KeyUsage};

use super::scripted::{Does, Script};
use super::{Running, World, admin, binding, key_store};
use crate::FailureKind;

fn statuses(running: &Running) -> Vec<HealthStatus> {
    let instances = running.warden.health(&running.caller());
    let instances = instances.map_err(|failure| failure.kind).unwrap();
    instances.iter().map(|instance| instance.status).collect()
}

#[tokio::test]
async fn xks_hlt_01_a_key_manager_that_fails_is_unavailable_and_active_again_by_itself() {
    let world = World::furnished().await;
    let running = world.start().await;
    assert_eq!(statuses(&running), [HealthStatus::Active]);
    for fault in [Does::Fail, Does::Hang] {
        Script::set(&world.script.probe, fault);
        tokio::time::pause();
        // Of the store, which is probed beside it, time standing still makes a fault too.
        running.warden.probe_managers().await;
        tokio::time::resume();
        assert_eq!(statuses(&running), [HealthStatus::Unavailable], "{fault:?}");
        Script::set(&world.script.probe, Does::Work);
        running.warden.probe_all().await;
        assert_eq!(statuses(&running), [HealthStatus::Active]);
    }
    running.stop().await;
}

#[test]
fn xks_hlt_01_a_dead_key_manager_is_unavailable_within_ten_seconds() {
    let settings = crate::Settings::default();
    let worst = settings.probe_interval + settings.probe_timeout * 2;
    assert!(worst <= Duration::from_secs(10));
}

#[tokio::test]
async fn xks_hlt_02_probes_use_no_key_that_anybody_can_address_and_leave_no_record() {
    let world = World::furnished().await;
    let running = world.start().await;
    world.script.take_calls();
    running.warden.probe_all().await;
    assert_eq!(world.script.take_calls(), ["probe"]);
    assert_eq!(
        running.warden.keys(None).unwrap().len(),
        1,
        "the canary is not listed"
    );
    running.stop().await;
    assert!(world.records_of("key-use").is_empty());
}

#[tokio::test]
async fn xks_hlt_03_no_policy_is_asked() {
    let world = World::furnished().await;
    let running = world.start().await;
    let nobody = crate::NewBinding {
        principals: Some(vec![]),
        ..binding("closed", "first")
    };
    running.warden.bind(&admin(), "main", nobody).await.unwrap();
    assert_eq!(statuses(&running), [HealthStatus::Active]);
    running.stop().await;
}

#[tokio::test]
async fn xks_hlt_04_there_are_one_to_ten_entries_with_unique_ids() {
    let world = World::furnished().await;
    let running = world.start().await;
    let warden = &running.warden;
    for (instances, expected) in [(1, 1), (10, 10), (11, 10)] {
        *world.script.instances.lock().unwrap() = instances;
        assert_eq!(statuses(&running).len(), expected);
    }
    // Two key managers with six instances each; one of them fails: those who serve are shown.
    warden
        .create_key_manager(&admin(), "virtual-hsm", "second")
        .await
        .unwrap();
    warden
        .create_key(&admin(), "second", "k2", KeyUsage::BOTH)
        .await
        .unwrap();
    warden
        .bind(&admin(), "main", binding("ext-2", "k2"))
        .await
        .unwrap();
    *world.script.instances.lock().unwrap() = 6;
    let instances = warden.health(&running.caller()).map_err(|failure| failure.kind);
    let instances = instances.unwrap();
    let mut ids: Vec<_> = instances.iter().map(|instance| &instance.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((instances.len(), ids.len()), (10, 10));
    assert!(
        instances
            .iter()
            .all(|instance| instance.status == HealthStatus::Active)
    );
    // AWS asks before any key is bound.
    warden
        .create_key_store(&admin(), key_store("empty"))
        .await
        .unwrap();
    warden
        .add_credential(&admin(), "empty", super::credential("AKIAEMPTY"))
        .await
        .unwrap();
    let empty = warden.health(&running.caller_of("empty", "AKIAEMPTY"));
    let empty = empty.map_err(|failure| failure.kind).unwrap();
    assert_eq!(empty.len(), 1);
    assert_eq!(empty[0].status, HealthStatus::Active);
    running.stop().await;
}

#[tokio::test]
async fn xks_hlt_05_an_answer_comes_from_the_last_probe() {
    let world = World::furnished().await;
    let running = world.start().await;
    world.script.take_calls();
    Script::set(&world.script.probe, Does::Hang);
    assert_eq!(statuses(&running), [HealthStatus::Active]);
    assert!(world.script.take_calls().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn xks_hlt_06_a_result_older_than_a_minute_is_not_believed() {
    let world = World::furnished().await;
    let running = world.start().await;
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(statuses(&running), [HealthStatus::Active]);
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(statuses(&running), [HealthStatus::Unavailable]);
    assert!(!running.warden.readiness().ready);
    running.warden.probe_all().await;
    assert_eq!(statuses(&running), [HealthStatus::Active]);
    running.stop().await;
}

#[tokio::test]
async fn when_store_or_log_fail_everything_is_unavailable() {
    let world = World::furnished().await;
    let running = world.start().await;
    world.disk.fail_writes(u64::MAX);
    running
        .warden
        .refuse_authenticated(&running.caller(), None, "encrypt", "test");
    while statuses(&running) != [HealthStatus::Unavailable] {
        tokio::task::yield_now().await;
    }
    world.disk.fail_writes(0);
    while statuses(&running) != [HealthStatus::Active] {
        tokio::task::yield_now().await;
    }
    running.store.close().await;
    running.warden.probe_all().await;
    assert_eq!(statuses(&running), [HealthStatus::Unavailable]);
    let reasons = running.warden.readiness().reasons;
    assert_eq!(reasons, ["the store: the database is closed"]);
    world.script.take_calls();
    let refused = super::kind(running.encrypt(&running.caller()).await);
    assert!(matches!(refused, FailureKind::StoreUnavailable));
    assert_eq!(world.script.take_calls(), [""; 0], "no key was used");
    running.stop().await;
}

#[tokio::test]
async fn a_key_manager_that_could_not_be_opened_is_unavailable() {
    let world = World::furnished().await;
    world.edit("UPDATE virtual_hsm SET name = 'another'").await;
    let running = world.start().await;
    assert_eq!(statuses(&running), [HealthStatus::Unavailable]);
    let refused = super::kind(running.encrypt(&running.caller()).await);
    assert!(matches!(refused, FailureKind::KeyManager(_)));
    let alarms = running.warden.status().alarms;
    assert!(
        alarms
            .iter()
            .any(|alarm| alarm.problem.contains("table virtual_hsm, row ekm-")),
        "{alarms:?}"
    );
    running.stop().await;
    assert_eq!(world.records_of("refusal")[0]["error"], "key-manager-failed");
}

#[tokio::test]
async fn a_new_key_manager_is_active_at_once() {
    let world = World::new().await;
    let running = world.start().await;
    let view = running
        .warden
        .create_key_manager(&admin(), "virtual-hsm", "hsm")
        .await
        .unwrap();
    assert_eq!(view.instances[0].status, "ACTIVE");
    running.stop().await;
}
