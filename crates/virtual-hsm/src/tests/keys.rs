//! The life of keys: contract, states, rotation, restart, roots.

use std::sync::Arc;

use ambient::FailingRandom;
use key_manager::{HealthStatus, KeyManagerError, KeyManagerProvider, KeyState, KeyUsage, Name, contract};
use seal::{Dependents, SealingKeyId, UnderRoots, roots};

use super::{World, decrypt, encrypt};
use crate::VirtualHsms;

#[tokio::test]
async fn the_contract_of_key_managers_holds() {
    let world = World::new().await;
    let (opened, _) = world.hsm().await;
    let ids = [world.new_key("a").id, world.new_key("b").id];
    contract::check(opened.manager.as_ref(), opened.lifecycle.as_ref(), ids)
        .await
        .unwrap();
}

#[tokio::test]
async fn xks_enc_12_each_encryption_takes_exactly_24_fresh_random_bytes() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    for size in [0, 1, 4300] {
        let before = world.random.count();
        let output = encrypt(&opened, &key, &vec![0; size], None).await.unwrap();
        assert_eq!(world.random.count() - before, 24);
        assert_eq!(output.iv.as_bytes().len(), 12);
        let before = world.random.count();
        decrypt(&opened, &key, &output, None).await.unwrap();
        assert_eq!(world.random.count() - before, 0);
    }
}

#[tokio::test]
async fn a_failing_source_of_randomness_fails_the_call() {
    let world = World::new().await;
    let (_, key) = world.hsm().await;
    let provider = world.provider_with(Arc::new(FailingRandom)).await;
    let opened = provider.open_all().await.unwrap().remove(0);
    let failed = encrypt(&opened, &key, b"x", None).await;
    assert!(matches!(failed, Err(KeyManagerError::Random(_))));
    let failed = opened.lifecycle.rotate(key.clone()).await;
    assert!(matches!(failed, Err(KeyManagerError::Random(_))));
    let failed = opened.lifecycle.create(world.new_key("second")).await;
    assert!(matches!(failed, Err(KeyManagerError::Random(_))));
    assert!(matches!(
        opened.manager.probe().await,
        Err(KeyManagerError::Random(_))
    ));
    assert_eq!(opened.manager.instances()[0].status, HealthStatus::Unavailable);
}

#[tokio::test]
async fn xks_hlt_02_the_canary_cannot_be_addressed() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    opened.manager.probe().await.unwrap();
    assert_eq!(opened.manager.instances()[0].status, HealthStatus::Active);
    let listed = opened.lifecycle.list();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, key);
    let canary = canary_id(&world).await;
    assert!(matches!(
        opened.manager.describe(&canary),
        Err(KeyManagerError::UnknownKey)
    ));
    assert!(matches!(
        encrypt(&opened, &canary, b"x", None).await,
        Err(KeyManagerError::UnknownKey)
    ));
    for state in [KeyState::Disabled, KeyState::Enabled] {
        assert!(matches!(
            opened.lifecycle.set_state(canary.clone(), state).await,
            Err(KeyManagerError::UnknownKey)
        ));
    }
}

async fn canary_id(world: &World) -> key_manager::KeyId {
    let sql = "SELECT id FROM virtual_hsm_key WHERE canary = 1";
    let row = world.store.query_one(sql, &[]).await.unwrap().unwrap();
    key_manager::KeyId::parse(row.text(0).unwrap()).unwrap()
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let mut decrypt_only = world.new_key("decrypt-only");
    decrypt_only.usage = KeyUsage {
        encrypt: false,
        decrypt: true,
    };
    opened.lifecycle.create(decrypt_only.clone()).await.unwrap();
    opened
        .lifecycle
        .set_state(decrypt_only.id.clone(), KeyState::Disabled)
        .await
        .unwrap();
    let old = encrypt(&opened, &key, b"old", Some(b"aad")).await.unwrap();
    opened.lifecycle.rotate(key.clone()).await.unwrap();
    let new = encrypt(&opened, &key, b"new", Some(b"aad")).await.unwrap();
    assert_ne!(old.metadata.as_bytes()[1..5], new.metadata.as_bytes()[1..5]);

    let (provider, again) = world.reopened().await;
    assert_eq!(again.len(), 1);
    assert!(provider.refused().is_empty());
    let again = &again[0];
    assert_eq!(again.description, opened.description);
    assert_eq!(again.lifecycle.list(), opened.lifecycle.list());
    assert!(again.lifecycle.refused().is_empty());
    let described = again.manager.describe(&decrypt_only.id).unwrap();
    assert_eq!(
        (described.state, described.usage),
        (KeyState::Disabled, decrypt_only.usage)
    );
    assert_eq!(decrypt(again, &key, &old, Some(b"aad")).await.unwrap(), b"old");
    assert_eq!(decrypt(again, &key, &new, Some(b"aad")).await.unwrap(), b"new");
    let versions = &again.manager.describe(&key).unwrap().versions;
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0].tag.0, new.metadata.as_bytes()[1..5]);
}

