//! What a crash cut off is settled truthfully at the next start.

use std::sync::Arc;
use std::time::Duration;

use key_manager::KeyUsage;

use super::scripted::{Does, Script};
use super::{Running, World, admin, binding, credential, key_store};
use crate::{KeyState, ManageError, Standing, Warden};

const ACTS: [&str; 18] = [
    "create-key-manager",
    "create-key",
    "set-key-state disabled",
    "set-key-state enabled",
    "rotate-key",
    "schedule-key-deletion",
    "cancel-key-deletion",
    "destroy-key",
    "create-key-store",
    "bind",
    "block",
    "unblock",
    "add-credential",
    "retire-credential",
    "rotate-root",
    "retire-root",
    "change-seal",
    "rotate-key-encryption-key",
];

/// What the act would change is as if it had not been done yet.
async fn prepare(running: &Running, act: &str) {
    let warden = &running.warden;
    let prepared = match act {
        "set-key-state enabled" => warden
            .set_key_state(&admin(), "first", KeyState::Disabled)
            .await
            .map(drop),
        "cancel-key-deletion" => schedule(warden).await,
        "destroy-key" => {
            let scheduled = schedule(warden).await;
            super::deletion::let_a_week_pass(running).await;
            scheduled
        }
        "unblock" => warden.block(&admin(), "main", None, "test").await.map(drop),
        "retire-root" => {
            let rotated = warden.rotate_root(&admin()).await.map(drop);
            running.resealed().await;
            rotated
        }
        _ => Ok(()),
    };
    prepared.unwrap();
}

async fn schedule(warden: &Arc<Warden>) -> Result<(), ManageError> {
    let week = Duration::from_hours(7 * 24);
    warden
        .schedule_key_deletion(&admin(), "first", week)
        .await
        .map(drop)
}

async fn perform(warden: &Arc<Warden>, act: &str) -> Result<(), ManageError> {
    let by = &admin();
    match act {
        "create-key-manager" => warden
            .create_key_manager(by, "virtual-hsm", "new")
            .await
            .map(drop),
        "create-key" => warden
            .create_key(by, "hsm", "new", KeyUsage::BOTH)
            .await
            .map(drop),
        "set-key-state disabled" => warden
            .set_key_state(by, "first", KeyState::Disabled)
            .await
            .map(drop),
        "set-key-state enabled" => warden
            .set_key_state(by, "first", KeyState::Enabled)
            .await
            .map(drop),
        "rotate-key" => warden.rotate_key(by, "first").await.map(drop),
        "schedule-key-deletion" => schedule(warden).await,
        "cancel-key-deletion" => warden.cancel_key_deletion(by, "first").await.map(drop),
        "destroy-key" => super::deletion::destroy(warden).await,
        "create-key-store" => warden.create_key_store(by, key_store("new")).await.map(drop),
        "bind" => warden.bind(by, "main", binding("new", "first")).await.map(drop),
        "block" => warden.block(by, "main", None, "test").await.map(drop),
        "unblock" => warden.unblock(by, "main", None).await.map(drop),
        "add-credential" => warden
            .add_credential(by, "main", credential("AKIANEW"))
            .await
            .map(drop),
        "retire-credential" => warden.retire_credential(by, "main", "AKIAMAIN").await.map(drop),
        "rotate-root" => warden.rotate_root(by).await.map(drop),
        "retire-root" => {
            let older = warden.roots().await?.roots.remove(1).id;
            warden.retire_root(by, &older).await.map(drop)
        }
        "change-seal" => warden.change_seal(by, None).await.map(drop),
        "rotate-key-encryption-key" => warden.rotate_key_encryption_key(by, "hsm").await.map(drop),
        other => panic!("{other}"),
    }
}

