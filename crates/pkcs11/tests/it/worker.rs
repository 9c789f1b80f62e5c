//! Tokens in worker processes.

use std::ffi::OsString;
use std::sync::Arc;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use pkcs11::{Isolation, State, TokenConfig, TokenError, WorkerCommand};

use crate::kit::{Scene, named, object, scene, secret};

/// What a worker process runs; this binary with [`program`]'s arguments.
#[test]
#[ignore = "a worker process"]
fn serve() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    pkcs11::worker::run(&clock, &random).unwrap();
}

pub(crate) fn program() -> WorkerCommand {
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
        assert_eq!(token.state(), State::Active);
        token.close().await;
        assert_eq!(token.probe().await.err(), Some(TokenError::Closed));
    }
}
