//! Credentials: two at a time, at run time, for good.

use std::time::Duration;

use ambient::{Clock, Timestamp};

use super::{START, World, admin, credential};
use crate::{ManageError, NewCredential};

#[tokio::test]
async fn xks_cred_03_an_access_key_id_names_one_secret_for_good() {
    let world = World::furnished().await;
    let running = world.start().await;
    let warden = &running.warden;
    warden
        .create_key_store(&admin(), super::key_store("other"))
        .await
        .unwrap();
    let taken = |refused| matches!(refused, Err(ManageError::Exists { .. }));
    for name in ["main", "other"] {
        assert!(taken(
            warden
                .add_credential(&admin(), name, credential("AKIAMAIN"))
                .await
        ));
    }
    warden
        .retire_credential(&admin(), "main", "AKIAMAIN")
        .await
        .unwrap();
    assert!(taken(
        warden
            .add_credential(&admin(), "main", credential("AKIAMAIN"))
            .await
    ));
    running.stop().await;
    // Not even if somebody removes the row.
    world.edit("DELETE FROM warden_credential").await;
    let running = world.start().await;
    assert!(taken(
        running
            .warden
            .add_credential(&admin(), "main", credential("AKIAMAIN"))
            .await
    ));
    running.stop().await;
}

#[tokio::test]
async fn xks_cred_06_two_credentials_are_valid_at_a_time() {
    let world = World::furnished().await;
    let running = world.start().await;
    running
        .warden
        .add_credential(&admin(), "main", credential("AKIANEXT"))
        .await
        .unwrap();
    for access_key_id in ["AKIAMAIN", "AKIANEXT"] {
        let caller = running.caller_of("main", access_key_id);
        assert!(running.encrypt(&caller).await.is_ok());
    }
    running.stop().await;
    let used: Vec<_> = world
        .records_of("key-use")
        .iter()
        .map(|record| record["access_key_id"].clone())
        .collect();
    assert_eq!(used, ["AKIAMAIN", "AKIANEXT"]);
}

#[tokio::test]
async fn xks_cred_07_credentials_are_added_and_retired_at_run_time() {
    let world = World::furnished().await;
    let running = world.start().await;
    let opens = |access_key_id: &str| {
        let directory = running.warden.directory();
        let store = directory.key_store("/main").unwrap();
        store.credential(access_key_id, world.clock.now()).is_some()
    };
    assert!(!opens("AKIANEXT"));
    running
        .warden
        .add_credential(&admin(), "main", credential("AKIANEXT"))
        .await
        .unwrap();
    assert!(opens("AKIANEXT") && opens("AKIAMAIN"));
    let under_way = running.caller();
    let retired = running
        .warden
        .retire_credential(&admin(), "main", "AKIAMAIN")
        .await
        .unwrap();
    assert!(retired.retired.is_some());
    assert!(opens("AKIANEXT") && !opens("AKIAMAIN"));
    // What was authenticated before is not dropped.
    assert!(running.encrypt(&under_way).await.is_ok());
    let again = running
        .warden
        .retire_credential(&admin(), "main", "AKIAMAIN")
        .await
        .unwrap();
    assert_eq!(again.retired, retired.retired);
    running.stop().await;
    let running = world.start().await;
    let directory = running.warden.directory();
    let store = directory.key_store("/main").unwrap();
    assert!(store.credential("AKIAMAIN", world.clock.now()).is_none());
    assert_eq!(
        store
            .credential("AKIANEXT", world.clock.now())
            .unwrap()
            .secret
            .expose(),
        super::SECRET
    );
    running.stop().await;
}

#[tokio::test]
async fn a_credential_expires_at_its_instant() {
    let world = World::furnished().await;
    let running = world.start().await;
    let at = |micros: u64| Timestamp::from_micros(START * 1_000_000 + micros);
    let expiring = |expires| NewCredential {
        expires: Some(expires),
        ..credential("AKIABRIEF")
    };
    let refused = running
        .warden
        .add_credential(&admin(), "main", expiring(at(0)))
        .await;
    assert!(matches!(refused, Err(ManageError::Invalid(_))));
    running
        .warden
        .add_credential(&admin(), "main", expiring(at(1_000_000)))
        .await
        .unwrap();
    let opens = || {
        let directory = running.warden.directory();
        let store = directory.key_store("/main").unwrap();
        store.credential("AKIABRIEF", world.clock.now()).is_some()
    };
    world.clock.advance(Duration::from_micros(999_999));
    assert!(opens());
    world.clock.advance(Duration::from_micros(1));
    assert!(!opens());
    running.stop().await;
}

#[tokio::test]
async fn the_last_use_is_written_behind_and_read_back() {
    let world = World::furnished().await;
    let running = world.start().await;
    let last_use = async |running: &super::Running, access_key_id: &str| {
        let views = running.warden.credentials("main").await.unwrap();
        let view = views.into_iter().find(|view| view.access_key_id == access_key_id);
        view.unwrap().last_use
    };
    assert_eq!(last_use(&running, "AKIAMAIN").await, None);
    let caller = running.caller();
    let used = Timestamp::from_secs(START + 7);
    running.warden.note_use(&caller.credential, used);
    assert_eq!(last_use(&running, "AKIAMAIN").await, Some(used.to_string()));
    running.warden.write_last_uses().await;
    // A use of a credential that is retired before it was written is not lost either.
    let later = Timestamp::from_secs(START + 8);
    running.warden.note_use(&caller.credential, later);
    let retired = running
        .warden
        .retire_credential(&admin(), "main", "AKIAMAIN")
        .await
        .unwrap();
    assert_eq!(retired.last_use, Some(later.to_string()));
    running.stop().await;
    let running = world.start().await;
    assert_eq!(last_use(&running, "AKIAMAIN").await, Some(later.to_string()));
    running.stop().await;
}
