//! A key's end: scheduled, cancelled, destroyed; never early, and whole.

use std::time::Duration;

use ambient::{Clock, Timestamp};
use key_manager::{KeyId, KeyManagerError, KeyState, Opened};

use super::{World, decrypt, encrypt};

const DAY: Duration = Duration::from_hours(24);

fn days_from_now(world: &World, days: u32) -> Timestamp {
    world.clock.now().saturating_add(DAY * days)
}

fn gone(opened: &Opened, key: &KeyId) -> bool {
    matches!(opened.manager.describe(key), Err(KeyManagerError::UnknownKey))
}

#[tokio::test]
async fn a_schedule_survives_a_restart_and_ends_to_the_microsecond() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let at = days_from_now(&world, 7);
    opened.lifecycle.schedule_deletion(key.clone(), at).await.unwrap();

    let (_, again) = world.reopened().await;
    let described = again[0].manager.describe(&key).unwrap();
    assert_eq!(
        (described.state, described.deletion),
        (KeyState::PendingDeletion, Some(at))
    );
    world.clock.advance(DAY * 7 - Duration::from_micros(1));
    let early = again[0].lifecycle.destroy_key(key.clone()).await;
    assert!(matches!(early, Err(KeyManagerError::NotSuitable(_))));
    world.clock.advance(Duration::from_micros(1));
    again[0].lifecycle.destroy_key(key.clone()).await.unwrap();
    assert!(gone(&again[0], &key));

    let (_, again) = world.reopened().await;
    assert!(gone(&again[0], &key));
    assert!(again[0].lifecycle.refused().is_empty());
}

#[tokio::test]
async fn a_clock_put_back_makes_a_key_wait() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let (now, at) = (world.clock.now(), days_from_now(&world, 7));
    opened.lifecycle.schedule_deletion(key.clone(), at).await.unwrap();
    world.clock.set_wall(at);
    world.clock.set_wall(now);
    assert!(opened.lifecycle.destroy_key(key.clone()).await.is_err());
    assert!(!gone(&opened, &key));
}

#[tokio::test]
async fn what_was_encrypted_decrypts_after_a_cancelled_deletion_and_not_after_the_end() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let old = encrypt(&opened, &key, b"old", None).await.unwrap();
    opened.lifecycle.rotate(key.clone()).await.unwrap();
    let new = encrypt(&opened, &key, b"new", None).await.unwrap();
    let schedule = |at| opened.lifecycle.schedule_deletion(key.clone(), at);
    schedule(days_from_now(&world, 7)).await.unwrap();
    opened.lifecycle.cancel_deletion(key.clone()).await.unwrap();
    assert_eq!(decrypt(&opened, &key, &old, None).await.unwrap(), b"old");
    assert_eq!(decrypt(&opened, &key, &new, None).await.unwrap(), b"new");

    schedule(world.clock.now()).await.unwrap();
    opened.lifecycle.destroy_key(key.clone()).await.unwrap();
    for output in [&old, &new] {
        let failed = decrypt(&opened, &key, output, None).await;
        assert!(matches!(failed, Err(KeyManagerError::UnknownKey)));
    }
    opened.manager.probe().await.unwrap();
}

#[tokio::test]
async fn the_rows_of_a_destroyed_key_are_written_over() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    opened.lifecycle.rotate(key.clone()).await.unwrap();
    let other = world.new_key("other");
    opened.lifecycle.create(other.clone()).await.unwrap();
    let sealed_under = async |id: &KeyId| -> Vec<Vec<u8>> {
        let sql = "SELECT sealed FROM virtual_hsm_key_version WHERE key_id = $1";
        let rows = world.store.query(sql, &[id.as_str().into()]).await.unwrap();
        rows.iter().map(|row| row.blob(0).unwrap().to_vec()).collect()
    };
    let (condemned, kept) = (sealed_under(&key).await, sealed_under(&other.id).await);
    assert_eq!((condemned.len(), kept.len()), (2, 1));
    let schedule = opened.lifecycle.schedule_deletion(key.clone(), world.clock.now());
    schedule.await.unwrap();
    opened.lifecycle.destroy_key(key.clone()).await.unwrap();
    assert!(sealed_under(&key).await.is_empty());
    world.store.close().await;
    let file = std::fs::read(world.path("db")).unwrap();
    let holds = |needle: &Vec<u8>| file.windows(needle.len()).any(|window| window == needle);
    // What is there is found, so the search works.
    assert!(kept.iter().all(holds));
    assert!(!condemned.iter().any(holds));
}

