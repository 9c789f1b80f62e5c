//! Tokens and sessions that go away and come back.

use std::sync::Arc;

use ambient::SystemRandom;
use pkcs11::{OpenError, State, Token, TokenError, TokenSelector};
use testkit::hsm::Product;

use crate::kit::{alone, make, named, object, scene, scene_on_softhsm, secret};

scene! {
    async fn sessions_closed_behind_our_back_are_opened_again(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        for _ in 0..3 {
            scene.shim.close_sessions();
            token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
            assert_eq!(token.state(), State::Active);
        }
    }
}

scene_on_softhsm! {
    async fn a_token_directory_goes_and_comes_back(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
                for _ in 0..2 {
            scene.hsm.take_away("one");
            for _ in 0..3 {
                let gone = token.encrypt(&key, secret(b"plain"), b"aad").await;
                assert_eq!(gone.err(), Some(TokenError::TokenGone));
                assert_eq!(token.find(&named("k")).await.err(), Some(TokenError::TokenGone));
                assert_eq!(token.state(), State::Unavailable(TokenError::TokenGone));
                scene.wait();
            }
            scene.hsm.bring_back("one");
            scene.wait();
            assert_eq!(token.decrypt(&key, sealed.clone(), b"aad").await.unwrap().expose(), b"plain");
            assert_eq!(token.state(), State::Active);
        }
    }
}

scene! {
    /// Another part of the process, or the device itself, may end the login of all sessions.
    async fn a_login_that_is_lost_is_made_again(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        for _ in 0..3 {
            scene.shim.log_out();
            token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
            scene.shim.log_out();
            token.decrypt(&key, sealed.clone(), b"aad").await.unwrap();
            scene.shim.log_out();
            token.find(&named("k")).await.unwrap();
            assert_eq!(token.state(), State::Active);
        }
        // It looks like bad ciphertext, and like an object that is gone.
        let mut changed = sealed;
        changed.tag[0] ^= 1;
        scene.shim.log_out();
        assert_eq!(token.decrypt(&key, changed, b"aad").await.err(), Some(TokenError::NotAuthentic));
        scene.shim.log_out();
        assert_eq!(token.find(&named("none")).await.err(), Some(TokenError::ObjectGone));
    }
}

scene! {
    async fn a_module_that_was_finalised_is_initialised_again(scene) {
        let token = scene.token_with(NO_RESTART).await;
        let key = token.generate(object("k")).await.unwrap();
        for _ in 0..2 {
            scene.shim.finalise();
            scene.wait();
            token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
            assert_eq!(token.state(), State::Active);
        }
    }
}

/// A product whose module is not restarted for a token's sake.
const NO_RESTART: &str = "product = 'x'\ntried = 'x'\nread = []\niv = { caller = 12 }\n\
                          gcm-parameters = 'with-iv-bits'\nmax-message = 100\n";

/// Kryoptic keeps its database open, and does not notice that it was moved.
#[test]
fn a_database_that_is_moved_away_stays_in_use() {
    let path = concat!(module_path!(), "::a_database_that_is_moved_away_stays_in_use");
    alone(path, Product::Kryoptic, async |scene| {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        scene.hsm.take_away("one");
        assert!(token.decrypt(&key, sealed.clone(), b"aad").await.is_ok());
        assert_eq!(token.state(), State::Active);
        scene.hsm.bring_back("one");
        assert!(token.decrypt(&key, sealed, b"aad").await.is_ok());
        assert_eq!(token.find(&named("k")).await.unwrap().label(), "k");
    });
}

scene! {
    async fn a_token_that_is_away_at_the_start_comes_later(scene) {
        scene.hsm.make_key("one", "k", "01");
        scene.hsm.take_away("one");
        let token = Token::prepare(scene.config(), scene.clock.clone(), Arc::new(SystemRandom)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(token.find(&named("k")).await.err(), Some(TokenError::TokenGone));
            assert_eq!(token.state(), State::Unavailable(TokenError::TokenGone));
            scene.wait();
        }
        scene.hsm.bring_back("one");
        let key = token.find(&named("k")).await.unwrap();
        token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    async fn fewer_sessions_than_configured_slow_down_and_refuse_nobody(scene) {
        let mut config = scene.config();
        config.sessions = 8;
        config.queue = 64;
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        scene.shim.limit_sessions(1);
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let (token, key) = (token.clone(), key.clone());
            calls.spawn(async move { token.encrypt(&key, secret(b"plain"), b"aad").await.map(drop) });
        }
        for result in calls.join_all().await {
            assert_eq!(result, Ok(()));
        }
        assert_eq!(scene.shim.sessions(), 1);
    }
}

scene! {
    async fn no_session_at_all_is_said(scene) {
        scene.shim.limit_sessions(0);
        let opened = Token::open(scene.config(), scene.clock.clone(), Arc::new(SystemRandom)).await;
        assert_eq!(opened.err(), Some(OpenError::Token(TokenError::SessionsExhausted)));
        scene.shim.limit_sessions(1);
        scene.token().await.probe().await.unwrap();
    }
}

scene! {
    /// A handle that stayed the same, over another object.
    async fn a_key_that_others_replaced_is_not_used(scene) {
        let token = scene.token().await;
        let beside = scene.beside();
        make(&beside, "k", 32, false);
        let key = token.find(&named("k")).await.unwrap();
        let object = beside.find_objects(&[cryptoki::object::Attribute::Label(b"k".to_vec())]).unwrap()[0];
        beside.destroy_object(object).unwrap();
        assert_eq!(token.encrypt(&key, secret(b"x"), b"").await.err(), Some(TokenError::ObjectGone));
        make(&beside, "k", 32, false);
        let other = beside.find_objects(&[cryptoki::object::Attribute::Label(b"k".to_vec())]).unwrap()[0];
        beside
            .update_attributes(other, &[cryptoki::object::Attribute::Id(vec![9])])
            .unwrap();
        assert_eq!(token.encrypt(&key, secret(b"x"), b"").await.err(), Some(TokenError::ObjectGone));
    }
}

scene! {
    async fn what_is_not_there_is_named(scene) {
        let mut config = scene.config();
        config.module = scene.hsm.path().join("none.so");
        let opened = Token::open(config, scene.clock.clone(), Arc::new(SystemRandom)).await;
        assert!(matches!(opened.err(), Some(OpenError::Module(text)) if text.contains("none.so")));
        let mut config = scene.config();
        config.token = TokenSelector::Serial("none".to_owned());
        let opened = Token::open(config, scene.clock.clone(), Arc::new(SystemRandom)).await;
        assert_eq!(opened.err(), Some(OpenError::Token(TokenError::TokenGone)));
        for sessions in [0, 257] {
            let mut config = scene.config();
            config.sessions = sessions;
            let opened = Token::open(config, scene.clock.clone(), Arc::new(SystemRandom)).await;
            assert!(matches!(opened.err(), Some(OpenError::Configuration(_))));
        }
    }
}

scene! {
    async fn a_closed_token_has_no_session_and_takes_no_call(scene) {
        let token = scene.token().await;
        token.generate(object("k")).await.unwrap();
        assert!(scene.shim.sessions() > 0);
        token.close().await;
        assert_eq!(scene.shim.sessions(), 0);
        assert_eq!(token.probe().await.err(), Some(TokenError::Closed));
    }
}
