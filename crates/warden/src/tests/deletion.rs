//! The end of keys, and rotation on the way there.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use key_manager::{EncryptWith, Framing, KeyManagerError, KeyState, KeyUsage, Legacy, ObjectName};
use policy::Denial;

use super::scripted::{Does, Script};
use super::{Running, World, admin, kind};
use crate::{AdoptedObject, CiphertextMetadata, Failure, FailureKind, ManageError, Settings, Warden};

pub(super) const WEEK: Duration = Duration::from_hours(7 * 24);
const HSM: [&str; 3] = ["virtual_hsm", "virtual_hsm_key", "virtual_hsm_key_version"];

/// As the background work sees it: with both clocks, and fresh probes at the end.
pub(super) async fn let_a_week_pass(running: &Running) {
    running.warden.destroy_due_keys().await;
    running.clock.advance(WEEK);
    running.warden.probe_all().await;
}

/// Destroys the one key that is due.
pub(super) async fn destroy(warden: &Arc<Warden>) -> Result<(), ManageError> {
    let mut due = warden.directory().due(warden.clock().now());
    assert_eq!(due.len(), 1);
    let (opened, key) = due.remove(0);
    warden.destroy_key(opened, key).await
}

async fn schedule(running: &Running) -> Timestamp {
    let view = running
        .warden
        .schedule_key_deletion(&admin(), "first", WEEK)
        .await
        .unwrap();
    let at = running.clock.now().saturating_add(WEEK);
    assert_eq!(
        (view.state.as_str(), view.deletion),
        ("pending-deletion", Some(at.to_string()))
    );
    // Who reads this knows what stops.
    assert_eq!(view.bindings.len(), 1);
    at
}

fn denial<T>(result: Result<T, Failure>) -> Denial {
    match kind(result) {
        FailureKind::Denied(denial) => denial,
        other => panic!("{other}"),
    }
}

fn state(running: &Running) -> String {
    running.warden.key("first").unwrap().state
}

