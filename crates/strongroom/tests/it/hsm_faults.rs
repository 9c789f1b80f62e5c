//! Faults of HSMs under load, with the whole server: two tokens of SoftHSM with the same key, each in a
//! worker process of its own, behind a shim that takes orders. What could be served is served, health
//! tells the truth, and everything comes back without a restart.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use pkcs11_shim::Orders;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::hsm::{Product, SoftwareHsm};
use tokio::task::JoinSet;

use crate::support::hsm::{PATIENT, decrypt_body};
use crate::support::node::{Node, Running};
use crate::support::text;
use crate::support::xks::{Access, Connection, tls};

/// Longer than anything takes, even on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(120);
const CLIENTS: usize = 4;
const ACTIVE: &str = "ACTIVE";
const UNAVAILABLE: &str = "UNAVAILABLE";

/// A server over the tokens `a` and `b`.
struct Scene {
    hsm: SoftwareHsm,
    /// Orders to the module of `a`.
    a: Orders,
    node: Node,
    server: Running,
    access: Access,
}

impl Scene {
    fn new() -> Self {
        let hsm = SoftwareHsm::new(Product::SoftHsm, &["a", "b"]);
        let secret = hsm.path().join("secret");
        fs::write(&secret, [7; 32]).unwrap();
        let mut section =
            "\n[[hsm]]\nname = \"luna\"\nprofile = \"softhsm\"\nsessions = 2\ndeadline = \"2s\"\n".to_owned();
        for token in ["a", "b"] {
            write_key(&hsm, token);
            let module = pkcs11_shim::install(hsm.path(), token, hsm.module()).unwrap();
            let pin = hsm.pin_file();
            section.push_str(&format!(
                "[[hsm.tokens]]\nname = {token:?}\nlabel = {token:?}\nmodule = {module:?}\npin_file = {pin:?}\n"
            ));
        }
        let a = Orders::of(&hsm.path().join("a.so")).unwrap();
        let mut node = Node::new();
        node.set(hsm.environment());
        node.configure(&format!("{}{section}", node.config("admin", PATIENT)));
        let server = node.serve();
        node.json(&["hsm", "create", "luna"]);
        node.json(&["key", "adopt", "key", "--hsm", "luna", "--label", "k"]);
        let store = node.json(&["key-store", "create", "store"]);
        let bind = [
            "key-store",
            "bind",
            "store",
            "key",
            "--external-key-id",
            "external",
        ];
        node.json(&bind);
        let (access_key_id, secret) = node.add_credential();
        let access = Access {
            address: server.address,
            tls: tls(&node.ca.file, None),
            uri_path: text(&store, "/uri_path").to_owned(),
            external_key_id: "external".to_owned(),
            access_key_id,
            secret,
        };
        Self {
            hsm,
            a,
            node,
            server,
            access,
        }
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.access.address, &self.access.tls)
            .await
            .unwrap()
    }

    /// Asks for the health until it names this status for `a`, and `b` as active.
    async fn until_a_is(&self, status: &str) {
        self.until(&[("a", status), ("b", ACTIVE)]).await;
    }

    async fn until(&self, wanted: &[(&str, &str)]) {
        let mut connection = self.connect().await;
        let mut last = Vec::new();
        let asked = async {
            loop {
                last = self.fleet(&mut connection).await;
                let told = last.iter().map(|(id, status)| (id.as_str(), status.as_str()));
                if told.eq(wanted.iter().copied()) {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(LIMIT, asked).await;
        assert!(in_time.is_ok(), "wanted {wanted:?}, got {last:?}");
    }

    /// Name and health of each token, as GetHealthStatus tells them.
    async fn fleet(&self, connection: &mut Connection) -> Vec<(String, String)> {
        let body =
            json!({ "requestMetadata": { "kmsRequestId": "health", "kmsOperation": "KmsHealthCheck" } });
        let (code, health) = connection.call(&self.access, "health", &body).await.unwrap();
        assert_eq!(code, StatusCode::OK, "{health}");
        let details = health
            .pointer("/ekmFleetDetails")
            .and_then(Value::as_array)
            .unwrap();
        // Ids are the key manager's, its name, and the token's name.
        let name = |token: &Value| text(token, "/id").rsplit('/').next().unwrap().to_owned();
        let mut fleet: Vec<_> = details
            .iter()
            .map(|token| (name(token), text(token, "/healthStatus").to_owned()))
            .collect();
        fleet.sort();
        fleet
    }

    /// The process that has the module of `a`.
    fn worker(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.a.process().unwrap()).unwrap()).unwrap()
    }

    async fn stop(mut self) {
        self.server.process.signal(Signal::TERM);
        assert!(self.server.process.wait_for_end().success());
        drop(self.node);
    }
}

/// The same key for every token, as a vendor's replication brings it.
fn write_key(hsm: &SoftwareHsm, token: &str) {
    let secret = hsm.path().join("secret");
    let key = [
        "--type",
        "secrkey",
        "--key-type",
        "AES:32",
        "--usage-decrypt",
        "--label",
        "k",
        "--id",
        "01",
    ];
    let mut arguments = vec![
        "--write-object",
        secret.to_str().unwrap(),
        "--sensitive",
        "--private",
    ];
    arguments.extend(key);
    hsm.pkcs11_tool(token, &arguments);
}

