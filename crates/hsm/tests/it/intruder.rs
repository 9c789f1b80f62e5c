//! Somebody at the token beside us, who has its PIN; and administrators who name what is not theirs.

use std::sync::Arc;

use cryptoki::object::{Attribute, ObjectClass};
use hsm::RefusedPins;
use key_manager::{
    CiphertextMetadata, EncryptWith, Framing, KeyId, KeyManagerError, KeyManagerProvider, Legacy, Name,
    ObjectName, Opened,
};

use crate::failover::two;
use crate::kit::{Scene, copy_database, create_key, decrypt, encrypt, open_store, scene, serve, until};

const SAME: EncryptWith = EncryptWith::SameObject { count_from: 0 };

/// Gives the name of the object to another key, whose bytes somebody knows.
fn exchange(scene: &Scene, token: &str, label: &str) {
    exchange_with(scene, token, label, &[]);
}

fn exchange_with(scene: &Scene, token: &str, label: &str, more: &[Attribute]) {
    let session = scene.beside(token);
    let named = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let found = session.find_objects(&named).unwrap();
    let id = session.get_attributes(found[0], &[cryptoki::object::AttributeType::Id]);
    session.destroy_object(found[0]).unwrap();
    drop(session);
    let more = [id.unwrap().as_slice(), more].concat();
    scene.import(token, label, &[0xee; 32], &more);
}

/// The label of the object that encrypts.
fn label(opened: &Opened, key: &KeyId) -> String {
    let object = opened.manager.describe(key).unwrap().versions[0]
        .object
        .clone()
        .unwrap();
    object.split(" (id ").next().unwrap().to_owned()
}

scene! {
    /// The token never goes away, so nobody looks again.
    async fn an_object_that_is_exchanged_while_the_token_serves_encrypts_nothing(scene) {
        for isolation in ["in-process", "worker"] {
            let config = scene.config(&["a"], &format!("isolation = \"{isolation}\""));
            let (hsms, opened) = match isolation {
                "in-process" => scene.create(config).await,
                _ => scene.reopen(config).await,
            };
            let key = create_key(&opened, scene.new_key(isolation)).await;
            serve(&opened, &key).await.unwrap();
            exchange(&scene, "a", &label(&opened, &key));
            let refused = encrypt(&opened, &key, b"x").await;
            assert!(
                matches!(&refused, Err(KeyManagerError::Unavailable(why)) if why.contains("another key")),
                "{isolation}: {refused:?}"
            );
            hsms.close().await;
        }
    }
}

scene! {
    async fn of_two_tokens_the_one_with_the_right_object_serves(scene) {
        let (hsms, opened, key, _) = two(&scene, "").await;
        for _ in 0..4 {
            serve(&opened, &key).await.unwrap();
        }
        exchange(&scene, "b", "shared");
        let mut outputs = Vec::new();
        for _ in 0..8 {
            outputs.push(encrypt(&opened, &key, b"x").await.unwrap());
        }
        scene.hsm.take_away("b");
        for output in outputs {
            assert_eq!(decrypt(&opened, &key, &output).await.unwrap(), b"x");
        }
        hsms.close().await;
    }
}

scene! {
    /// Under a framing of his choice he would decrypt what it encrypted for others.
    async fn nobody_adopts_what_serves_something_else(scene) {
        for label in ["strongroom-seal-0011223344556677-a", "arn:aws:kms:eu-west-1:111122223333:key/k", "seal"] {
            scene.import("a", label, &[9; 32], &[]);
        }
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        hsms.reserve([ObjectName { label: Some("seal".to_owned()), id: None }]);
        let key = create_key(&opened, scene.new_key("k")).await;
        let raw = Legacy { framing: Framing::Raw, metadata: CiphertextMetadata::default() };
        for label in [
            "strongroom-seal-0011223344556677-a",
            "arn:aws:kms:eu-west-1:111122223333:key/k",
            "seal",
            &label(&opened, &key),
            &format!("strongroom {} a", opened.description.id),
        ] {
            let adopted = scene.adopted(label, Some(raw), EncryptWith::NewObject);
            let refused = opened.lifecycle.adopt(adopted).await;
            assert!(
                matches!(&refused, Err(KeyManagerError::NotSuitable(why)) if why.contains("Strongroom's own")),
                "{label}: {refused:?}"
            );
        }
        hsms.close().await;
    }
}

scene! {
    async fn an_object_is_one_key_in_whatever_key_manager(scene) {
        scene.import("a", "old", &[1; 32], &[]);
        let config = scene.config(&["a"], "");
        let mut second = config.clone();
        second.name = "second".to_owned();
        let hsms = scene.hsms_of(vec![config, second]).await;
        let mut made = Vec::new();
        for name in ["main", "second"] {
            made.push(hsms.create(scene.manager_id(), Name::parse(name).unwrap()).await.unwrap());
        }
        made[0].lifecycle.adopt(scene.adopted("old", None, SAME)).await.unwrap();
        let refused = made[1].lifecycle.adopt(scene.adopted("old", None, SAME)).await;
        assert!(matches!(&refused, Err(KeyManagerError::NotSuitable(why)) if why.contains("already")), "{refused:?}");
        hsms.close().await;
    }
}

scene! {
    async fn a_key_that_took_an_adopted_objects_name_survives_its_end(scene) {
        scene.import("a", "old", &[1; 32], &[]);
        let (hsms, opened) = scene.create(scene.config(&["a"], "")).await;
        let adopted = scene.adopted("old", None, SAME);
        let key = adopted.key.id.clone();
        opened.lifecycle.adopt(adopted).await.unwrap();
        exchange(&scene, "a", "old");
        let past = ambient::Timestamp::from_secs(1);
        opened.lifecycle.schedule_deletion(key.clone(), past).await.unwrap();
        opened.lifecycle.destroy_key(key.clone()).await.unwrap();
        assert!(matches!(opened.manager.describe(&key), Err(KeyManagerError::UnknownKey)));
        assert_eq!(scene.objects("a", Some("old")), 1);
        hsms.close().await;
    }
}

