//! Root keys, key-encryption keys and the seal, changed through the command line under load.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use audit::{Directory, Reader};
use http::StatusCode;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::node::{Node, Running};
use crate::support::xks::{Access, Connection};
use crate::support::{run, stderr, text};

async fn encrypts(access: &Access) -> StatusCode {
    let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
    connection.encrypt(access, "one").await.unwrap().0
}

fn kill(mut server: Running) {
    server.process.signal(Signal::KILL);
    server.process.wait_for_end();
}

fn refusal(node: &Node, arguments: &[&str]) -> Value {
    let arguments = node.arguments(arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    serde_json::from_str(&stderr(&arguments, 1)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_rest_is_changed_without_a_dropped_request() {
    let node = Arc::new(Node::new());
    let server = node.serve();
    let mut access = node.populate(server.address);
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (access, stop, answered) = (access.clone(), stop.clone(), answered.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let id = format!("{client}-{number}");
                    let (status, answer) = connection.encrypt(&access, &id).await.unwrap();
                    assert_eq!(status, StatusCode::OK, "{answer}");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let changing = node.clone();
    let changed = tokio::task::spawn_blocking(move || {
        let older = text(&changing.json(&["root", "list"]), "/roots/0/id").to_owned();
        let refused = refusal(&changing, &["root", "retire", &older]);
        assert_eq!(text(&refused, "/error"), "invalid");
        let rotated = changing.json(&["root", "rotate"]);
        assert_eq!(rotated.pointer("/resealing"), Some(&Value::Bool(false)));
        assert_eq!(
            rotated.pointer("/roots/1/dependents"),
            Some(&Value::Array(vec![]))
        );
        changing.json(&["vhsm", "rotate-kek", "hsm"]);
        let retired = changing.json(&["root", "retire", &older]);
        assert_eq!(retired.pointer("/roots/1"), None);
        changing.json(&["seal", "change"])
    });
    let seal = changed.await.unwrap();
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    assert!(answered.load(Ordering::SeqCst) > 0);
    kill(server);

    // The next start takes the new key from where the old one was.
    assert_eq!(
        text(&seal, "/place"),
        node.path("data/seal.key").display().to_string()
    );
    assert!(fs::exists(text(&seal, "/previous")).unwrap());
    let server = node.serve();
    access.address = server.address;
    assert_eq!(encrypts(&access).await, StatusCode::OK);
    kill(server);
}

/// The seal's key file is made before the store is sealed with it, and moved after: a crash in
/// between leaves it beside its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_key_beside_its_place_is_found() {
    let node = Node::new();
    let server = node.serve();
    let mut access = node.populate(server.address);
    let seal = node.json(&["seal", "change"]);
    kill(server);
    let place = node.path("data/seal.key");
    fs::rename(&place, node.path("data/seal.key.new")).unwrap();
    fs::copy(text(&seal, "/previous"), &place).unwrap();
    let server = node.serve();
    access.address = server.address;
    assert_eq!(encrypts(&access).await, StatusCode::OK);
    let roots = node.json(&["root", "list"]);
    assert_eq!(text(&roots, "/roots/0/seal_id"), text(&seal, "/id"));
    assert!(fs::read_to_string(&place).unwrap().contains(text(&seal, "/id")));
    kill(server);
}

/// `kill -9` while each of them is under way, at other instants each time: every key works at the next
/// start, and what was begun comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_what_was_begun_comes_to_its_end() {
    let node = Node::new();
    let server = node.serve();
    let mut access = node.populate(server.address);
    kill(server);
    let acts: [&[&str]; 3] = [
        &["root", "rotate"],
        &["seal", "change"],
        &["vhsm", "rotate-kek", "hsm"],
    ];
    for round in 0..9 {
        let server = node.serve();
        access.address = server.address;
        let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
        let arguments = node.arguments(acts[round % acts.len()]);
        let act = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&arguments)
        });
        // So long does the act have.
        for number in 0..=round * 3 {
            let (status, answer) = connection
                .encrypt(&access, &format!("{round}-{number}"))
                .await
                .unwrap();
            assert_eq!(status, StatusCode::OK, "{answer}");
        }
        kill(server);
        act.await.unwrap();
    }
    let mut server = node.serve();
    access.address = server.address;
    let view = node.json(&["root", "rotate"]);
    let roots = view.pointer("/roots").unwrap().as_array().unwrap();
    for older in &roots[1..] {
        node.json(&["root", "retire", text(older, "/id")]);
    }
    assert_eq!(encrypts(&access).await, StatusCode::OK);
    let status = node.json(&["status"]);
    assert_eq!(status.pointer("/warden/alarms"), Some(&Value::Array(vec![])));
    server.process.signal(Signal::TERM);
    assert!(server.process.wait_for_end().success());
    let verified = node.json(&["audit", "verify"]);
    assert_eq!(verified.pointer("/verified"), Some(&Value::Bool(true)));
    // Every intent has its one outcome, some of them from a start.
    let (mut intents, mut outcomes) = (Vec::new(), Vec::new());
    let medium = Arc::new(Directory::open_existing(&node.path("data/audit")).unwrap());
    let mut reader = Reader::open(medium, 0).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        let record: Value = serde_json::from_slice(&record.payload).unwrap();
        match text(&record, "/type") {
            "intent" => intents.push(text(&record, "/change_id").to_owned()),
            "outcome" => outcomes.push(text(&record, "/change_id").to_owned()),
            _ => {}
        }
    }
    assert_eq!(intents, outcomes);
}
