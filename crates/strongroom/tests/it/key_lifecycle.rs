//! Rotation and the end of keys, through the command line and as AWS KMS sees them.

use http::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::hsm::{Product, SoftwareHsm};

use crate::support::hsm::{objects, section};
use crate::support::node::{Node, Running};
use crate::support::xks::{Access, Connection};
use crate::support::{stderr, stdout, text};

const DAY_MICROS: u64 = 24 * 3600 * 1_000_000;

/// What KMS is answered: status, and the error's name or the whole answer.
async fn ask(access: &Access, operation: &str, body: &Value) -> (u16, Value) {
    let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
    let resource = format!("keys/{}/{operation}", access.external_key_id);
    let (status, answer) = connection.call(access, &resource, body).await.unwrap();
    (status.as_u16(), answer)
}

async fn encrypt(access: &Access) -> (u16, Value) {
    ask(access, "encrypt", &crate::support::xks::encrypt_body("lifecycle")).await
}

async fn decrypt(access: &Access, encrypted: &Value) -> (u16, Value) {
    let mut body = crate::support::xks::encrypt_body("lifecycle");
    for member in ["plaintext", "ciphertextDataIntegrityValueAlgorithm"] {
        body.as_object_mut().unwrap().remove(member);
    }
    for (to, from) in [
        ("ciphertext", "ciphertext"),
        ("initializationVector", "initializationVector"),
        ("authenticationTag", "authenticationTag"),
        ("ciphertextMetadata", "ciphertextMetadata"),
    ] {
        body[to] = encrypted[from].clone();
    }
    body["requestMetadata"]["kmsOperation"] = "Decrypt".into();
    ask(access, "decrypt", &body).await
}

async fn key_status(access: &Access) -> String {
    let body = json!({"requestMetadata": {
        "awsPrincipalArn": "arn:aws:iam::111122223333:user/alice",
        "kmsOperation": "CreateKey",
        "kmsRequestId": "lifecycle",
    }});
    let (status, answer) = ask(access, "metadata", &body).await;
    assert_eq!(status, 200, "{answer}");
    text(&answer, "/keyStatus").to_owned()
}

fn human(node: &Node, arguments: &[&str]) -> String {
    let data = node.path("data").display().to_string();
    stdout(&[&["--data-dir", &data], arguments].concat())
}

