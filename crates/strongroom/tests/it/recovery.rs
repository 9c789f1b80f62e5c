//! What outlives a crash, and what a restored backup may not undo.

use std::fs;

use http::StatusCode;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::node::{Node, Running};
use crate::support::text;
use crate::support::xks::{Access, Connection};

async fn outcome(access: &Access) -> (StatusCode, String) {
    let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
    let (status, answer) = connection.encrypt(access, "outcome").await.unwrap();
    let error = answer.pointer("/errorName").and_then(Value::as_str);
    (status, error.unwrap_or_default().to_owned())
}

fn blocked() -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, "InvalidStateException".to_owned())
}

fn stop(mut server: Running) {
    server.process.signal(Signal::TERM);
    assert!(server.process.wait_for_end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_outlives_kill_9() {
    let node = Node::new();
    let mut server = node.serve();
    let mut access = node.populate(server.address);
    node.json(&["key-store", "block", "store", "--reason", "drill"]);
    server.process.signal(Signal::KILL);
    server.process.wait_for_end();

    let server = node.serve();
    access.address = server.address;
    assert_eq!(outcome(&access).await, blocked());
    node.json(&["key-store", "unblock", "store"]);
    assert_eq!(outcome(&access).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_serves_only_after_somebody_has_looked() {
    let node = Node::new();
    let server = node.serve();
    let mut access = node.populate(server.address);
    stop(server);
    let (store, backup) = (node.path("data/store.db"), node.path("backup.db"));
    fs::copy(&store, &backup).unwrap();

    let server = node.serve();
    node.json(&[
        "key-store",
        "block",
        "store",
        "--reason",
        "the backup does not know this",
    ]);
    stop(server);
    for rest in ["data/store.db-wal", "data/store.db-shm"] {
        drop(fs::remove_file(node.path(rest)));
    }
    fs::copy(&backup, &store).unwrap();

    let server = node.serve();
    access.address = server.address;
    let status = node.json(&["status"]);
    assert_eq!(text(&status, "/warden/standing"), "recovery-pending");
    assert_eq!(status.pointer("/ready"), Some(&Value::Bool(false)));
    assert!(text(&status, "/warden/reasons/0").contains("recovery acknowledge"));
    assert_eq!(outcome(&access).await, blocked());

    let status = node.json(&["recovery", "acknowledge"]);
    assert_eq!(text(&status, "/warden/standing"), "serving");
    assert_eq!(outcome(&access).await.0, StatusCode::OK);
    stop(server);
}
