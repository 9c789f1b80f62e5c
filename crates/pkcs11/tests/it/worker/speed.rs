//! What a worker costs. Run by hand, optimised:
//!
//! ```sh
//! cargo test -p pkcs11 --test it --config 'profile.dev.package.pkcs11.opt-level=3' \
//!     -- worker::speed --ignored
//! ```
//!
//! The result is added to `strongroom-worker-speed.txt` in the directory for temporary files.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use pkcs11::{KeyObject, Token};

use super::config;
use crate::kit::{Scene, object, secret};

const CALLS: usize = 20_000;

/// User and system time of a process so far (proc(5)), in ticks of 10 ms.
fn ticks(process: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

async fn rounds(token: &Token, key: &KeyObject, callers: usize) {
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (token, key) = (token.clone(), key.clone());
        all.spawn(async move {
            for _ in 0..CALLS / callers {
                token
                    .encrypt_and_try(&key, secret(&[7; 32]), b"aad")
                    .await
                    .unwrap();
            }
        });
    }
    all.join_all().await;
}

async fn measure(scene: &Scene, isolated: bool, callers: usize) {
    let mut config = if isolated { config(scene) } else { scene.config() };
    config.sessions = 8;
    config.queue = 256;
    config.deadline = Duration::from_secs(20);
    let token = scene.open(config).await;
    let key = token
        .generate(object(&format!("{isolated} {callers}")))
        .await
        .unwrap();
    rounds(&token, &key, callers).await;
    let worker = scene.shim.process().unwrap().to_string();
    let theirs = |at: &str| if isolated { ticks(at) } else { 0 };
    let (ours, other) = (ticks("self"), theirs(&worker));
    rounds(&token, &key, callers).await;
    let micros = |ticks: u64| ticks * 10_000 / CALLS as u64;
    let (ours, other) = (micros(ticks("self") - ours), micros(theirs(&worker) - other));
    let line = format!("worker: {isolated}, callers: {callers}: {ours} µs here, {other} µs there a call\n");
    let mut report = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(report())
        .unwrap();
    report.write_all(line.as_bytes()).unwrap();
    token.close().await;
}

/// What the process that measures says is seen only if it fails.
fn report() -> PathBuf {
    std::env::temp_dir().join("strongroom-worker-speed.txt")
}

#[test]
#[ignore = "a measurement"]
fn cpu_time_of_a_call() {
    let path = concat!(module_path!(), "::cpu_time_of_a_call");
    let product = testkit::hsm::Product::SoftHsm;
    testkit::hsm::alone(path, product, &["one"], &[], |hsm| {
        let module = pkcs11_shim::install(hsm.path(), "shim", &product.module()).unwrap();
        let scene = Scene {
            hsm,
            shim: pkcs11_shim::Orders::of(&module).unwrap(),
            // Without the shim's counters on the way.
            module,
            clock: std::sync::Arc::new(ambient::ManualClock::at(ambient::Timestamp::from_secs(1))),
        };
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                for callers in [1, 16] {
                    for isolated in [false, true] {
                        measure(&scene, isolated, callers).await;
                    }
                }
            });
    });
}