/// The code and the message of a refusal.
fn refusal(node: &Node, arguments: &[&str]) -> (String, String) {
    let arguments = node.arguments(arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let error: Value = serde_json::from_str(&stderr(&arguments, 1)).unwrap();
    (
        text(&error, "/error").to_owned(),
        text(&error, "/message").to_owned(),
    )
}

fn stop(mut server: Running) {
    server.process.signal(Signal::TERM);
    assert!(server.process.wait_for_end().success());
}

fn changes(node: &Node) -> Vec<Value> {
    let arguments = node.arguments(&["audit", "tail", "-n", "1000"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let records = stdout(&arguments);
    let lines = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter_map(|record| record.pointer("/record/change").cloned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_decrypts_what_every_version_encrypted_after_kill_9_too() {
    let node = Node::new();
    let mut server = node.serve();
    let mut access = node.populate(server.address);
    let (status, old) = encrypt(&access).await;
    assert_eq!(status, StatusCode::OK);
    let rotated = node.json(&["key", "rotate", "key"]);
    assert_eq!(rotated["versions"].as_array().unwrap().len(), 2);
    for (version, member) in [(0, "algorithm"), (1, "framing")] {
        let known = ["XAES-256-GCM", "spec"];
        let value = rotated["versions"][version][member].as_str().unwrap();
        assert!(known.contains(&value), "{rotated}");
    }
    let (_, new) = encrypt(&access).await;
    server.process.signal(Signal::KILL);
    server.process.wait_for_end();

    let server = node.serve();
    access.address = server.address;
    for encrypted in [&old, &new] {
        let (status, answer) = decrypt(&access, encrypted).await;
        assert_eq!(
            (status, text(&answer, "/plaintext")),
            (200, "SGVsbG8gV29ybGQh"),
            "{answer}"
        );
    }
    let shown = human(&node, &["key", "show", "key"]);
    assert_eq!(shown.matches("XAES-256-GCM").count(), 2, "{shown}");
    assert_eq!(shown.matches("encrypts").count(), 1, "{shown}");
    assert_eq!(shown.matches("  decrypts").count(), 1, "{shown}");
    stop(server);
    let rotations = changes(&node);
    let of_it = |change: &&Value| change["act"] == "rotate-key";
    assert_eq!(rotations.iter().filter(of_it).count(), 1, "one act, one intent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_stops_at_once_says_so_everywhere_and_can_be_kept() {
    let node = Node::new();
    let server = node.serve();
    let mut access = node.populate(server.address);
    let (_, encrypted) = encrypt(&access).await;

    let (code, message) = refusal(&node, &["key", "undelete", "key"]);
    assert_eq!(code, "conflict");
    assert!(message.contains("not pending deletion"), "{message}");
    let (code, message) = refusal(&node, &["key", "delete", "key", "--after", "167h"]);
    assert_eq!(code, "invalid");
    assert!(message.contains("7 days to 365 days"), "{message}");
    assert_eq!(key_status(&access).await, "ENABLED");

    let said = human(&node, &["key", "delete", "key"]);
    let shown = node.json(&["key", "show", "key"]);
    let deletion = text(&shown, "/deletion");
    let day = deletion.split('T').next().unwrap();
    for part in [
        day,
        "key undelete",
        text(&shown, "/bindings/0"),
        "root rotate",
        text(&node.json(&["root", "list"]), "/roots/0/id"),
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    let scheduled = changes(&node).pop().unwrap();
    assert_eq!(scheduled["act"], "schedule-key-deletion");
    let now = {
        use ambient::Clock;
        ambient::SystemClock.now().as_micros()
    };
    let wait = scheduled["deletion"].as_u64().unwrap() - now;
    assert!((29 * DAY_MICROS..=30 * DAY_MICROS).contains(&wait), "{wait}");

    for (status, answer) in [encrypt(&access).await, decrypt(&access, &encrypted).await] {
        assert_eq!(
            (status, text(&answer, "/errorName")),
            (400, "InvalidStateException"),
            "{answer}"
        );
    }
    assert_eq!(key_status(&access).await, "DISABLED");
    for refused in [
        &["key", "enable", "key"][..],
        &["key", "disable", "key"],
        &["key", "rotate", "key"],
        &["key", "delete", "key", "--after", "8d"],
    ] {
        let (code, message) = refusal(&node, refused);
        assert_eq!(code, "conflict", "{refused:?}");
        assert!(message.contains("pending deletion"), "{message}");
    }
    assert!(human(&node, &["key", "list"]).contains("pending-deletion"));
    stop(server);

    let server = node.serve();
    access.address = server.address;
    assert_eq!(encrypt(&access).await.0, 400);
    assert_eq!(text(&node.json(&["key", "show", "key"]), "/deletion"), deletion);
    let kept = node.json(&["key", "undelete", "key"]);
    assert_eq!(
        (text(&kept, "/state"), &kept["deletion"]),
        ("disabled", &Value::Null)
    );
    assert_eq!(encrypt(&access).await.0, 400);
    node.json(&["key", "enable", "key"]);
    let (status, answer) = decrypt(&access, &encrypted).await;
    assert_eq!((status, text(&answer, "/plaintext")), (200, "SGVsbG8gV29ybGQh"));
    stop(server);
}

#[test]
fn what_a_virtual_hsm_cannot_do_and_what_fits_nobody_is_refused_with_the_reason() {
    let node = Node::new();
    let server = node.serve();
    node.populate(server.address);
    let (code, message) = refusal(&node, &["key", "adopt", "old", "--hsm", "hsm", "--label", "k"]);
    assert_eq!(code, "conflict");
    assert!(message.contains("no key objects"), "{message}");
    // The virtual HSM is called `hsm`, and is none.
    let (code, message) = refusal(&node, &["key", "create", "new", "--hsm", "hsm"]);
    assert_eq!(code, "invalid");
    assert!(message.contains("virtual-hsm"), "{message}");
    for wrong in [["--principal", "foo"], ["--kms-key", "1234abcd-12ab"]] {
        let bind = [&["key-store", "bind", "store", "key"][..], &wrong].concat();
        let (code, message) = refusal(&node, &bind);
        assert_eq!(code, "invalid");
        assert!(message.contains(wrong[1]), "{message}");
    }
    node.json(&[
        "key-store",
        "bind",
        "store",
        "key",
        "--principal",
        "ec2.amazonaws.com",
    ]);
    assert!(human(&node, &["key", "list"]).contains("KEY MANAGER"));
    stop(server);
}

#[test]
fn an_operator_deletes_nothing() {
    let node = Node::new();
    {
        let server = node.serve();
        node.populate(server.address);
    }
    node.configure(&node.config("operator", ""));
    let _server = node.serve();
    for refused in [
        &["key", "rotate", "key"][..],
        &["key", "delete", "key"],
        &["key", "undelete", "key"],
        &["key", "adopt", "old", "--hsm", "hsm", "--label", "k"],
    ] {
        assert_eq!(refusal(&node, refused).0, "not-permitted", "{refused:?}");
    }
    assert_eq!(text(&node.json(&["key", "show", "key"]), "/state"), "enabled");
}

/// A token with one key object that somebody else made.
fn with_an_old_key() -> (SoftwareHsm, Node) {
    let hsm = SoftwareHsm::new(Product::SoftHsm, &["one"]);
    let old = [
        "--keygen",
        "--key-type",
        "AES:32",
        "--label",
        "old",
        "--id",
        "0a0b",
        "--sensitive",
    ];
    hsm.pkcs11_tool("one", &old);
    let mut node = Node::new();
    node.set(hsm.environment());
    let patient = "deadlines.first_request = \"20s\"\ndeadlines.later_request = \"20s\"";
    let configuration = node.config("key-custodian", patient);
    let admin = node.config("admin", patient);
    node.configure(&admin);
    {
        let server = node.serve();
        node.populate(server.address);
        stop(server);
    }
    let section = section(&hsm, "luna", &["one"], "");
    node.configure(&format!("{configuration}{section}"));
    (hsm, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_an_hsm_are_rotated_adopted_deleted_and_kept() {
    let (hsm, node) = with_an_old_key();
    let server = node.serve();
    node.json(&["hsm", "create", "luna"]);
    let made = node.json(&["key", "create", "hard", "--hsm", "luna"]);
    assert_eq!(text(&made, "/key_manager_kind"), "hsm");
    let version = &made["versions"][0];
    assert_eq!(
        (text(version, "/algorithm"), text(version, "/framing")),
        ("AES-256-GCM", "spec")
    );
    // Its bytes never left the HSM, and are counted there.
    assert_eq!(version["fingerprint"], Value::Null);
    assert!(version["encryptions"].is_u64() && version["object"].is_string());
    let rotated = node.json(&["key", "rotate", "hard"]);
    assert_eq!(rotated["versions"].as_array().unwrap().len(), 2);
    assert_ne!(rotated["versions"][0]["tag"], version["tag"]);
    assert!(human(&node, &["key", "show", "hard"]).contains("% of 2^32"));

    // What is wrong about an order is said with what to do.
    let next = |arguments: &[&str]| {
        let arguments = node.arguments(arguments);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let error: Value = serde_json::from_str(&stderr(&arguments, 1)).unwrap();
        text(&error, "/next").to_owned()
    };
    assert!(next(&["key", "create", "k", "--hsm", "moon"]).contains("strongroom hsm create"));
    assert!(next(&["hsm", "create", "moon"]).contains("[[hsm]]"));
    assert!(next(&["hsm", "create", "luna"]).contains("made once"));
    assert!(next(&["key", "adopt", "k", "--hsm", "luna", "--label", "older"]).contains("hsm list --module"));

    let adopt = ["key", "adopt", "taken", "--hsm", "luna"];
    let (code, message) = refusal(&node, &[&adopt[..], &["--label", "older"]].concat());
    assert_eq!(code, "conflict");
    assert!(message.contains("no such key object"), "{message}");
    let taken = node.json(&[&adopt[..], &["--object-id", "0A0B", "--count-from", "7"]].concat());
    assert!(
        taken["versions"][0]["encryptions"].as_u64().unwrap() >= 7,
        "{taken}"
    );
    assert_eq!(text(&taken, "/state"), "enabled");
    let adopted = changes(&node)
        .into_iter()
        .rfind(|change| change["act"] == "adopt-key")
        .unwrap();
    assert_eq!(
        (text(&adopted, "/object_id"), text(&adopted, "/encrypt_with")),
        ("0a0b", "same-object")
    );

    let before = objects(&hsm, "one");
    let said = human(&node, &["key", "delete", "hard", "--after", "7d"]);
    assert!(
        said.contains("Backups of the HSM") && said.contains("bound to no key store"),
        "{said}"
    );
    let (code, _) = refusal(&node, &["key", "rotate", "hard"]);
    assert_eq!(code, "conflict");
    stop(server);
    // Nothing goes before its time.
    assert_eq!(objects(&hsm, "one"), before);
    let server = node.serve();
    let kept = node.json(&["key", "undelete", "hard"]);
    assert_eq!(text(&kept, "/state"), "disabled");
    assert_eq!(text(&node.json(&["key", "enable", "hard"]), "/state"), "enabled");
    stop(server);
}