#[tokio::test]
async fn the_canary_is_never_pending_and_never_destroyed() {
    let world = World::new().await;
    let (opened, _) = world.hsm().await;
    let sql = "SELECT id FROM virtual_hsm_key WHERE canary = 1";
    let row = world.store.query_one(sql, &[]).await.unwrap().unwrap();
    let canary = KeyId::parse(row.text(0).unwrap()).unwrap();
    let scheduled = opened
        .lifecycle
        .schedule_deletion(canary.clone(), world.clock.now())
        .await;
    assert!(matches!(scheduled, Err(KeyManagerError::UnknownKey)));
    opened.lifecycle.destroy_key(canary).await.unwrap();
    opened.manager.probe().await.unwrap();
}

/// A deletion that fails half way takes nothing with it.
#[tokio::test]
async fn a_deletion_that_cannot_be_written_deletes_nothing() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let output = encrypt(&opened, &key, b"x", None).await.unwrap();
    let schedule = opened.lifecycle.schedule_deletion(key.clone(), world.clock.now());
    schedule.await.unwrap();
    let trigger = "CREATE TRIGGER broken BEFORE UPDATE ON virtual_hsm \
                   BEGIN SELECT RAISE(ABORT, 'broken'); END";
    let mut transaction = world.store.begin().await.unwrap();
    transaction.execute(trigger, &[]).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(opened.lifecycle.destroy_key(key.clone()).await.is_err());
    assert!(opened.lifecycle.cancel_deletion(key.clone()).await.is_err());
    let (_, again) = world.reopened().await;
    for opened in [&opened, &again[0]] {
        assert_eq!(
            opened.manager.describe(&key).unwrap().state,
            KeyState::PendingDeletion
        );
        assert_eq!(decrypt(opened, &key, &output, None).await.unwrap(), b"x");
    }
}

#[tokio::test]
async fn rows_of_a_destroyed_key_put_back_are_refused() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let schedule = opened.lifecycle.schedule_deletion(key.clone(), world.clock.now());
    schedule.await.unwrap();
    let run = async |sql: String| {
        let mut transaction = world.store.begin().await.unwrap();
        let rows = transaction.execute(super::leak(sql), &[]).await.unwrap();
        transaction.commit().await.unwrap();
        rows
    };
    for (kept, table, column) in [
        ("kept_key", "virtual_hsm_key", "id"),
        ("kept_version", "virtual_hsm_key_version", "key_id"),
    ] {
        let condition = format!("{column} = '{key}'");
        run(format!(
            "CREATE TABLE {kept} AS SELECT * FROM {table} WHERE {condition}"
        ))
        .await;
    }
    opened.lifecycle.destroy_key(key.clone()).await.unwrap();
    assert_eq!(
        run("INSERT INTO virtual_hsm_key SELECT * FROM kept_key".to_owned()).await,
        1
    );
    let versions = "INSERT INTO virtual_hsm_key_version SELECT * FROM kept_version".to_owned();
    assert_eq!(run(versions).await, 1);
    let (_, again) = world.reopened().await;
    assert!(matches!(
        again[0].manager.describe(&key),
        Err(KeyManagerError::KeyRefused(_))
    ));
    assert!(again[0].lifecycle.refused()[0].1.contains("it was added"));
}
