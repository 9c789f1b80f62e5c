//! Keys from their creation to their end, and what a crash leaves of either.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, Timestamp};
use key_manager::{KeyManagerError, KeyManagerProvider, KeyState, Name};

use crate::kit::{copy_database, create_key, decrypt, encrypt, scene, serve, until};

scene! {
    async fn a_key_is_rotated_disabled_and_found_again(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        let first = encrypt(&opened, &key, b"first").await.unwrap();
        let rotated = opened.lifecycle.rotate(key.clone()).await.unwrap();
        assert_eq!(rotated.versions.len(), 2);
        let object = rotated.versions[0].object.clone().unwrap();
        assert!(object.starts_with(&format!("strongroom {key} {} (id ", rotated.versions[0].tag)), "{object}");
        assert_eq!(rotated.versions[0].fingerprint, None);
        let second = encrypt(&opened, &key, b"second").await.unwrap();
        assert_ne!(first.metadata, second.metadata);
        opened.lifecycle.set_state(key.clone(), KeyState::Disabled).await.unwrap();
        hsms.close().await;
        let (hsms, opened) = scene.reopen(config).await;
        let described = opened.manager.describe(&key).unwrap();
        assert_eq!((described.state, described.versions.len()), (KeyState::Disabled, 2));
        assert_eq!(decrypt(&opened, &key, &first).await.unwrap(), b"first");
        assert_eq!(decrypt(&opened, &key, &second).await.unwrap(), b"second");
        // Each version is an object; one more is for probes.
        assert_eq!(scene.objects("a", None), 3);
        hsms.close().await;
    }
}

scene! {
    async fn a_failed_creation_leaves_nothing_and_may_be_repeated(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let key = scene.new_key("k");
        // CKR_DEVICE_ERROR after the object was made.
        scene.shim("a").fail("C_EncryptInit", 0x30, 4);
        assert!(opened.lifecycle.create(key.clone()).await.is_err());
        assert!(matches!(opened.manager.describe(&key.id), Err(KeyManagerError::UnknownKey)));
        scene.shim("a").fail("C_EncryptInit", 0x30, 0);
        until("what it left is destroyed", || scene.objects("a", None) == 1).await;
        let id = create_key(&opened, key.clone()).await;
        serve(&opened, &id).await.unwrap();
        assert!(matches!(opened.lifecycle.create(key).await, Err(KeyManagerError::KeyExists)));
        assert_eq!(scene.objects("a", None), 2);
        hsms.close().await;
    }
}

scene! {
    /// As after kill -9 between the object and its row: nothing is told to the old process.
    async fn what_a_crash_left_half_made_is_destroyed_at_the_next_start(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let rotating = create_key(&opened, scene.new_key("rotating")).await;
        let half = scene.new_key("half");
        for act in 0..2 {
            let shim = scene.shim("a");
            shim.hang("C_EncryptInit");
            let task = tokio::spawn({
                let (opened, half, rotating) = (opened.clone(), half.clone(), rotating.clone());
                async move {
                    match act {
                        0 => opened.lifecycle.create(half).await.map(drop),
                        _ => opened.lifecycle.rotate(rotating).await.map(drop),
                    }
                }
            });
            until("the proof hangs", || shim.hanging() > 0).await;
            assert!(!task.is_finished());
            // The database as it is at this instant, in a process that knows nothing else.
            let copy = scene.hsm.path().join(format!("crashed-{act}"));
            copy_database(&scene, &copy).await;
            shim.release();
            task.await.unwrap().unwrap();
        }
        let before = scene.objects("a", None);
        hsms.close().await;
        let store = crate::kit::open_store(scene.hsm.path().join("crashed-0")).await;
        let crashed = hsm::Hsms::new(
            store.clone(), scene.keyring(&store).await, Arc::clone(&scene.random),
            Arc::new(ambient::SystemClock), vec![config.clone()], None,
        );
        let opened = crashed.open_all().await.unwrap().remove(0);
        assert!(opened.lifecycle.refused().is_empty(), "{:?}", opened.lifecycle.refused());
        assert!(matches!(opened.manager.describe(&half.id), Err(KeyManagerError::UnknownKey)));
        opened.lifecycle.cut_off(half.id.clone()).await.unwrap();
        serve(&opened, &rotating).await.unwrap();
        until("the half-made object is gone", || scene.objects("a", None) == before - 1).await;
        let id = create_key(&opened, half).await;
        serve(&opened, &id).await.unwrap();
        crashed.close().await;
        let store = crate::kit::open_store(scene.hsm.path().join("crashed-1")).await;
        let crashed = hsm::Hsms::new(
            store.clone(), scene.keyring(&store).await, Arc::clone(&scene.random),
            Arc::new(ambient::SystemClock), vec![config], None,
        );
        let opened = crashed.open_all().await.unwrap().remove(0);
        assert_eq!(opened.manager.describe(&rotating).unwrap().versions.len(), 1);
        opened.lifecycle.cut_off(rotating.clone()).await.unwrap();
        until("the half-made version is gone", || scene.objects("a", None) == before - 1).await;
        serve(&opened, &rotating).await.unwrap();
        opened.lifecycle.rotate(rotating.clone()).await.unwrap();
        serve(&opened, &rotating).await.unwrap();
        crashed.close().await;
    }
}

