//! Encryptions are counted, never too few.

use key_manager::{EncryptWith, HealthStatus, KeyManagerError, KeyVersion, Opened};

use crate::kit::{counted, create_key, decrypt, encrypt, scene, serve};

const BLOCK: u64 = 1 << 20;
const KEY: [u8; 32] = [9; 32];

fn count_of(opened: &Opened) -> u64 {
    counted(&opened.lifecycle.list()[0])
}

scene! {
    async fn a_block_is_reserved_before_the_first_encryption_and_after_each_start(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        // Its proof.
        assert_eq!(count_of(&opened), 1);
        serve(&opened, &key).await.unwrap();
        assert_eq!(count_of(&opened), 1 + BLOCK);
        for _ in 0..20 {
            serve(&opened, &key).await.unwrap();
        }
        assert_eq!(count_of(&opened), 1 + BLOCK);
        // What was reserved counts as used, however the process ended.
        drop((hsms, opened));
        for start in 2..4 {
            let (hsms, opened) = scene.reopen(config.clone()).await;
            assert_eq!(count_of(&opened), 1 + (start - 1) * BLOCK);
            let output = encrypt(&opened, &key, b"x").await.unwrap();
            assert_eq!(count_of(&opened), 1 + start * BLOCK);
            decrypt(&opened, &key, &output).await.unwrap();
            hsms.close().await;
        }
    }
}

scene! {
    async fn the_last_of_them_is_made_and_the_next_refused(scene) {
        scene.import("a", "old", &KEY, &[]);
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let count_from = KeyVersion::MAX_ENCRYPTIONS - 4;
        let adopted = scene.adopted("old", None, EncryptWith::SameObject { count_from });
        let key = adopted.key.id.clone();
        opened.lifecycle.adopt(adopted).await.unwrap();
        // Close to the end, and said so.
        assert_eq!(opened.manager.instances()[0].status, HealthStatus::Degraded);
        let mut last = None;
        for _ in 0..3 {
            last = Some(encrypt(&opened, &key, b"x").await.unwrap());
        }
        for _ in 0..2 {
            assert!(matches!(encrypt(&opened, &key, b"x").await, Err(KeyManagerError::Exhausted)));
        }
        assert_eq!(count_of(&opened), KeyVersion::MAX_ENCRYPTIONS);
        assert_eq!(decrypt(&opened, &key, &last.clone().unwrap()).await.unwrap(), b"x");
        hsms.close().await;
        let (hsms, opened) = scene.reopen(config).await;
        assert!(matches!(encrypt(&opened, &key, b"x").await, Err(KeyManagerError::Exhausted)));
        // A rotation ends it.
        opened.lifecycle.rotate(key.clone()).await.unwrap();
        assert_eq!(opened.manager.instances()[0].status, HealthStatus::Active);
        serve(&opened, &key).await.unwrap();
        assert_eq!(decrypt(&opened, &key, &last.unwrap()).await.unwrap(), b"x");
        hsms.close().await;
    }
}

scene! {
    async fn the_warning_begins_at_three_quarters(scene) {
        for (number, (below, status)) in [(BLOCK + 1, HealthStatus::Active), (1, HealthStatus::Degraded)].into_iter().enumerate() {
            let label = format!("old-{number}");
            scene.import("a", &label, &[number as u8; 32], &[]);
            let config = scene.config(&["a"], "");
            let (hsms, opened) = if number == 0 { scene.create(config).await } else { scene.reopen(config).await };
            let count_from = (3 << 30) - below;
            let adopted = scene.adopted(&label, None, EncryptWith::SameObject { count_from });
            opened.lifecycle.adopt(adopted).await.unwrap();
            assert_eq!(opened.manager.instances()[0].status, status, "{count_from}");
            hsms.close().await;
        }
    }
}

scene! {
    async fn a_restored_store_skips_a_block_and_what_is_left_of_the_last(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        serve(&opened, &key).await.unwrap();
        assert_eq!(count_of(&opened), 1 + BLOCK);
        opened.lifecycle.restored().await.unwrap();
        assert_eq!(count_of(&opened), 1 + 2 * BLOCK);
        // Nothing of it is given out: the next encryption wants a block of its own.
        serve(&opened, &key).await.unwrap();
        assert_eq!(count_of(&opened), 1 + 3 * BLOCK);
        hsms.close().await;
    }
}

scene! {
    async fn without_a_reservation_nothing_is_encrypted(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        let before = scene.shim("a").calls("C_EncryptInit");
        scene.store.close().await;
        for _ in 0..2 {
            let failed = encrypt(&opened, &key, b"x").await.unwrap_err();
            assert!(matches!(&failed, KeyManagerError::Unavailable(why) if why.contains("reserved")), "{failed}");
        }
        assert_eq!(scene.shim("a").calls("C_EncryptInit"), before);
        hsms.close().await;
    }
}

scene! {
    async fn many_that_come_first_share_one_reservation(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let (opened, key) = (opened.clone(), key.clone());
            requests.spawn(async move { serve(&opened, &key).await });
        }
        for result in requests.join_all().await {
            result.unwrap();
        }
        assert_eq!(count_of(&opened), 1 + BLOCK);
        hsms.close().await;
    }
}
