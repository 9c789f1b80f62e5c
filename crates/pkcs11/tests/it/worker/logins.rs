//! PINs and workers that come and go.

use std::sync::Arc;

use ambient::SystemRandom;
use pkcs11::{KeyObject, State, Token, TokenConfig, TokenError};
use rustix::process::{Pid, Signal, kill_process};

use super::{config, once, until};
use crate::kit::{Scene, named, object, pin, scene, secret};

async fn prepare(scene: &Scene, config: TokenConfig) -> Token {
    Token::prepare(config, scene.clock.clone(), Arc::new(SystemRandom))
        .await
        .unwrap()
}

/// Kills the worker and waits for the next one.
async fn replace(scene: &Scene) {
    let before = scene.shim.process();
    kill_process(
        Pid::from_raw(before.unwrap().cast_signed()).unwrap(),
        Signal::KILL,
    )
    .unwrap();
    until(async || (scene.shim.process() != before).then_some(())).await;
}

scene! {
    async fn a_refused_pin_is_presented_once_whatever_becomes_of_the_worker(scene) {
        let mut config = config(&scene);
        config.pin = Some(pin("99999999"));
        let token = prepare(&scene, config).await;
        for _ in 0..3 {
            assert_eq!(token.find(&named("k")).await.err(), Some(TokenError::PinRefused));
            let (one, two) = tokio::join!(token.info(), token.probe());
            assert_eq!((one.err(), two.err()), (Some(TokenError::PinRefused), Some(TokenError::PinRefused)));
            replace(&scene).await;
        }
        assert_eq!(scene.shim.calls("C_Login"), 1);
        assert_eq!(token.state(), State::Unavailable(TokenError::PinRefused));
        token.set_pin(Some(pin(testkit::hsm::PIN)));
        until(async || token.probe().await.ok()).await;
        assert_eq!(scene.shim.calls("C_Login"), 2);
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    async fn a_login_that_ends_the_worker_is_not_tried_again(scene) {
        scene.shim.crash("C_Login");
        let token = prepare(&scene, config(&scene)).await;
        assert!(matches!(token.probe().await, Err(TokenError::WorkerDied(_))));
        for _ in 0..3 {
            assert_eq!(token.probe().await.err(), Some(TokenError::LoginUnanswered));
        }
        assert_eq!(scene.shim.calls("C_Login"), 1);
        assert_eq!(token.state(), State::Unavailable(TokenError::LoginUnanswered));
        token.set_pin(Some(pin(testkit::hsm::PIN)));
        token.probe().await.unwrap();
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    /// A PIN that the token took is not the reason for what happened; but there is an end to that, too.
    async fn a_pin_that_was_accepted_survives_two_such_logins(scene) {
        let token = prepare(&scene, config(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        for round in 0..2 {
            // Two in a row, and a success that starts the count anew.
            replace(&scene).await;
            for _ in 0..2 {
                crash_in_a_login(&scene, &token, &key).await;
            }
            until(async || token.encrypt(&key, secret(b"x"), b"").await.ok()).await;
            assert_eq!(token.state(), State::Active, "{round}");
            // The worker lived long enough for the next to be started at once.
            scene.wait();
            scene.wait();
        }
        replace(&scene).await;
        for _ in 0..3 {
            crash_in_a_login(&scene, &token, &key).await;
        }
        once(&token, |state| *state == State::Unavailable(TokenError::LoginUnanswered)).await;
        let logins = scene.shim.calls("C_Login");
        until(async || (token.probe().await.err() == Some(TokenError::LoginUnanswered)).then_some(())).await;
        assert_eq!(scene.shim.calls("C_Login"), logins);
    }
}

/// Lets the worker crash in its next login.
async fn crash_in_a_login(scene: &Scene, token: &Token, key: &KeyObject) {
    let logins = scene.shim.calls("C_Login");
    scene.shim.crash("C_Login");
    until(async || {
        assert!(token.encrypt(key, secret(b"x"), b"").await.is_err());
        (scene.shim.calls("C_Login") > logins).then_some(())
    })
    .await;
}