scene! {
    async fn a_key_is_deleted_after_its_waiting_period_and_not_before(scene) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_900_000_000)));
        let hsms = scene.hsms_at(scene.config(&["a"], ""), Arc::clone(&clock) as _).await;
        let opened = hsms.create(scene.manager_id(), Name::parse("main").unwrap()).await.unwrap();
        let key = create_key(&opened, scene.new_key("k")).await;
        let lifecycle = &opened.lifecycle;
        let refused = |result: Result<(), KeyManagerError>| matches!(result, Err(KeyManagerError::NotSuitable(_)));
        assert!(refused(lifecycle.destroy_key(key.clone()).await));
        let at = clock.now().saturating_add(Duration::from_secs(7 * 86_400));
        let pending = lifecycle.schedule_deletion(key.clone(), at).await.unwrap();
        assert_eq!((pending.state, pending.deletion), (KeyState::PendingDeletion, Some(at)));
        assert!(refused(lifecycle.set_state(key.clone(), KeyState::Enabled).await.map(drop)));
        assert!(refused(lifecycle.rotate(key.clone()).await.map(drop)));
        let kept = lifecycle.cancel_deletion(key.clone()).await.unwrap();
        assert_eq!((kept.state, kept.deletion), (KeyState::Disabled, None));
        let again = lifecycle.cancel_deletion(key.clone()).await.unwrap();
        assert_eq!(again.state, KeyState::Disabled);
        lifecycle.schedule_deletion(key.clone(), at).await.unwrap();
        clock.advance(Duration::from_secs(7 * 86_400 - 1));
        assert!(refused(lifecycle.destroy_key(key.clone()).await));
        clock.advance(Duration::from_secs(1));
        assert_eq!(scene.objects("a", None), 2);
        lifecycle.destroy_key(key.clone()).await.unwrap();
        assert_eq!(scene.objects("a", None), 1);
        assert!(matches!(opened.manager.describe(&key), Err(KeyManagerError::UnknownKey)));
        lifecycle.destroy_key(key).await.unwrap();
        assert!(lifecycle.list().is_empty() && lifecycle.refused().is_empty());
        hsms.close().await;
    }
}

scene! {
    async fn an_object_on_a_token_that_is_away_is_destroyed_when_it_comes_back(scene) {
        for token in ["a", "b"] {
            scene.import(token, "shared", &[7; 32], &[]);
        }
        let config = scene.config(&["a", "b"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let adopted = scene.adopted("shared", None, key_manager::EncryptWith::SameObject { count_from: 0 });
        let key = adopted.key.id.clone();
        opened.lifecycle.adopt(adopted.clone()).await.unwrap();
        opened.lifecycle.schedule_deletion(key.clone(), Timestamp::from_secs(1)).await.unwrap();
        scene.hsm.take_away("b");
        // Noticed by the probe of that token.
        until("b is out", || {
            opened.manager.instances()[1].status == key_manager::HealthStatus::Unavailable
        })
        .await;
        opened.lifecycle.destroy_key(key.clone()).await.unwrap();
        assert!(matches!(opened.manager.describe(&key), Err(KeyManagerError::UnknownKey)));
        assert_eq!(scene.objects("a", Some("shared")), 0);
        // Its id is not free while an object of it is somewhere; a restart does not forget.
        assert!(matches!(opened.lifecycle.adopt(adopted).await, Err(KeyManagerError::KeyExists)));
        hsms.close().await;
        let (hsms, opened) = scene.reopen(config).await;
        assert!(opened.lifecycle.list().is_empty());
        scene.hsm.bring_back("b");
        until("b is back", || {
            opened.manager.instances()[1].status == key_manager::HealthStatus::Active
        })
        .await;
        until("its object is gone", || scene.try_objects("b", Some("shared")) == Some(0)).await;
        hsms.close().await;
    }
}

scene! {
    async fn a_key_manager_is_made_once_of_a_section_that_exists_and_ends_with_all_its_objects(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        for name in ["k1", "k2"] {
            let key = create_key(&opened, scene.new_key(name)).await;
            opened.lifecycle.rotate(key).await.unwrap();
        }
        assert_eq!(scene.objects("a", None), 5);
        let again = hsms.create(scene.manager_id(), Name::parse("main").unwrap()).await;
        assert!(matches!(again.err(), Some(KeyManagerError::KeyExists)));
        let none = hsms.create(scene.manager_id(), Name::parse("none").unwrap()).await;
        assert!(matches!(none.err(), Some(KeyManagerError::NotSuitable(why)) if why.contains("[[hsm]]")));
        hsms.destroy(opened.description.id.clone()).await.unwrap();
        assert_eq!(scene.objects("a", None), 0);
        assert!(opened.lifecycle.list().is_empty());
        let hsms = scene.hsms(config).await;
        assert!(hsms.open_all().await.unwrap().is_empty());
        scene.hsm.take_away("a");
        let away = hsms.create(scene.manager_id(), Name::parse("main").unwrap()).await;
        assert!(matches!(away.err(), Some(KeyManagerError::Unavailable(_))));
        assert!(scene.hsms(scene.config(&["a"], "")).await.open_all().await.unwrap().is_empty());
    }
}
