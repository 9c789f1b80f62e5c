//! Rows under root keys that change.

use std::sync::Arc;

use ambient::Timestamp;
use key_manager::KeyState;
use seal::{Dependents, UnderRoots as _, roots};

use crate::kit::{create_key, scene, serve};

scene! {
    async fn after_a_rotation_of_the_root_every_row_depends_on_the_new_one_and_keys_go_on(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let mut keys = Vec::new();
        for name in ["k1", "k2"] {
            keys.push(create_key(&opened, scene.new_key(name)).await);
        }
        opened.lifecycle.rotate(keys[0].clone()).await.unwrap();
        opened.lifecycle.set_state(keys[1].clone(), KeyState::Disabled).await.unwrap();
        let old = scene.keyring(&scene.store).await.current_id();
        let mut transaction = scene.store.begin().await.unwrap();
        let now = Timestamp::from_secs(1_800_000_001);
        let id = seal::SealingKeyId::generate(scene.random.as_ref()).unwrap();
        roots::rotate(&mut transaction, &scene.seal, scene.random.as_ref(), now, id).await.unwrap();
        transaction.commit().await.unwrap();
        hsms.adopt(scene.keyring(&scene.store).await);
        let count = async |root| {
            let mut reader = scene.store.read().await.unwrap();
            let mut found = Dependents::default();
            hsms.dependents(&mut reader, &mut found).await.unwrap();
            found.of(root).map(|(_, rows)| rows.count).sum::<u64>()
        };
        assert_eq!(count(old).await, 1 + 2 + 3);
        while hsms.reseal().await.unwrap() {}
        assert_eq!(count(old).await, 0);
        let new = scene.keyring(&scene.store).await.current_id();
        assert_eq!(count(new).await, 1 + 2 + 3);
        serve(&opened, &keys[0]).await.unwrap();
        hsms.close().await;
        let (hsms, opened) = scene.reopen(config).await;
        assert!(opened.lifecycle.refused().is_empty());
        assert_eq!(opened.manager.describe(&keys[1]).unwrap().state, KeyState::Disabled);
        serve(&opened, &keys[0]).await.unwrap();
        hsms.close().await;
    }
}

scene! {
    /// Requests go on while somebody administers.
    async fn an_encryption_under_way_is_finished_while_its_key_is_rotated(scene) {
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        let opened = Arc::new(opened);
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (opened, key) = (Arc::clone(&opened), key.clone());
            requests.spawn(async move {
                for _ in 0..30 {
                    serve(&opened, &key).await.unwrap();
                }
            });
        }
        for _ in 0..3 {
            opened.lifecycle.rotate(key.clone()).await.unwrap();
        }
        requests.join_all().await;
        assert_eq!(opened.manager.describe(&key).unwrap().versions.len(), 4);
        hsms.close().await;
    }
}
