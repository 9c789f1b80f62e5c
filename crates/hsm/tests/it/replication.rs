//! How a new key comes to be on every token.

use cryptoki::object::Attribute;
use key_manager::{EncryptWith, KeyManagerError};

use crate::kit::{create_key, decrypt, encrypt, scene, serve};

fn wrapping() -> [Attribute; 4] {
    [
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
    ]
}

scene! {
    async fn without_replication_two_tokens_get_no_new_key_and_are_told_why(scene) {
        for token in ["a", "b"] {
            scene.import(token, "shared", &[7; 32], &[]);
        }
        let (hsms, opened) = scene.create(scene.config(&["a", "b"], "")).await;
        let refused = opened.lifecycle.create(scene.new_key("k")).await;
        let says = |why: &String| why.contains("replication = \"vendor\"");
        assert!(matches!(&refused, Err(KeyManagerError::Unsupported(why)) if says(why)), "{refused:?}");
        let adopted = scene.adopted("shared", None, EncryptWith::SameObject { count_from: 0 });
        let key = adopted.key.id.clone();
        opened.lifecycle.adopt(adopted).await.unwrap();
        serve(&opened, &key).await.unwrap();
        let refused = opened.lifecycle.rotate(key).await;
        assert!(matches!(&refused, Err(KeyManagerError::Unsupported(why)) if says(why)), "{refused:?}");
        hsms.close().await;
    }
}

scene! {
    async fn a_wrapping_key_brings_new_keys_onto_every_token_and_none_of_them_is_extractable(scene) {
        for token in ["a", "b"] {
            scene.import(token, "kek", &[3; 32], &wrapping());
        }
        let config = scene.config(&["a", "b"], "replication = \"wrapping-key\"\nwrapping_key = \"kek\"");
        let (hsms, opened) = scene.create(config).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        opened.lifecycle.rotate(key.clone()).await.unwrap();
        // The wrapping key, the one for probes, and two versions; what carried them is gone.
        for token in ["a", "b"] {
            assert_eq!(scene.objects(token, None), 4, "{token}");
            let session = scene.beside(token);
            let extractable = session.find_objects(&[Attribute::Extractable(true)]).unwrap();
            assert!(extractable.is_empty());
        }
        let output = encrypt(&opened, &key, b"x").await.unwrap();
        for token in ["a", "b"] {
            scene.hsm.take_away(token);
            for _ in 0..4 {
                assert_eq!(decrypt(&opened, &key, &output).await.unwrap(), b"x");
                serve(&opened, &key).await.unwrap();
            }
            scene.hsm.bring_back(token);
            let index = usize::from(token == "b");
            crate::kit::until("it is back", || {
                opened.manager.instances()[index].status == key_manager::HealthStatus::Active
            })
            .await;
        }
        hsms.close().await;
    }
}

scene! {
    async fn wrapping_keys_that_differ_or_are_missing_are_told_and_leave_nothing(scene) {
        scene.import("a", "kek", &[3; 32], &wrapping());
        let config = scene.config(&["a", "b"], "replication = \"wrapping-key\"\nwrapping_key = \"kek\"");
        let (hsms, opened) = scene.create(config).await;
        let missing = opened.lifecycle.create(scene.new_key("k")).await.unwrap_err();
        assert!(missing.to_string().contains("token b: there is no wrapping key"), "{missing}");
        scene.import("b", "kek", &[4; 32], &wrapping());
        let differs = opened.lifecycle.create(scene.new_key("k")).await.unwrap_err();
        assert!(matches!(&differs, KeyManagerError::NotSuitable(why) if why.contains("token b")), "{differs}");
        crate::kit::until("nothing is left", || {
            ["a", "b"].iter().all(|token| scene.objects(token, None) == 2)
        })
        .await;
        hsms.close().await;
    }
}

scene! {
    /// Two names of one token are what a vendor's replication looks like from here.
    async fn what_the_vendor_replicates_is_waited_for_and_proved(scene) {
        let mut config = scene.config(&["a", "b"], "replication = \"vendor\"");
        config.tokens[1].label = Some("a".to_owned());
        config.tokens[1].module = config.tokens[0].module.clone();
        let (hsms, opened) = scene.create(config).await;
        let key = create_key(&opened, scene.new_key("k")).await;
        opened.lifecycle.rotate(key.clone()).await.unwrap();
        for _ in 0..4 {
            serve(&opened, &key).await.unwrap();
        }
        hsms.close().await;
    }
}

scene! {
    async fn a_replication_that_does_not_happen_is_told(scene) {
        let config = scene.config(&["a", "b"], "replication = \"vendor\"");
        let (hsms, opened) = scene.create(config).await;
        let task = tokio::spawn({
            let (opened, key) = (opened.clone(), scene.new_key("k"));
            async move { opened.lifecycle.create(key).await }
        });
        crate::kit::until("b is searched", || scene.shim("b").calls("C_FindObjectsInit") > 4).await;
        let refused = task.await.unwrap().unwrap_err();
        assert!(refused.to_string().contains("check the vendor's replication"), "{refused}");
        crate::kit::until("nothing is left", || scene.objects("a", None) == 1).await;
        hsms.close().await;
    }
}
