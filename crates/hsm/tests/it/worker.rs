//! Tokens in worker processes, which end, stop and come back.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use key_manager::{HealthStatus, Opened};
use pkcs11::WorkerCommand;
use rustix::process::{Pid, Signal, kill_process};
use testkit::hsm::Product;

use crate::failover::{status, two, under_load};
use crate::kit::{Scene, alone, create_key, decrypt, encrypt, serve, until};

/// What a worker process runs; this binary with [`command`]'s arguments.
#[test]
#[ignore = "a worker process"]
fn serve_a_token() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    pkcs11::worker::run(&clock, &random).unwrap();
}

pub(crate) fn command() -> WorkerCommand {
    WorkerCommand {
        program: std::env::current_exe().unwrap(),
        arguments: ["worker::serve_a_token", "--exact", "--ignored", "--nocapture"]
            .map(OsString::from)
            .to_vec(),
        environment: Vec::new(),
    }
}

const WORKER: &str = "isolation = \"worker\"";

fn signal(scene: &Scene, token: &str, signal: Signal) {
    let process = scene.shim(token).process().unwrap();
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

async fn is_back(scene: &Scene, opened: &Opened, index: usize) {
    until("the token is back", || {
        status(opened, index) == HealthStatus::Active
    })
    .await;
    let shim = scene.shim(if index == 0 { "a" } else { "b" });
    let calls = shim.calls("C_Decrypt");
    until("it has work", || shim.calls("C_Decrypt") > calls + 10).await;
}

async fn killed_and_crashed(scene: Scene) {
    let (hsms, opened, key, _) = two(&scene, WORKER).await;
    let before = encrypt(&opened, &key, b"before").await.unwrap();
    under_load(&opened, &key, async {
        for (index, token) in [(0, "a"), (1, "b")] {
            let process = scene.shim(token).process();
            signal(&scene, token, Signal::KILL);
            until("another process", || scene.shim(token).process() != process).await;
            is_back(&scene, &opened, index).await;
            let process = scene.shim(token).process();
            scene.shim(token).crash("C_Encrypt");
            until("another process", || scene.shim(token).process() != process).await;
            is_back(&scene, &opened, index).await;
        }
    })
    .await;
    assert_eq!(decrypt(&opened, &key, &before).await.unwrap(), b"before");
    hsms.close().await;
}

async fn taken_away(scene: Scene) {
    let (hsms, opened, key, _) = two(&scene, WORKER).await;
    under_load(&opened, &key, async {
        for (index, token) in [(0, "a"), (1, "b")] {
            scene.hsm.take_away(token);
            until("the token is out", || {
                status(&opened, index) == HealthStatus::Unavailable
            })
            .await;
            scene.hsm.bring_back(token);
            is_back(&scene, &opened, index).await;
        }
    })
    .await;
    hsms.close().await;
}

async fn stopped(scene: Scene) {
    let more = format!("{WORKER}\ndeadline = \"2s\"");
    let (hsms, opened, key, _) = two(&scene, &more).await;
    under_load(&opened, &key, async {
        signal(&scene, "a", Signal::STOP);
        until("the token is out", || {
            status(&opened, 0) == HealthStatus::Unavailable
        })
        .await;
        let served = scene.shim("b").calls("C_Decrypt");
        until("the other serves", || {
            scene.shim("b").calls("C_Decrypt") > served + 20
        })
        .await;
        // It is ended by then, or goes on.
        let process = scene.shim("a").process().unwrap();
        let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        let _ = kill_process(process, Signal::CONT);
        is_back(&scene, &opened, 0).await;
    })
    .await;
    hsms.close().await;
}

async fn alone_and_killed(scene: Scene) {
    let (hsms, opened) = scene.create(scene.config(&["a"], WORKER)).await;
    let key = create_key(&opened, scene.new_key("k")).await;
    serve(&opened, &key).await.unwrap();
    for _ in 0..2 {
        signal(&scene, "a", Signal::KILL);
        // The call that finds it gone may fail. After that it comes back by itself.
        let _ = serve(&opened, &key).await;
        let back = async {
            while serve(&opened, &key).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), back).await.unwrap();
    }
    hsms.close().await;
}

macro_rules! on {
    ($($name:ident $product:ident $body:ident;)+) => {
        $(#[test]
        fn $name() {
            alone(concat!(module_path!(), "::", stringify!($name)), Product::$product, $body);
        })+
    };
}

on! {
    killed_and_crashed_workers_cost_no_request_on_softhsm SoftHsm killed_and_crashed;
    killed_and_crashed_workers_cost_no_request_on_kryoptic Kryoptic killed_and_crashed;
    tokens_taken_away_from_workers_cost_no_request SoftHsm taken_away;
    a_stopped_worker_costs_no_request_on_softhsm SoftHsm stopped;
    a_stopped_worker_costs_no_request_on_kryoptic Kryoptic stopped;
    a_worker_alone_comes_back SoftHsm alone_and_killed;
}
