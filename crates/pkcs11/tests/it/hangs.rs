//! A module that does not come back.

use std::time::Duration;

use pkcs11::{KeyObject, State, Token, TokenError};
use tokio::task::JoinHandle;

use crate::kit::{Scene, object, scene, secret};

/// Encrypts, and lets the clock jump to the deadline once the call hangs in the module.
async fn overrun(scene: &Scene, token: &Token, key: &KeyObject) -> Option<TokenError> {
    let before = scene.shim.hanging();
    let (token, key) = (token.clone(), key.clone());
    let call = tokio::spawn(async move { token.encrypt(&key, secret(b"plain"), b"aad").await.err() });
    while scene.shim.hanging() == before {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    let got = call.await.unwrap();
    tokio::time::resume();
    got
}

scene! {
    /// A key that takes its time to be made is no fault; an encryption that does is one.
    async fn what_no_request_waits_for_has_more_time(scene) {
        let mut config = scene.config();
        config.deadline = Duration::from_secs(1);
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        scene.shim.hang("C_Encrypt");
        let encrypted = {
            let (token, key) = (token.clone(), key.clone());
            tokio::spawn(async move { token.encrypt(&key, secret(b"plain"), b"aad").await.err() })
        };
        assert_eq!(within(&scene, encrypted).await.ok(), Some(Some(TokenError::TimedOut)));
        scene.shim.release();
        while scene.shim.hanging() > 0 {
            tokio::task::yield_now().await;
        }
        scene.shim.hang("C_GenerateKey");
        let made = {
            let token = token.clone();
            tokio::spawn(async move { token.generate(object("slow")).await })
        };
        let made = within(&scene, made).await.unwrap_err();
        scene.shim.release();
        assert_eq!(made.await.unwrap().unwrap().label(), "slow");
    }
}

/// What comes of a call within five times the deadline, with a clock that jumps once it hangs.
async fn within<T>(scene: &Scene, mut call: JoinHandle<T>) -> Result<T, JoinHandle<T>> {
    while scene.shim.hanging() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    let got = tokio::time::timeout(Duration::from_secs(5), &mut call).await;
    tokio::time::resume();
    match got {
        Ok(done) => Ok(done.unwrap()),
        Err(_) => Err(call),
    }
}

scene! {
    async fn a_call_that_hangs_is_answered_and_its_thread_replaced_within_a_bound(scene) {
        let mut config = scene.config();
        config.sessions = 1;
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        scene.shim.hang("C_Encrypt");
        assert_eq!(overrun(&scene, &token, &key).await, Some(TokenError::TimedOut));
        assert_eq!(token.state(), State::Degraded(TokenError::TimedOut));
        // Other calls have a thread again.
        token.info().await.unwrap();
        assert_eq!(token.state(), State::Degraded(TokenError::TimedOut));
        assert_eq!(overrun(&scene, &token, &key).await, Some(TokenError::TimedOut));
        // Twice the sessions, and no more threads.
        assert_eq!(token.probe().await.err(), Some(TokenError::Hung));
        assert_eq!(token.info().await.err(), Some(TokenError::Hung));
        assert_eq!(token.state(), State::Unavailable(TokenError::Hung));
        scene.shim.release();
        while token.state() == State::Unavailable(TokenError::Hung) {
            tokio::task::yield_now().await;
        }
        token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
        while token.state() != State::Active {
            tokio::task::yield_now().await;
        }
        assert_eq!(scene.shim.hanging(), 0);
    }
}

scene! {
    async fn the_queue_has_a_bound(scene) {
        let mut config = scene.config();
        config.sessions = 1;
        config.queue = 2;
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        scene.shim.hang("C_Encrypt");
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (token, key) = (token.clone(), key.clone());
            calls.spawn(async move { token.encrypt(&key, secret(b"plain"), b"aad").await.map(drop) });
            // The first is in the module before the others come.
            while scene.shim.hanging() == 0 {
                tokio::task::yield_now().await;
            }
        }
        let first = calls.join_next().await.unwrap().unwrap();
        assert_eq!(first, Err(TokenError::Busy));
        scene.shim.release();
        assert_eq!(calls.join_all().await, vec![Ok(()); 3]);
    }
}