#[tokio::test]
async fn the_same_state_again_changes_nothing() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let set = |state| opened.lifecycle.set_state(key.clone(), state);
    set(KeyState::Disabled).await.unwrap();
    let generation = world.store.generation().await.unwrap();
    set(KeyState::Disabled).await.unwrap();
    assert_eq!(world.store.generation().await.unwrap(), generation);
    set(KeyState::Enabled).await.unwrap();
    assert_eq!(world.store.generation().await.unwrap(), generation + 1);
}

#[tokio::test]
async fn a_counter_turned_back_gives_no_generation_twice() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let set = |state| opened.lifecycle.set_state(key.clone(), state);
    set(KeyState::Disabled).await.unwrap();
    let generation = async || {
        let rows = world.store.query("SELECT generation FROM virtual_hsm", &[]).await;
        rows.unwrap()[0].unsigned(0).unwrap()
    };
    let before = generation().await;
    let mut transaction = world.store.begin().await.unwrap();
    let back = "UPDATE store_generation SET generation = 0 WHERE id = 1";
    transaction.execute(back, &[]).await.unwrap();
    transaction.commit().await.unwrap();
    set(KeyState::Enabled).await.unwrap();
    assert_eq!(generation().await, before + 1);
    let (_, again) = world.reopened().await;
    assert_eq!(again[0].manager.describe(&key).unwrap().state, KeyState::Enabled);
}

#[tokio::test]
async fn names_and_ids_of_virtual_hsms_are_unique() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let provider = world.provider().await;
    let name = Name::parse("main").unwrap();
    let same_name = provider.create(world.manager_id(), name).await;
    assert!(matches!(same_name, Err(KeyManagerError::KeyExists)));
    let id = opened.description.id.clone();
    let same_id = provider.create(id, Name::parse("other").unwrap()).await;
    assert!(matches!(same_id, Err(KeyManagerError::KeyExists)));
    let other = provider
        .create(world.manager_id(), Name::parse("other").unwrap())
        .await
        .unwrap();
    let mut taken = world.new_key("taken");
    taken.id = key;
    assert!(matches!(
        other.lifecycle.create(taken).await,
        Err(KeyManagerError::KeyExists)
    ));
}

#[tokio::test]
async fn a_destroyed_virtual_hsm_is_gone_from_memory_and_store() {
    let world = World::new().await;
    let (_, key) = world.hsm().await;
    let (provider, opened) = world.reopened().await;
    let opened = &opened[0];
    let output = encrypt(opened, &key, b"x", None).await.unwrap();
    provider.destroy(opened.description.id.clone()).await.unwrap();
    assert!(matches!(
        decrypt(opened, &key, &output, None).await,
        Err(KeyManagerError::UnknownKey)
    ));
    assert!(opened.manager.probe().await.is_err());
    assert!(opened.lifecycle.rotate(key).await.is_err());
    assert!(world.reopened().await.1.is_empty());
    for table in ["virtual_hsm", "virtual_hsm_key", "virtual_hsm_key_version"] {
        let sql = super::leak(format!("SELECT COUNT(*) FROM {table}"));
        let row = world.store.query_one(sql, &[]).await.unwrap().unwrap();
        assert_eq!(row.int(0).unwrap(), 0, "{table}");
    }
}

#[tokio::test]
async fn after_a_rotation_of_the_root_nothing_needs_the_older_one() {
    let world = World::new().await;
    let (_, key) = world.hsm().await;
    let (provider, opened) = world.reopened().await;
    let old_root = world.keyring().await.current_id();
    let output = encrypt(&opened[0], &key, b"x", None).await.unwrap();

    let mut transaction = world.store.begin().await.unwrap();
    let now = ambient::Timestamp::from_secs(1_800_000_001);
    let id = SealingKeyId::generate(world.random.as_ref()).unwrap();
    let keyring = roots::rotate(&mut transaction, &world.seal, world.random.as_ref(), now, id)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    provider.adopt(Arc::new(keyring));
    assert_eq!(dependents(&world, &provider, old_root).await, 3);
    // In portions; the first of each virtual HSM has its own row.
    assert!(provider.reseal().await.unwrap());
    assert!(!provider.reseal().await.unwrap());
    assert_eq!(dependents(&world, &provider, old_root).await, 0);
    assert_eq!(dependents(&world, &provider, id).await, 3);
    let mut transaction = world.store.begin().await.unwrap();
    roots::retire(&mut transaction, old_root).await.unwrap();
    transaction.commit().await.unwrap();

    let (provider, opened) = world.reopened().await;
    assert!(provider.refused().is_empty());
    assert!(opened[0].lifecycle.refused().is_empty());
    opened[0].manager.probe().await.unwrap();
    assert_eq!(decrypt(&opened[0], &key, &output, None).await.unwrap(), b"x");
}