/// Whether the act shows in the directory.
async fn shows(world: &World, running: &Running, act: &str) -> bool {
    let warden = &running.warden;
    let main = warden.key_store("main").await.unwrap();
    match act {
        "create-key-manager" => warden.key_managers().len() == 2,
        "create-key" => warden.key("new").is_ok(),
        "set-key-state disabled" => warden.key("first").unwrap().state == "disabled",
        "set-key-state enabled" => warden.key("first").unwrap().state == "enabled",
        "rotate-key" => warden.key("first").unwrap().versions.len() == 2,
        "schedule-key-deletion" => warden.key("first").unwrap().deletion.is_some(),
        "cancel-key-deletion" => warden.key("first").unwrap().state == "disabled",
        "destroy-key" => warden.key("first").is_err(),
        "create-key-store" => warden.key_store("new").await.is_ok(),
        "bind" => main.bindings.len() == 2,
        "block" => main.blocked.is_some(),
        "unblock" => main.blocked.is_none(),
        "add-credential" => main.credentials.len() == 2,
        "retire-credential" => main.credentials[0].retired.is_some(),
        "rotate-root" => {
            let roots = warden.roots().await.unwrap().roots;
            roots[0].number == 2
        }
        "retire-root" => {
            let roots = warden.roots().await.unwrap().roots;
            roots.len() == 1
        }
        "change-seal" | "rotate-key-encryption-key" => shows_in_record(running, world, act).await,
        other => panic!("{other}"),
    }
}

/// Whether the id that the last intent announced is in force.
async fn shows_in_record(running: &Running, world: &World, act: &str) -> bool {
    let intent = world.records_of("intent").pop().unwrap();
    let announced = |member: &str| intent["change"][member].as_str().unwrap().to_owned();
    if act == "change-seal" {
        let roots = running.warden.roots().await.unwrap().roots;
        return roots.iter().all(|root| root.seal_id == announced("seal"));
    }
    let directory = running.warden.directory();
    let hsm = directory.find_manager("hsm").unwrap();
    let current = hsm.lifecycle.key_encryption_key().unwrap();
    crypto::hex(&current) == announced("key_encryption_key")
}

/// The outcomes of the last intent.
fn last_outcomes(world: &World) -> Vec<String> {
    let records = world.records();
    let intent = records.iter().rfind(|record| record["type"] == "intent").unwrap();
    let of_it = |record: &&serde_json::Value| {
        record["type"] == "outcome" && record["change_id"] == intent["change_id"]
    };
    let outcomes = records.iter().filter(of_it);
    outcomes
        .map(|record| record["result"].as_str().unwrap().to_owned())
        .collect()
}