/// Clients that encrypt and decrypt until told to stop.
struct Storm {
    clients: JoinSet<Vec<String>>,
    served: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Storm {
    fn begin(access: &Access) -> Self {
        let (served, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(client(
                access.clone(),
                number,
                Arc::clone(&served),
                Arc::clone(&over),
            ));
        }
        Self {
            clients,
            served,
            over,
        }
    }

    /// Waits until this many more requests were served.
    async fn serves(&self, more: u64) {
        let enough = self.served.load(Ordering::Relaxed) + more;
        let served = async {
            while self.served.load(Ordering::Relaxed) < enough {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, served).await.unwrap();
    }

    /// What was not served.
    async fn end(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

/// Encrypts and decrypts what came out; returns the answers that were none.
async fn client(access: Access, number: usize, served: Arc<AtomicU64>, over: Arc<AtomicBool>) -> Vec<String> {
    let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
    let mut failed = Vec::new();
    for round in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{number}-{round}");
        let (code, encrypted) = connection.encrypt(&access, &id).await.unwrap();
        if code != StatusCode::OK {
            failed.push(format!("encrypt {id}: {code} {encrypted}"));
            continue;
        }
        served.fetch_add(1, Ordering::Relaxed);
        let body = decrypt_body(&encrypted, None);
        let (code, opened) = connection
            .call(&access, "keys/external/decrypt", &body)
            .await
            .unwrap();
        if code != StatusCode::OK {
            failed.push(format!("decrypt {id}: {code} {opened}"));
            continue;
        }
        assert_eq!(text(&opened, "/plaintext"), "SGVsbG8gV29ybGQh");
        served.fetch_add(1, Ordering::Relaxed);
    }
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_die_stop_or_hang_in_a_storm_cost_no_request() {
    let scene = Scene::new();
    scene.until_a_is(ACTIVE).await;
    let storm = Storm::begin(&scene.access);
    storm.serves(50).await;

    let first = scene.worker();
    kill_process(first, Signal::KILL).unwrap();
    another_worker(&scene, first).await;
    scene.until_a_is(ACTIVE).await;
    storm.serves(50).await;

    let second = scene.worker();
    kill_process(second, Signal::STOP).unwrap();
    another_worker(&scene, second).await;
    scene.until_a_is(ACTIVE).await;
    storm.serves(50).await;

    for function in ["C_EncryptInit", "C_Decrypt"] {
        let before = scene.worker();
        scene.a.crash(function);
        another_worker(&scene, before).await;
        scene.until_a_is(ACTIVE).await;
        storm.serves(50).await;
    }

    let before = scene.worker();
    scene.a.hang("C_Encrypt");
    another_worker(&scene, before).await;
    scene.a.release();
    scene.until_a_is(ACTIVE).await;
    storm.serves(50).await;

    assert_eq!(storm.end().await, Vec::<String>::new());
    scene.stop().await;
}

/// The module of `a` is in another process than this one.
async fn another_worker(scene: &Scene, than: Pid) {
    let started = async {
        while scene.worker() == than {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, started).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_goes_and_comes_back_in_a_storm_costs_no_request() {
    let scene = Scene::new();
    scene.until_a_is(ACTIVE).await;
    let storm = Storm::begin(&scene.access);
    for _ in 0..2 {
        storm.serves(50).await;
        scene.hsm.take_away("a");
        scene.until_a_is(UNAVAILABLE).await;
        storm.serves(50).await;
        scene.hsm.bring_back("a");
        scene.until_a_is(ACTIVE).await;
    }
    // Sessions closed behind our back, logins lost, and none to be had are the token's own affair.
    let sessions = scene.a.sessions();
    scene.a.close_sessions();
    storm.serves(20).await;
    scene.a.log_out();
    storm.serves(20).await;
    scene.a.limit_sessions(1);
    scene.a.close_sessions();
    storm.serves(50).await;
    scene.a.limit_sessions(sessions.max(2));
    scene.until_a_is(ACTIVE).await;
    assert_eq!(storm.end().await, Vec::<String>::new());
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_token_is_left_nothing_is_served_and_all_comes_back() {
    let scene = Scene::new();
    scene.until_a_is(ACTIVE).await;
    let mut connection = scene.connect().await;
    let (code, encrypted) = connection.encrypt(&scene.access, "before").await.unwrap();
    assert_eq!(code, StatusCode::OK);
    for token in ["a", "b"] {
        scene.hsm.take_away(token);
    }
    let (code, refused) = connection.encrypt(&scene.access, "away").await.unwrap();
    assert!(code.is_server_error(), "{code} {refused}");
    scene.until(&[("a", UNAVAILABLE), ("b", UNAVAILABLE)]).await;
    for token in ["a", "b"] {
        scene.hsm.bring_back(token);
    }
    scene.until_a_is(ACTIVE).await;
    let body = decrypt_body(&encrypted, None);
    let (code, opened) = connection
        .call(&scene.access, "keys/external/decrypt", &body)
        .await
        .unwrap();
    assert_eq!(
        (code, text(&opened, "/plaintext")),
        (StatusCode::OK, "SGVsbG8gV29ybGQh")
    );
    scene.stop().await;
}