#[tokio::test]
async fn the_key_encryption_key_can_be_rotated() {
    let world = World::new().await;
    let provider = world.provider().await;
    let (_, key) = world.hsm().await;
    let opened = provider.open_all().await.unwrap().remove(0);
    opened.lifecycle.rotate(key.clone()).await.unwrap();
    let output = encrypt(&opened, &key, b"x", None).await.unwrap();
    let before = sealed(&world).await;
    let id = *b"fresh kek".first_chunk().unwrap();
    opened.lifecycle.rotate_key_encryption_key(id).await.unwrap();
    assert_eq!(opened.lifecycle.key_encryption_key(), Some(id));
    let after = sealed(&world).await;
    // Asked for again, as after a crash, it does nothing.
    opened.lifecycle.rotate_key_encryption_key(id).await.unwrap();
    assert_eq!(sealed(&world).await, after);
    assert_eq!(before.len(), 3);
    assert!(before.iter().all(|old| !after.contains(old)));
    let (_, opened) = world.reopened().await;
    assert!(opened[0].lifecycle.refused().is_empty());
    assert_eq!(decrypt(&opened[0], &key, &output, None).await.unwrap(), b"x");
}

async fn dependents(world: &World, provider: &VirtualHsms, root: SealingKeyId) -> u64 {
    let mut found = Dependents::default();
    let mut reader = world.store.read().await.unwrap();
    provider.dependents(&mut reader, &mut found).await.unwrap();
    found.of(root).map(|(_, rows)| rows.count).sum()
}

async fn sealed(world: &World) -> Vec<Vec<u8>> {
    let sql = "SELECT sealed FROM virtual_hsm_key_version";
    let rows = world.store.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.blob(0).unwrap().to_vec()).collect()
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_a_change_half_way() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let mut change = opened.lifecycle.set_state(key.clone(), KeyState::Disabled);
    // Polled once, so that the change is under way, then dropped.
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    assert!(change.as_mut().poll(&mut context).is_pending());
    drop(change);
    // The next change waits for the first one to finish, in memory too.
    opened.lifecycle.create(world.new_key("next")).await.unwrap();
    assert_eq!(opened.manager.describe(&key).unwrap().state, KeyState::Disabled);
}

#[tokio::test]
async fn key_bytes_are_in_no_file() {
    let world = World::new().await;
    world.hsm().await;
    let keyring = world.keyring().await;
    let mut reader = world.store.read().await.unwrap();
    let sql = crate::tables::SELECT_HSMS;
    let row = reader.query_one(sql, &[]).await.unwrap().unwrap();
    let hsm = crate::contents::verify_hsm(&row, &keyring).unwrap();
    let kek = crate::contents::open_kek(&keyring, &hsm).unwrap();
    drop(reader);
    let files: Vec<Vec<u8>> = ["db", "db-wal"]
        .iter()
        .map(|file| std::fs::read(world.path(file)).unwrap())
        .collect();
    let holds = |needle: &[u8]| {
        let mut windows = files.iter().flat_map(|bytes| bytes.windows(needle.len()));
        windows.any(|window| window == needle)
    };
    // What is there is found, so the search works.
    assert!(holds(kek.id().to_string().as_bytes()));
    assert!(!holds(kek.key().expose()));
    assert!(!holds(crypto::hex(kek.key().expose()).as_bytes()));
}

#[tokio::test]
async fn without_the_database_keys_work_and_changes_fail() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    world.store.close().await;
    let output = encrypt(&opened, &key, b"x", None).await.unwrap();
    assert_eq!(decrypt(&opened, &key, &output, None).await.unwrap(), b"x");
    opened.manager.probe().await.unwrap();
    let failed = opened.lifecycle.set_state(key.clone(), KeyState::Disabled).await;
    assert!(matches!(failed, Err(KeyManagerError::Unavailable(_))));
    assert_eq!(opened.manager.describe(&key).unwrap().state, KeyState::Enabled);
}

/// A change that fails half way shows nothing and leaves nothing behind.
#[tokio::test]
async fn a_change_that_cannot_be_written_changes_nothing() {
    let world = World::new().await;
    let (opened, key) = world.hsm().await;
    let trigger = "CREATE TRIGGER broken BEFORE UPDATE ON virtual_hsm \
                   BEGIN SELECT RAISE(ABORT, 'broken'); END";
    let mut transaction = world.store.begin().await.unwrap();
    transaction.execute(trigger, &[]).await.unwrap();
    transaction.commit().await.unwrap();
    let before = opened.lifecycle.list();
    let more = world.new_key("more");
    assert!(opened.lifecycle.rotate(key.clone()).await.is_err());
    assert!(opened.lifecycle.create(more).await.is_err());
    assert!(opened.lifecycle.set_state(key, KeyState::Disabled).await.is_err());
    assert_eq!(opened.lifecycle.list(), before);
    let (_, again) = world.reopened().await;
    assert_eq!(again[0].lifecycle.list(), before);
    assert!(again[0].lifecycle.refused().is_empty());
}