/// The next start, and the one after it.
async fn check_settled(world: &World, act: &str, expected: &str) {
    for _ in 0..2 {
        let running = world.start().await;
        assert_eq!(shows(world, &running, act).await, expected == "done", "{act}");
        let status = running.warden.status();
        assert_eq!(status.alarms, [], "{act}");
        assert_eq!(status.standing, "serving", "{act}");
        // No change is left open or settled twice.
        assert_eq!(last_outcomes(world), [expected], "{act}");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_crash_between_intent_and_act_is_settled_as_not_done() {
    for act in ACTS {
        let world = World::furnished().await;
        let running = world.start().await;
        prepare(&running, act).await;
        let records = running.warden.clerk.log.head().records;
        // Nobody can write the store meanwhile.
        let held = running.store.begin().await.unwrap();
        let warden = running.warden.clone();
        let task = tokio::spawn(async move { perform(&warden, act).await });
        while running.warden.clerk.log.head().records == records {
            tokio::task::yield_now().await;
        }
        let after = world.crash(7);
        task.abort();
        drop((held, running));
        after.script.take_calls();
        check_settled(&after, act, "not-done").await;
        // Whoever began to make something is told; of nothing else, for it would be destroyed.
        let is_making = matches!(act, "create-key" | "rotate-key");
        assert_eq!(after.script.take_calls().contains(&"cut-off"), is_making, "{act}");
    }
}

#[tokio::test]
async fn a_crash_between_act_and_outcome_is_settled_as_done() {
    for (seed, act) in (0..).zip(ACTS) {
        let world = World::furnished().await;
        let running = world.start().await;
        prepare(&running, act).await;
        running.quiet().await;
        // The intent is written and synced; the outcome is not any more.
        world.disk.power_off_after(2);
        let done = perform(&running.warden, act).await;
        assert!(matches!(done, Err(ManageError::OutcomeUnrecorded(_))), "{act}");
        let after = world.crash(seed);
        drop(running);
        after.script.take_calls();
        check_settled(&after, act, "done").await;
        assert!(!after.script.take_calls().contains(&"cut-off"), "{act}");
    }
}

/// The key manager has the new state, the manifest does not know it yet.
#[tokio::test]
async fn a_key_half_disabled_is_noted_at_the_next_start() {
    let world = World::furnished().await;
    let running = world.start().await;
    let enabled = world.copy();
    let hsm = running
        .warden
        .directory()
        .managers
        .values()
        .next()
        .unwrap()
        .clone();
    let key = hsm.lifecycle.list()[0].id.clone();
    Script::set(&world.script.set_state, Does::Wait);
    let warden = running.warden.clone();
    let task = tokio::spawn(async move { perform(&warden, "set-key-state disabled").await });
    world.script.arrived.notified().await;
    Script::set(&world.script.set_state, Does::Work);
    hsm.lifecycle
        .set_state(key.clone(), KeyState::Disabled)
        .await
        .unwrap();
    let after = world.crash(3);
    task.abort();
    drop((running, hsm));
    check_settled(&after, "set-key-state disabled", "done").await;
    // An earlier state of the key manager put back re-enables nothing.
    after
        .put_back(
            &enabled,
            &["virtual_hsm", "virtual_hsm_key", "virtual_hsm_key_version"],
        )
        .await;
    let running = after.start().await;
    assert!(running.serves().await.unwrap_err().contains("disabled"));
    let alarms = running.warden.status().alarms;
    assert!(alarms.iter().any(|alarm| alarm.place.contains(key.as_str())));
    running.stop().await;
}

#[tokio::test]
async fn an_act_that_fails_half_way_is_told_as_it_is() {
    let world = World::furnished().await;
    let running = world.start().await;
    Script::set(&world.script.set_state, Does::Fail);
    let failed = perform(&running.warden, "set-key-state disabled").await;
    assert!(matches!(failed, Err(ManageError::KeyManager(_))));
    assert_eq!(last_outcomes(&world), ["not-done"]);
    Script::set(&world.script.set_state, Does::Work);
    prepare(&running, "set-key-state enabled").await;
    Script::set(&world.script.set_state, Does::Fail);
    let failed = perform(&running.warden, "set-key-state enabled").await;
    assert!(matches!(failed, Err(ManageError::KeyManager(_))));
    assert_eq!(last_outcomes(&world), ["not-done"]);
    assert_eq!(running.warden.key("first").unwrap().state, "disabled");
    // The manifest still says so too.
    let row = running
        .store
        .query_one(crate::manifest::Manifest::SELECT, &[])
        .await
        .unwrap();
    assert!(row.unwrap().text(0).unwrap().contains("\"disabled\":{\"key-"));
    running.stop().await;
}

#[tokio::test]
async fn a_store_that_fails_in_between_leaves_the_outcome_unknown() {
    let world = World::furnished().await;
    let running = world.start().await;
    Script::set(&world.script.set_state, Does::Wait);
    let warden = running.warden.clone();
    let task = tokio::spawn(async move { perform(&warden, "set-key-state disabled").await });
    world.script.arrived.notified().await;
    running.store.close().await;
    world.script.go.notify_one();
    assert!(task.await.unwrap().is_err());
    assert_eq!(last_outcomes(&world), ["unknown"]);
    running.stop().await;
}

/// A client that hangs up leaves no half-done act.
#[tokio::test]
async fn an_act_is_done_to_its_end_without_its_client() {
    let world = World::furnished().await;
    let running = world.start().await;
    Script::set(&world.script.set_state, Does::Wait);
    let warden = running.warden.clone();
    let task = tokio::spawn(async move { perform(&warden, "set-key-state disabled").await });
    world.script.arrived.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    world.script.go.notify_one();
    running.stop().await;
    assert_eq!(last_outcomes(&world), ["done"]);
    assert_eq!(
        world.start().await.warden.directory().standing(),
        Standing::Serving
    );
}