scene! {
    async fn a_wrapping_key_that_may_leave_carries_nothing(scene) {
        for token in ["a", "b"] {
            let more = [Attribute::Wrap(true), Attribute::Unwrap(true), Attribute::Extractable(true)];
            scene.import(token, "kek", &[3; 32], &more);
        }
        let config = scene.config(&["a", "b"], "replication = \"wrapping-key\"\nwrapping_key = \"kek\"");
        let (hsms, opened) = scene.create(config).await;
        let refused = opened.lifecycle.create(scene.new_key("k")).await;
        assert!(
            matches!(&refused, Err(KeyManagerError::NotSuitable(why)) if why.contains("extractable")),
            "{refused:?}"
        );
        until("nothing is left", || ["a", "b"].iter().all(|token| scene.objects(token, None) == 2)).await;
        hsms.close().await;
    }
}

scene! {
    /// A crash leaves the same rows; that it was one, the log says, which the intruder cannot write.
    async fn a_store_put_back_from_the_middle_of_a_rotation_destroys_nothing(scene) {
        let config = scene.config(&["a"], "");
        let (hsms, opened) = scene.create(config.clone()).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        let shim = scene.shim("a");
        shim.hang("C_EncryptInit");
        let task = tokio::spawn({
            let (opened, key) = (opened.clone(), key.clone());
            async move { opened.lifecycle.rotate(key).await }
        });
        until("the proof hangs", || shim.hanging() > 0).await;
        let copy = scene.hsm.path().join("middle");
        copy_database(&scene, &copy).await;
        shim.release();
        task.await.unwrap().unwrap();
        let output = encrypt(&opened, &key, b"x").await.unwrap();
        let before = scene.objects("a", None);
        hsms.close().await;

        let store = open_store(copy).await;
        let put_back = scene.hsms_on(&store, config.clone()).await;
        let older = put_back.open_all().await.unwrap().remove(0);
        assert_eq!(older.manager.describe(&key).unwrap().versions.len(), 1);
        // An act that would clear up first.
        older.lifecycle.rotate(key.clone()).await.unwrap();
        assert_eq!(scene.objects("a", None), before + 1);
        put_back.close().await;

        let (hsms, opened) = scene.reopen(config).await;
        assert_eq!(decrypt(&opened, &key, &output).await.unwrap(), b"x");
        hsms.close().await;
    }
}

scene! {
    /// To destroy what requests may not use takes a login of its own, tried again until it is done.
    async fn a_wrong_pin_is_not_presented_again_and_again_to_destroy_an_object(scene) {
        let config = scene.config(&["a"], "isolation = \"worker\"");
        let (hsms, opened) = scene.create(config).await;
        let past = ambient::Timestamp::from_secs(1);
        let mut keys = Vec::new();
        for name in ["one", "two"] {
            let key = create_key(&opened, scene.new_key(name)).await;
            exchange_with(&scene, "a", &label(&opened, &key), &[Attribute::Extractable(true)]);
            opened.lifecycle.schedule_deletion(key.clone(), past).await.unwrap();
            keys.push(key);
        }
        let pin_file = scene.hsm.pin_file();
        let right = std::fs::read(&pin_file).unwrap();
        std::fs::write(&pin_file, "not the PIN of this token").unwrap();
        let logins = scene.shim("a").calls("C_Login");
        for key in &keys {
            opened.lifecycle.destroy_key(key.clone()).await.unwrap();
        }
        assert_eq!(scene.shim("a").calls("C_Login"), logins + 1);
        assert_eq!(scene.objects("a", None), 3);
        std::fs::write(&pin_file, right).unwrap();
        let third = create_key(&opened, scene.new_key("three")).await;
        exchange_with(&scene, "a", &label(&opened, &third), &[Attribute::Extractable(true)]);
        opened.lifecycle.schedule_deletion(third.clone(), past).await.unwrap();
        opened.lifecycle.destroy_key(third).await.unwrap();
        assert_eq!(scene.objects("a", None), 3);
        hsms.close().await;
    }
}

scene! {
    /// As a sealed server that tries to unseal, and fails for another reason each time.
    async fn key_managers_that_are_opened_again_and_again_present_a_wrong_pin_once(scene) {
        let config = scene.config(&["a"], "isolation = \"worker\"");
        let (hsms, _) = scene.create(config.clone()).await;
        hsms.close().await;
        let pin_file = scene.hsm.pin_file();
        let right = std::fs::read(&pin_file).unwrap();
        std::fs::write(&pin_file, "not the PIN of this token").unwrap();
        let logins = scene.shim("a").calls("C_Login");
        let refused: Arc<RefusedPins> = Arc::default();
        for _ in 0..3 {
            let hsms = scene.hsms(config.clone()).await;
            hsms.remember_in(Arc::clone(&refused));
            hsms.open_all().await.unwrap();
            hsms.close().await;
        }
        assert_eq!(scene.shim("a").calls("C_Login"), logins + 1);
        std::fs::write(&pin_file, right).unwrap();
        let hsms = scene.hsms(config.clone()).await;
        hsms.remember_in(refused);
        let opened = hsms.open_all().await.unwrap().remove(0);
        let key = create_key(&opened, scene.new_key("k")).await;
        serve(&opened, &key).await.unwrap();
        hsms.close().await;
    }
}
