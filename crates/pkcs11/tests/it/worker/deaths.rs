//! Workers that die, are killed, stopped, or hang.

use std::fs;

use pkcs11::{State, TokenError};
use rustix::process::{Pid, Signal, kill_process};

use super::{config, impatient, once, program, until};
use crate::kit::{Scene, object, scene, secret};

/// Sends a signal to the worker that initialised the module last.
fn signal(scene: &Scene, signal: Signal) {
    let worker = Pid::from_raw(scene.shim.process().unwrap().cast_signed()).unwrap();
    assert_ne!(worker, rustix::process::getpid());
    kill_process(worker, signal).unwrap();
    // A signal takes its time; the letter behind the name says when it has worked.
    let stat = format!("/proc/{}/stat", worker.as_raw_nonzero());
    let state = || {
        fs::read_to_string(&stat).map_or('X', |stat| {
            stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
        })
    };
    while signal == Signal::STOP && state() != 'T' {}
}

const fn died(error: &TokenError) -> bool {
    matches!(error, TokenError::WorkerDied(_))
}

scene! {
    /// Whoever had a call under way learns at once, and everything comes back by itself.
    async fn a_worker_is_killed_in_a_storm_of_calls(scene) {
        let mut config = config(&scene);
        config.queue = 64;
        let token = scene.open(config).await;
        let key = token.generate(object("k")).await.unwrap();
        for _ in 0..3 {
            let process = scene.shim.process();
            let mut callers = tokio::task::JoinSet::new();
            for _ in 0..16 {
                let (token, key, shim) = (token.clone(), key.clone(), scene.shim);
                callers.spawn(async move {
                    let mut failed = 0;
                    // Until this caller was served by the next worker.
                    loop {
                        match token.encrypt_and_try(&key, secret(b"plain"), b"aad").await {
                            Ok(tried) => assert_eq!(tried.opened.expose(), b"plain"),
                            Err(error) => {
                                assert!(died(&error), "{error}");
                                failed += 1;
                            }
                        }
                        let next = shim.process() != process;
                        if next && token.encrypt(&key, secret(b"plain"), b"aad").await.is_ok() {
                            return failed;
                        }
                        tokio::task::yield_now().await;
                    }
                });
            }
            for _ in 0..20 {
                token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
            }
            signal(&scene, Signal::KILL);
            callers.join_all().await;
            assert_eq!(token.state(), State::Active);
        }
    }
}

scene! {
    /// With time left to try another token.
    async fn a_worker_that_is_stopped_is_killed_before_the_deadline(scene) {
        let token = scene.open(impatient(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        signal(&scene, Signal::STOP);
        let (one, two) = tokio::join!(token.encrypt(&key, secret(b"x"), b""), token.probe());
        assert!(one.is_err_and(|error| died(&error)));
        assert!(two.is_err_and(|error| died(&error)));
        token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    async fn a_module_that_crashes_takes_its_worker_alone(scene) {
        let token = scene.open(config(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        scene.shim.crash("C_Decrypt");
        let gone = token.decrypt(&key, sealed.clone(), b"aad").await;
        assert!(gone.is_err_and(|error| died(&error)));
        let opened = token.decrypt(&key, sealed, b"aad").await.unwrap();
        assert_eq!(opened.expose(), b"plain");
    }
}

scene! {
    async fn after_a_second_death_there_is_a_pause_and_the_state_says_why(scene) {
        let token = scene.open(config(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        for _ in 0..2 {
            scene.shim.crash("C_Encrypt");
            let gone = token.encrypt(&key, secret(b"x"), b"").await;
            assert!(gone.is_err_and(|error| died(&error)));
        }
        let pause = |state: &State| match state {
            State::Unavailable(TokenError::WorkerDied(why)) => {
                why.contains("signal") && why.contains("after 100ms")
            }
            _ => false,
        };
        once(&token, pause).await;
        // Nobody waits for the end of a pause.
        assert!(token.probe().await.is_err_and(|error| died(&error)));
        once(&token, |state| !matches!(state, State::Unavailable(_))).await;
        token.encrypt(&key, secret(b"x"), b"").await.unwrap();
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    async fn one_session_that_hangs_is_replaced_and_all_of_them_end_the_worker(scene) {
        let token = scene.open(impatient(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        let worker = scene.shim.process();
        scene.shim.hang("C_Encrypt");
        let late = token.encrypt(&key, secret(b"x"), b"").await;
        assert_eq!(late.err(), Some(TokenError::TimedOut));
        once(&token, |state| *state == State::Degraded(TokenError::TimedOut)).await;
        for _ in 0..3 {
            token.info().await.unwrap();
        }
        assert_eq!(scene.shim.process(), worker);
        let late = token.encrypt(&key, secret(b"x"), b"").await;
        assert!(late.is_err_and(|error| error == TokenError::TimedOut || died(&error)));
        until(async || (scene.shim.process() != worker).then_some(())).await;
        scene.shim.release();
        until(async || token.encrypt(&key, secret(b"x"), b"").await.ok()).await;
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    async fn a_session_that_comes_back_counts_again(scene) {
        let token = scene.open(impatient(&scene)).await;
        let key = token.generate(object("k")).await.unwrap();
        let worker = scene.shim.process();
        scene.shim.hang("C_Encrypt");
        let late = token.encrypt(&key, secret(b"x"), b"").await;
        assert_eq!(late.err(), Some(TokenError::TimedOut));
        once(&token, |state| *state == State::Degraded(TokenError::TimedOut)).await;
        token.info().await.unwrap();
        scene.shim.release();
        once(&token, |state| *state == State::Active).await;
        token.encrypt(&key, secret(b"x"), b"").await.unwrap();
        assert_eq!(scene.shim.process(), worker);
    }
}

scene! {
    async fn what_never_starts_is_said(scene) {
        for (path, text) in [("none.so", "none.so"), ("tokens", "tokens")] {
            let mut config = config(&scene);
            config.module = scene.hsm.path().join(path);
            let opened = pkcs11::Token::prepare(
                config,
                scene.clock.clone(),
                std::sync::Arc::new(ambient::SystemRandom),
            );
            let error = opened.await.err().unwrap().to_string();
            assert!(error.contains(text), "{error}");
        }
        let mut command = program();
        command.program = scene.hsm.path().join("no-program");
        let mut config = config(&scene);
        config.isolation = pkcs11::Isolation::Worker(command);
        let opened =
            pkcs11::Token::prepare(config, scene.clock.clone(), std::sync::Arc::new(ambient::SystemRandom));
        let error = opened.await.err().unwrap().to_string();
        assert!(error.contains("could not be started"), "{error}");
    }
}
