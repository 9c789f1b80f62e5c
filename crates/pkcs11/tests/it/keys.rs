//! Key objects: made, found, used, refused, ended.

use pkcs11::{ObjectSelector, Requirements, Sealed, TokenError, Usage};
use testkit::hsm::Product;

use crate::kit::{make, named, object, scene, secret};

scene! {
    async fn a_key_lives_from_generation_to_destruction(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        assert!(key.is_aes() && key.is_sensitive() && key.is_local() && key.was_never_extractable());
        assert!(!key.is_extractable() && key.can_encrypt() && key.can_decrypt() && !key.can_wrap());
        assert_eq!((key.bytes(), key.label(), key.id()), (32, "k".to_owned(), b"k".as_slice()));
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        assert_eq!((sealed.ciphertext.len(), sealed.iv.len()), (5, 12));
        let opened = token.decrypt(&key, sealed.clone(), b"aad").await.unwrap();
        assert_eq!(opened.expose(), b"plain");
        let tried = token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
        assert_eq!(tried.opened.expose(), b"plain");
        assert_eq!(tried.digest, tried.sealed.digest());
        let again = tried.sealed;
        assert_ne!(again.iv, sealed.iv);
        let by_id = token.find(&ObjectSelector::id(b"k").unwrap()).await.unwrap();
        assert_eq!(token.decrypt(&by_id, again, b"aad").await.unwrap().expose(), b"plain");
        assert_eq!(token.list().await.unwrap().len(), 1);
        token.set_usage(&key, Usage::DecryptOnly).await.unwrap();
        assert!(matches!(
            token.encrypt(&key, secret(b"plain"), b"aad").await,
            Err(TokenError::Refused { code, .. }) if code == "CKR_KEY_FUNCTION_NOT_PERMITTED"
        ));
        assert!(token.decrypt(&key, sealed.clone(), b"aad").await.is_ok());
        token.destroy(&key).await.unwrap();
        for key in [&key, &by_id] {
            assert_eq!(token.decrypt(key, sealed.clone(), b"aad").await.err(), Some(TokenError::ObjectGone));
        }
        assert_eq!(token.find(&named("k")).await.err(), Some(TokenError::ObjectGone));
    }
}

scene! {
    async fn lengths_from_nothing_to_the_limit_and_one_past(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let limit = token.profile().max_message();
        for len in [0, 1, 16, 4096, limit] {
            let sealed = token.encrypt(&key, secret(&vec![7; len]), b"").await.unwrap();
            assert_eq!(token.decrypt(&key, sealed, b"").await.unwrap().expose(), vec![7; len]);
        }
        let long = vec![7; limit + 1];
        assert_eq!(token.encrypt(&key, secret(&long), b"").await.err(), Some(TokenError::TooLong { limit }));
        let sealed = Sealed { ciphertext: long, iv: vec![1; 12], tag: [0; 16] };
        assert_eq!(token.decrypt(&key, sealed, b"").await.err(), Some(TokenError::TooLong { limit }));
    }
}

scene! {
    /// SoftHSM says "general error"; that the token is well is proved before this is answered.
    async fn one_changed_bit_anywhere_is_not_authentic(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let good = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        let mut bad = Vec::new();
        for at in 0..5 {
            let mut changed = good.clone();
            changed.ciphertext[at] ^= 1;
            bad.push((changed, b"aad"));
        }
        let mut changed = good.clone();
        changed.iv[0] ^= 0x80;
        bad.push((changed, b"aad"));
        let mut changed = good.clone();
        changed.tag[15] ^= 1;
        bad.push((changed, b"aad"));
        let mut shorter = good.clone();
        shorter.ciphertext.pop();
        bad.push((shorter, b"aad"));
        let mut odd = good.clone();
        odd.iv.pop();
        bad.push((odd, b"aad"));
        bad.push((good.clone(), b"aae"));
        for (sealed, aad) in bad {
            assert_eq!(token.decrypt(&key, sealed, aad).await.err(), Some(TokenError::NotAuthentic));
        }
        assert!(token.decrypt(&key, good, b"aad").await.is_ok());
    }
}

scene! {
    async fn two_objects_with_one_name_are_refused(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        assert_eq!(token.generate(object("k")).await.err(), Some(TokenError::Ambiguous));
        make(&scene.beside(), "k", 32, false);
        assert_eq!(token.find(&named("k")).await.err(), Some(TokenError::Ambiguous));
        // What was found by label and id is still one.
        assert!(token.encrypt(&key, secret(b"x"), b"").await.is_ok());
    }
}