fn refused(result: Result<crate::view::KeyView, ManageError>) -> String {
    match result {
        Err(ManageError::State(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_scheduled_deletion_is_in_force_for_an_answer_not_yet_released_and_after_a_restart() {
    let world = World::furnished().await;
    let running = Arc::new(world.start().await);
    Script::set(&world.script.encrypt, Does::Wait);
    let (caller, under_way) = (running.caller(), running.clone());
    let task = tokio::spawn(async move { under_way.encrypt(&caller).await });
    world.script.arrived.notified().await;
    schedule(&running).await;
    world.script.go.notify_one();
    assert_eq!(denial(task.await.unwrap()), Denial::KeyPendingDeletion);
    Script::set(&world.script.encrypt, Does::Work);
    running.warden.shutdown().await;

    let running = world.start().await;
    let caller = running.caller();
    assert_eq!(denial(running.encrypt(&caller).await), Denial::KeyPendingDeletion);
    let described = running.warden.describe(&caller, "ext");
    assert_eq!(
        described.map_err(|failure| failure.kind).unwrap().state,
        KeyState::PendingDeletion
    );
    let (warden, by) = (&running.warden, &admin());
    let kept = warden.cancel_key_deletion(by, "first").await.unwrap();
    assert_eq!((kept.state.as_str(), kept.deletion), ("disabled", None));
    assert_eq!(denial(running.encrypt(&caller).await), Denial::KeyDisabled);
    warden
        .set_key_state(by, "first", KeyState::Enabled)
        .await
        .unwrap();
    assert_eq!(running.serves().await, Ok(()));
    // What was cancelled does not come due.
    let_a_week_pass(&running).await;
    warden.destroy_due_keys().await;
    assert_eq!(running.serves().await, Ok(()));
    running.stop().await;
}

#[tokio::test]
async fn the_waiting_period_has_exact_bounds() {
    let world = World::furnished().await;
    let running = world.start().await;
    let by = admin();
    let schedule = |wait| running.warden.schedule_key_deletion(&by, "first", wait);
    let smallest = Duration::from_nanos(1);
    for wrong in [
        Duration::ZERO,
        WEEK - smallest,
        Settings::MAX_DELETION_WAIT + smallest,
        Duration::MAX,
    ] {
        let Err(ManageError::Invalid(why)) = schedule(wrong).await else {
            panic!("{wrong:?}");
        };
        assert!(why.contains("7 days to 365 days"), "{why}");
    }
    for right in [WEEK, Settings::MAX_DELETION_WAIT] {
        schedule(right).await.unwrap();
        running
            .warden
            .cancel_key_deletion(&admin(), "first")
            .await
            .unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_key_is_destroyed_when_its_time_has_come_and_not_before() {
    let world = World::furnished().await;
    let running = world.start().await;
    let output = running.encrypt(&running.caller()).await.unwrap();
    schedule(&running).await;
    running.stop().await;

    let running = world.start().await;
    running.warden.destroy_due_keys().await;
    running.clock.advance(WEEK - Duration::from_micros(1));
    running.warden.probe_all().await;
    running.warden.destroy_due_keys().await;
    assert_eq!(state(&running), "pending-deletion");
    running.clock.advance(Duration::from_micros(1));
    running.warden.destroy_due_keys().await;
    assert!(running.warden.key("first").is_err());
    // The external key is still there, and says what became of it.
    let view = running.warden.key_store("main").await.unwrap();
    assert_eq!(view.bindings.len(), 1);
    for _ in 0..2 {
        let caller = running.caller();
        let gone = |kind| assert!(matches!(kind, FailureKind::KeyDestroyed), "{kind}");
        gone(kind(running.encrypt(&caller).await));
        gone(kind(running.decrypt(&caller, &output).await));
        gone(kind(running.warden.describe(&caller, "ext")));
        running.warden.destroy_due_keys().await;
    }
    running
        .warden
        .block(&admin(), "main", None, "test")
        .await
        .unwrap();
    assert_eq!(
        denial(running.encrypt(&running.caller()).await),
        Denial::KeyStoreBlocked
    );
    running.stop().await;

    let running = world.start().await;
    assert!(running.warden.key("first").is_err());
    assert_eq!(running.warden.status().alarms, []);
    running.stop().await;
    let of_it: Vec<_> = world
        .records_of("intent")
        .into_iter()
        .filter(|record| record["change"]["act"] == "destroy-key")
        .collect();
    assert_eq!(of_it.len(), 1);
    assert_eq!(
        of_it[0]["actor"],
        serde_json::json!({"name": "strongroom", "role": "system"})
    );
    let outcome = world.records_of("outcome").into_iter();
    let mut outcome = outcome.filter(|record| record["change_id"] == of_it[0]["change_id"]);
    assert_eq!(outcome.next().unwrap()["result"], "done");
}

#[tokio::test]
async fn a_wall_clock_that_jumps_ahead_destroys_nothing_for_an_hour() {
    let world = World::furnished().await;
    let running = world.start().await;
    let at = schedule(&running).await;
    let now = running.clock.now();
    let look = async |after: Duration| {
        running.clock.advance(after);
        running.warden.probe_all().await;
        running.warden.destroy_due_keys().await;
    };
    look(Duration::from_hours(2)).await;
    running.clock.set_wall(at.saturating_add(WEEK));
    look(Duration::ZERO).await;
    look(Duration::from_mins(59)).await;
    assert_eq!(state(&running), "pending-deletion");
    // Put right in time.
    running.clock.set_wall(now);
    look(Duration::from_hours(2)).await;
    look(Duration::from_hours(2)).await;
    assert_eq!(state(&running), "pending-deletion");
    // Nobody puts it right.
    running.clock.set_wall(at);
    look(Duration::ZERO).await;
    look(Duration::from_hours(1)).await;
    assert!(running.warden.key("first").is_err());
    running.stop().await;
}

#[tokio::test]
async fn what_ends_a_key_or_begins_its_end_is_refused_where_it_makes_no_sense() {
    let world = World::furnished().await;
    let running = world.start().await;
    let (warden, by) = (&running.warden, &admin());
    assert!(refused(warden.cancel_key_deletion(by, "first").await).contains("not pending"));
    let at = schedule(&running).await;
    for state in [KeyState::Enabled, KeyState::Disabled] {
        assert!(refused(warden.set_key_state(by, "first", state).await).contains("undelete"));
    }
    assert!(refused(warden.rotate_key(by, "first").await).contains("undelete"));
    let again = warden.schedule_key_deletion(by, "first", WEEK * 2).await;
    assert!(refused(again).contains(&at.to_string()));
    let unknown = warden.schedule_key_deletion(by, "nothing", WEEK).await;
    assert!(matches!(unknown, Err(ManageError::NotFound { .. })));
    assert_eq!(
        running.warden.key("first").unwrap().deletion,
        Some(at.to_string())
    );
    running.stop().await;
    let results: Vec<_> = world
        .records_of("outcome")
        .into_iter()
        .map(|record| record["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        results[results.len() - 6..],
        ["not-done", "done", "not-done", "not-done", "not-done", "not-done"]
    );
}

/// The key manager has done it, the manifest does not know it yet.
#[tokio::test]
async fn what_was_cut_off_half_way_is_noted_at_the_next_start() {
    for act in ["schedule", "cancel", "destroy"] {
        let world = World::furnished().await;
        let running = world.start().await;
        if act != "schedule" {
            schedule(&running).await;
            let_a_week_pass(&running).await;
        }
        let hsm = running
            .warden
            .directory()
            .managers
            .values()
            .next()
            .unwrap()
            .clone();
        let key = hsm.lifecycle.list()[0].id.clone();
        let script = [&world.script.set_state, &world.script.destroy_key];
        script.iter().for_each(|call| Script::set(call, Does::Wait));
        let warden = running.warden.clone();
        let task = tokio::spawn(async move {
            match act {
                "schedule" => warden
                    .schedule_key_deletion(&admin(), "first", WEEK)
                    .await
                    .map(drop),
                "cancel" => warden.cancel_key_deletion(&admin(), "first").await.map(drop),
                _ => destroy(&warden).await,
            }
        });
        world.script.arrived.notified().await;
        script.iter().for_each(|call| Script::set(call, Does::Work));
        let at = running.clock.now().saturating_add(WEEK);
        match act {
            "schedule" => drop(hsm.lifecycle.schedule_deletion(key, at).await.unwrap()),
            "cancel" => drop(hsm.lifecycle.cancel_deletion(key).await.unwrap()),
            _ => hsm.lifecycle.destroy_key(key).await.unwrap(),
        }
        let after = world.crash(5);
        task.abort();
        drop((running, hsm));
        for _ in 0..2 {
            let running = after.start().await;
            assert_eq!(running.warden.status().alarms, [], "{act}");
            let seen = running.warden.key("first").map(|key| (key.state, key.deletion));
            match act {
                "schedule" => assert_eq!(
                    seen.unwrap(),
                    ("pending-deletion".to_owned(), Some(at.to_string()))
                ),
                "cancel" => assert_eq!(seen.unwrap(), ("disabled".to_owned(), None)),
                _ => assert!(seen.is_err()),
            }
            let outcome = after.records_of("outcome").pop().unwrap();
            assert_eq!(outcome["result"], "done", "{act}");
            running.stop().await;
        }
    }
}

/// The key manager's half is done and stays so; repeating the command does the other.
#[tokio::test]
async fn what_could_not_be_noted_is_told_and_finished_by_repeating_it() {
    let world = World::furnished().await;
    let running = world.start().await;
    let trigger = "CREATE TRIGGER broken BEFORE UPDATE ON warden_manifest \
                   BEGIN SELECT RAISE(ABORT, 'broken'); END";
    let (warden, by) = (&running.warden, &admin());
    world.edit(trigger).await;
    let scheduled = warden.schedule_key_deletion(by, "first", WEEK).await;
    assert!(
        matches!(scheduled, Err(ManageError::NotInForce(_))),
        "{scheduled:?}"
    );
    assert_eq!(world.records_of("outcome").pop().unwrap()["result"], "done");
    // It is stopped, but nothing is destroyed that only one side knows of.
    assert!(running.serves().await.unwrap_err().contains("pending deletion"));
    let_a_week_pass(&running).await;
    warden.destroy_due_keys().await;
    assert_eq!(state(&running), "pending-deletion");
    world.edit("DROP TRIGGER broken").await;
    schedule(&running).await;
    assert_eq!(warden.status().alarms, []);

    world.edit(trigger).await;
    let kept = warden.cancel_key_deletion(by, "first").await;
    assert!(matches!(kept, Err(ManageError::Store(_))), "{kept:?}");
    assert_eq!(world.records_of("outcome").pop().unwrap()["result"], "not-done");
    let_a_week_pass(&running).await;
    warden.destroy_due_keys().await;
    assert_eq!(state(&running), "pending-deletion");
    world.edit("DROP TRIGGER broken").await;
    warden.cancel_key_deletion(by, "first").await.unwrap();
    assert_eq!(warden.status().alarms, []);
    assert_eq!(state(&running), "disabled");
    running.stop().await;
}

#[tokio::test]
async fn an_earlier_state_put_back_neither_hastens_an_end_nor_undoes_one() {
    let world = World::furnished().await;
    let enabled = world.copy();
    let running = world.start().await;
    schedule(&running).await;
    running.stop().await;
    let pending = world.copy();
    let running = world.start().await;
    running
        .warden
        .cancel_key_deletion(&admin(), "first")
        .await
        .unwrap();
    running.stop().await;

    // A deletion that was cancelled comes back: not used, not destroyed, and the alarm says so.
    let copy = world.copy();
    copy.put_back(&pending, &HSM).await;
    let running = copy.start().await;
    assert_eq!(state(&running), "pending-deletion");
    assert!(running.warden.status().alarms[0].problem.contains("cancel"));
    let_a_week_pass(&running).await;
    running.warden.destroy_due_keys().await;
    assert_eq!(state(&running), "pending-deletion");
    let kept = running.warden.cancel_key_deletion(&admin(), "first").await;
    assert_eq!(kept.unwrap().state, "disabled");
    assert_eq!(running.warden.status().alarms, []);
    running.stop().await;

    // The end of a key that is pending deletion is not taken back by its key manager's tables alone.
    pending.put_back(&enabled, &HSM).await;
    let running = pending.start().await;
    assert_eq!(state(&running), "pending-deletion");
    assert!(running.serves().await.unwrap_err().contains("pending deletion"));
    assert_eq!(running.warden.status().alarms.len(), 1);
    let_a_week_pass(&running).await;
    running.warden.destroy_due_keys().await;
    assert_eq!(state(&running), "pending-deletion");
    // It can be scheduled anew, and then ends.
    schedule(&running).await;
    assert_eq!(running.warden.status().alarms, []);
    let_a_week_pass(&running).await;
    running.warden.destroy_due_keys().await;
    assert!(running.warden.key("first").is_err());
    running.stop().await;

    // Nor does a destroyed key come back to use.
    pending.put_back(&enabled, &HSM).await;
    let running = pending.start().await;
    assert!(running.serves().await.unwrap_err().contains("disabled"));
    assert!(running.warden.status().alarms[0].problem.contains("destroyed"));
    let (warden, by) = (&running.warden, &admin());
    for act in [
        warden.set_key_state(by, "first", KeyState::Enabled).await,
        warden.rotate_key(by, "first").await,
    ] {
        assert!(refused(act).contains("was destroyed"));
    }
    schedule(&running).await;
    let_a_week_pass(&running).await;
    warden.destroy_due_keys().await;
    assert!(warden.key("first").is_err());
    assert_eq!(warden.status().alarms, []);
    running.stop().await;
}

/// It may have been restored for the sake of a key.
#[tokio::test]
async fn nothing_is_destroyed_while_a_recovery_is_pending() {
    let mut world = World::furnished().await;
    let running = world.start().await;
    schedule(&running).await;
    running.stop().await;
    let older = world.copy();
    let running = world.start().await;
    let_a_week_pass(&running).await;
    running.warden.destroy_due_keys().await;
    assert!(running.warden.key("first").is_err());
    running.stop().await;

    world.put_database_back(&older);
    let running = world.start().await;
    let_a_week_pass(&running).await;
    running.warden.destroy_due_keys().await;
    assert_eq!(state(&running), "pending-deletion");
    running
        .warden
        .cancel_key_deletion(&admin(), "first")
        .await
        .unwrap();
    running.warden.acknowledge_recovery(&admin()).await.unwrap();
    running.warden.destroy_due_keys().await;
    assert_eq!(state(&running), "disabled");
    let again = running.warden.acknowledge_recovery(&admin()).await;
    assert!(matches!(again, Err(ManageError::State(_))));
    running.stop().await;
}

#[tokio::test]
async fn a_key_that_cannot_be_destroyed_now_is_tried_again_without_filling_the_log() {
    let world = World::furnished().await;
    let running = world.start().await;
    schedule(&running).await;
    let_a_week_pass(&running).await;
    let tries = || {
        let intents = world.records_of("intent").into_iter();
        intents
            .filter(|record| record["change"]["act"] == "destroy-key")
            .count()
    };
    // A key manager that failed its probe is not even asked.
    Script::set(&world.script.probe, Does::Fail);
    running.warden.probe_all().await;
    running.warden.destroy_due_keys().await;
    Script::set(&world.script.probe, Does::Work);
    running.warden.probe_all().await;
    assert_eq!(tries(), 0);
    Script::set(&world.script.destroy_key, Does::Fail);
    for _ in 0..3 {
        running.warden.destroy_due_keys().await;
        assert_eq!(tries(), 1);
    }
    let outcome = world.records_of("outcome").pop().unwrap();
    assert_eq!(outcome["result"], "not-done");
    assert_eq!(state(&running), "pending-deletion");
    Script::set(&world.script.destroy_key, Does::Work);
    running.clock.advance(Duration::from_hours(1));
    running.warden.probe_all().await;
    running.warden.destroy_due_keys().await;
    assert!(running.warden.key("first").is_err());
    running.stop().await;
}

#[tokio::test]
async fn a_rotated_key_encrypts_with_its_new_version_and_decrypts_with_all() {
    let world = World::furnished().await;
    let running = world.start().await;
    let (warden, by, caller) = (&running.warden, &admin(), running.caller());
    let old = running.encrypt(&caller).await.unwrap();
    let before = warden.key("first").unwrap().versions.remove(0).tag;
    warden
        .set_key_state(by, "first", KeyState::Disabled)
        .await
        .unwrap();
    // Who fears for a key stops it first.
    let rotated = warden.rotate_key(by, "first").await.unwrap();
    assert_eq!((rotated.versions.len(), rotated.state.as_str()), (2, "disabled"));
    assert_eq!(rotated.versions[1].tag, before);
    warden
        .set_key_state(by, "first", KeyState::Enabled)
        .await
        .unwrap();
    let new = running.encrypt(&caller).await.unwrap();
    assert_ne!(old.metadata.as_bytes()[..5], new.metadata.as_bytes()[..5]);
    for output in [&old, &new] {
        assert_eq!(running.decrypt(&caller, output).await.unwrap(), b"plaintext");
    }
    running.stop().await;
    let intents = world.records_of("intent");
    let intent = intents
        .iter()
        .find(|record| record["change"]["act"] == "rotate-key");
    assert_eq!(intent.unwrap()["change"]["from_version"], before);
}

#[tokio::test]
async fn a_busy_key_manager_and_a_key_used_up_are_told_apart_and_recorded() {
    let world = World::furnished().await;
    let running = world.start().await;
    let caller = running.caller();
    Script::set(&world.script.encrypt, Does::Busy);
    assert!(matches!(
        kind(running.encrypt(&caller).await),
        FailureKind::KeyManagerBusy(_)
    ));
    Script::set(&world.script.encrypt, Does::Exhausted);
    assert!(matches!(
        kind(running.encrypt(&caller).await),
        FailureKind::KeyExhausted
    ));
    running.stop().await;
    let errors: Vec<_> = world
        .records_of("key-use")
        .iter()
        .map(|record| record["error"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(errors, ["key-manager-busy", "key-exhausted"]);
    assert!(world.records_of("refusal").is_empty());
}

pub(super) fn object(name: &str) -> AdoptedObject {
    AdoptedObject {
        name: name.to_owned(),
        usage: KeyUsage::BOTH,
        object: ObjectName {
            label: Some("label".to_owned()),
            id: Some(vec![0x0a]),
        },
        legacy: None,
        encrypt_with: EncryptWith::SameObject { count_from: 7 },
    }
}

#[tokio::test]
async fn an_adoption_that_makes_no_sense_is_refused_before_anything_is_recorded() {
    let world = World::furnished().await;
    let running = world.start().await;
    let records = running.warden.clerk.log.head().records;
    let legacy = |framing, metadata: &[u8]| Legacy {
        framing,
        metadata: CiphertextMetadata::from_slice(metadata).unwrap(),
    };
    let nothing = ObjectName {
        label: None,
        id: None,
    };
    let count_from = key_manager::KeyVersion::MAX_ENCRYPTIONS + 1;
    for (wrong, word) in [
        (
            AdoptedObject {
                object: nothing,
                ..object("k")
            },
            "label",
        ),
        (
            AdoptedObject {
                legacy: Some(legacy(Framing::Raw, b"m")),
                ..object("k")
            },
            "no place",
        ),
        (
            AdoptedObject {
                legacy: Some(legacy(Framing::Raw, b"")),
                ..object("k")
            },
            "another AAD",
        ),
        (
            AdoptedObject {
                legacy: Some(legacy(Framing::Spec, &[1; 17])),
                ..object("k")
            },
            "formats",
        ),
        (
            AdoptedObject {
                legacy: Some(legacy(Framing::AwsSample, &[2; 5])),
                ..object("k")
            },
            "formats",
        ),
        (
            AdoptedObject {
                encrypt_with: EncryptWith::SameObject { count_from },
                ..object("k")
            },
            "2^32",
        ),
        (
            AdoptedObject {
                encrypt_with: EncryptWith::NewObject,
                ..object("k")
            },
            "legacy",
        ),
    ] {
        let Err(ManageError::Invalid(why)) = running.warden.adopt_key(&admin(), "hsm", wrong).await else {
            panic!("{word}");
        };
        assert!(why.contains(word), "{why}");
    }
    assert_eq!(running.warden.clerk.log.head().records, records);
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_adopt_says_so_and_the_attempt_is_recorded() {
    let world = World::furnished().await;
    let running = world.start().await;
    let adopted = running.warden.adopt_key(&admin(), "hsm", object("new")).await;
    assert!(matches!(
        adopted,
        Err(ManageError::KeyManager(KeyManagerError::Unsupported(_)))
    ));
    assert!(running.warden.key("new").is_err());
    running.stop().await;
    let intent = world.records_of("intent").pop().unwrap();
    let change = &intent["change"];
    assert_eq!(change["act"], "adopt-key");
    assert_eq!(
        (&change["label"], &change["object_id"], &change["count_from"]),
        (&"label".into(), &"0a".into(), &7.into())
    );
    assert_eq!(world.records_of("outcome").pop().unwrap()["result"], "not-done");
}
