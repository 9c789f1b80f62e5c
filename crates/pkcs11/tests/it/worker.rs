//! Tokens in worker processes.

mod deaths;
mod frames;
mod logins;
mod process;
mod speed;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use pkcs11::{Isolation, State, Token, TokenConfig, TokenError, WorkerCommand};

use crate::kit::{Scene, make, named, object, scene, scene_on_softhsm, secret};

/// What a worker process runs: this binary with [`program`]'s arguments.
#[test]
#[ignore = "a worker process"]
fn serve() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    pkcs11::worker::run(&clock, &random).unwrap();
}

fn program() -> WorkerCommand {
    WorkerCommand {
        program: std::env::current_exe().unwrap(),
        arguments: ["worker::serve", "--exact", "--ignored", "--nocapture"]
            .map(OsString::from)
            .to_vec(),
        environment: Vec::new(),
    }
}

fn config(scene: &Scene) -> TokenConfig {
    let mut config = scene.config();
    config.isolation = Isolation::Worker(program());
    config
}

/// With a deadline that the real clock reaches: what happens then depends on no speed.
fn impatient(scene: &Scene) -> TokenConfig {
    let mut config = config(scene);
    // Three eighths of it are what a busy machine may take to kill a worker and say so.
    config.deadline = Duration::from_secs(2);
    config
}

/// The state, once it is so.
async fn once(token: &Token, is: impl Fn(&State) -> bool) -> State {
    until(async || Some(token.state()).filter(|state| is(state))).await
}

/// What `look` finds at last.
async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found)
        .await
        .unwrap()
}

scene! {
    async fn a_token_works_the_same_in_a_worker(scene) {
        let token = scene.open(config(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        assert_eq!(token.find(&named("k")).await.unwrap().id(), key.id());
        let tried = token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
        assert_eq!((tried.opened.expose(), tried.digest), (b"plain".as_slice(), tried.sealed.digest()));
        let opened = token.decrypt(&key, tried.sealed.clone(), b"aad").await.unwrap();
        assert_eq!(opened.expose(), b"plain");
        let refused = token.decrypt(&key, tried.sealed, b"other").await;
        assert_eq!(refused.err(), Some(TokenError::NotAuthentic));
        assert_eq!(token.info().await.unwrap().label, "one");
        assert_eq!(token.random(32).await.unwrap().len(), 32);
        token.probe().await.unwrap();
        assert_eq!(token.state(), State::Active);
        token.close().await;
        assert_eq!(token.probe().await.err(), Some(TokenError::Closed));
    }
}

scene! {
    /// In many frames at once, of up to the longest message.
    async fn calls_come_in_batches_and_answers_find_their_callers(scene) {
        let mut config = config(&scene);
        config.sessions = 4;
        config.queue = 64;
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        let longest = token.profile().max_message();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..60 {
            let (token, key) = (token.clone(), key.clone());
            calls.spawn(async move {
                let len = if number % 20 == 0 { longest } else { 7 * number };
                let plaintext = vec![u8::try_from(number).unwrap(); len];
                let tried = token.encrypt_and_try(&key, secret(&plaintext), b"aad").await.unwrap();
                assert_eq!(tried.opened.expose(), plaintext);
                let opened = token.decrypt(&key, tried.sealed, b"aad").await.unwrap();
                assert_eq!(opened.expose(), plaintext);
            });
        }
        assert_eq!(calls.join_all().await.len(), 60);
        assert!(scene.shim.sessions() <= 4);
    }
}

scene_on_softhsm! {
    async fn the_queue_has_a_bound(scene) {
        let mut config = config(&scene);
        config.sessions = 1;
        config.queue = 2;
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        scene.shim.hang("C_Encrypt");
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (token, key) = (token.clone(), key.clone());
            calls.spawn(async move { token.encrypt(&key, secret(b"plain"), b"aad").await.map(drop) });
        }
        let first = calls.join_next().await.unwrap().unwrap();
        assert_eq!(first, Err(TokenError::Busy));
        scene.shim.release();
        assert_eq!(calls.join_all().await, vec![Ok(()); 3]);
    }
}

scene_on_softhsm! {
    /// A list that no single frame is meant for.
    async fn a_long_list_comes_in_parts(scene) {
        // The login of this process lets the session beside make keys.
        let here = scene.token().await;
        here.info().await.unwrap();
        let beside = scene.beside();
        let long = "n".repeat(400);
        for number in 0..800 {
            make(&beside, &format!("{long}{number}"), 32, false);
        }
        let token = scene.open(config(&scene)).await;
        let mut labels: Vec<_> = token.list().await.unwrap().iter().map(|key| key.label()).collect();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), 800);
        token.close().await;
        here.close().await;
        drop(beside);
    }
}