scene! {
    async fn objects_of_the_wrong_kind_are_refused_unless_the_configuration_allows_them(scene) {
        let token = scene.token().await;
        let beside = scene.beside();
        make(&beside, "short", 16, false);
        make(&beside, "extractable", 32, true);
        for name in ["short", "extractable"] {
            assert!(matches!(token.find(&named(name)).await, Err(TokenError::Unsuitable(_))), "{name}");
        }
        let mut config = scene.config();
        config.requirements = Requirements { danger_allow_extractable: true, allow_short_keys: true };
        let lenient = scene.open(config).await;
        for name in ["short", "extractable"] {
            let key = lenient.find(&named(name)).await.unwrap();
            assert!(lenient.encrypt_and_try(&key, secret(b"x"), b"").await.is_ok(), "{name}");
        }
        assert_eq!(token.list().await.unwrap().len(), 2);
        // One that may leave wrapped is not made where it could not be used, and none stays behind.
        let mut wrappable = object("w");
        wrappable.wrappable = true;
        assert!(matches!(token.generate(wrappable).await, Err(TokenError::Unsuitable(_))));
        assert_eq!(token.list().await.unwrap().len(), 2);
    }
}

scene! {
    async fn a_wrapped_key_is_the_same_key_elsewhere(scene) {
        let mut config = scene.config();
        config.requirements.danger_allow_extractable = true;
        let token = scene.open(config).await;
        let mut wrapping = object("wrapping");
        wrapping.usage = Usage::Wrapping;
        let under = token.generate(wrapping).await.unwrap();
        let mut wrappable = object("k");
        wrappable.wrappable = true;
        let key = token.generate(wrappable).await.unwrap();
        let wrapped = token.wrap(&under, &key).await.unwrap();
        let copy = token.unwrap(&under, wrapped.clone(), object("copy")).await.unwrap();
        assert!(!copy.is_extractable() && !copy.is_local());
        let sealed = token.encrypt(&key, secret(b"x"), b"").await.unwrap();
        assert_eq!(token.decrypt(&copy, sealed, b"").await.unwrap().expose(), b"x");
        let mut changed = wrapped;
        changed[3] ^= 1;
        assert_eq!(
            token.unwrap(&under, changed, object("other")).await.err(),
            Some(TokenError::NotAuthentic)
        );
        assert!(matches!(
            token.wrap(&under, &copy).await,
            Err(TokenError::Refused { code, .. }) if code == "CKR_KEY_UNEXTRACTABLE"
        ));
    }
}

scene! {
    async fn a_token_tells_what_it_is(scene) {
        let info = scene.token().await.info().await.unwrap();
        let (manufacturer, model) = match scene.hsm.product() {
            Product::SoftHsm => ("SoftHSM project", "SoftHSM v2"),
            Product::Kryoptic => ("Kryoptic Project", "v1"),
        };
        assert_eq!((info.label.as_str(), info.manufacturer.as_str()), ("one", manufacturer));
        assert_eq!(info.model, model);
        assert!(!info.serial.is_empty() && info.mechanisms.iter().any(|name| name == "CKM_AES_GCM"));
        assert!(!info.pin_locked && !info.pin_count_low);
    }
}

scene! {
    async fn random_bytes_come_from_the_token(scene) {
        let token = scene.token().await;
        let first = token.random(32).await.unwrap();
        let second = token.random(32).await.unwrap();
        assert_eq!(first.len(), 32);
        assert!(!first.constant_time_eq(&second));
        assert_eq!(token.random(pkcs11::MAX_RANDOM).await.unwrap().len(), pkcs11::MAX_RANDOM);
        let too_many = token.random(pkcs11::MAX_RANDOM + 1).await;
        assert_eq!(too_many.err(), Some(TokenError::TooLong { limit: pkcs11::MAX_RANDOM }));
    }
}

scene! {
    /// What is known before anybody presents a PIN.
    async fn a_token_that_was_never_initialised_says_so(scene) {
        let info = scene.token().await.info().await.unwrap();
        assert!(info.pin_initialized && !info.pin_locked);
        let pkcs11 = cryptoki::context::Pkcs11::new(&scene.module).unwrap();
        let free = pkcs11
            .get_slots_with_token()
            .unwrap()
            .into_iter()
            .find(|slot| !pkcs11.get_token_info(*slot).unwrap().token_initialized())
            .unwrap();
        let mut config = scene.config();
        config.pin = None;
        config.token = pkcs11::TokenSelector::Slot(free.id());
        let token = pkcs11::Token::prepare(config, scene.clock.clone(), std::sync::Arc::new(ambient::SystemRandom)).await;
        assert_eq!(token.unwrap().info().await.err(), Some(TokenError::NotInitialized));
    }
}
