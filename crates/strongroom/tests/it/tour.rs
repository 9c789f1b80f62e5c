//! From `init` to `audit verify`: every command once, and what it prints.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use http::StatusCode;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::node::Node;
use crate::support::xks::{Connection, tls};
use crate::support::{command, stderr, stdout, text};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The whole tour on one server: starting one is what takes the time.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_once() {
    let node = Node::new();
    let data = node.path("data").display().to_string();
    let human = |arguments: &[&str]| -> String {
        let all: Vec<&str> = ["--data-dir", &data]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        stdout(&all)
    };
    let mut server = node.serve();

    // What is not there yet says how to make it.
    for (list, next) in [
        ("vhsm", "vhsm create"),
        ("key", "key create"),
        ("key-store", "key-store create"),
    ] {
        assert!(human(&[list, "list"]).contains(next));
        assert_eq!(node.json(&[list, "list"]), Value::Array(vec![]));
    }

    let hsm = node.json(&["vhsm", "create", "hsm"]);
    assert_eq!(keys(&hsm), ["created", "id", "instances", "keys", "kind", "name"]);
    assert!(text(&hsm, "/id").starts_with("ekm-"));
    assert!(human(&["vhsm", "list"]).contains("hsm"));

    let key = node.json(&["key", "create", "key", "--vhsm", "hsm"]);
    let all = [
        "bindings",
        "created",
        "deletion",
        "id",
        "key_manager",
        "key_manager_kind",
        "key_manager_name",
        "name",
        "state",
        "usage",
        "versions",
    ];
    assert_eq!(keys(&key), all);
    assert_eq!(
        node.json(&["key", "show", "key"]).pointer("/id"),
        key.pointer("/id")
    );
    assert_eq!(
        text(&node.json(&["key", "list", "--vhsm", "hsm"]), "/0/name"),
        "key"
    );
    assert!(human(&["key", "show", text(&key, "/id")]).contains("encrypt,decrypt"));
    let once = node.json(&[
        "key",
        "create",
        "seal-only",
        "--vhsm",
        "hsm",
        "--usage",
        "encrypt",
    ]);
    assert_eq!(text(&once, "/usage"), "encrypt");

    let store = node.json(&["key-store", "create", "store", "--path-prefix", "/example"]);
    assert_eq!(text(&store, "/uri_path"), "/example/kms/xks/v1");
    let random = node.json(&["key-store", "create", "other", "--region", "us-east-1"]);
    assert!(text(&random, "/path_prefix").len() > 20 && text(&random, "/region") == "us-east-1");
    assert_eq!(node.json(&["key-store", "list"]).as_array().unwrap().len(), 2);
    let bound = node.json(&[
        "key-store",
        "bind",
        "store",
        "key",
        "--principal",
        "arn:aws:iam::111122223333:*",
    ]);
    let external = text(&bound, "/bindings/0/external_key_id").to_owned();
    assert_eq!(external.len(), 24);
    let shown = human(&["key-store", "show", "store"]);
    assert!(
        shown.contains(&external) && shown.contains("arn:aws:iam::111122223333:*"),
        "{shown}"
    );

    // A generated secret is shown once and never again.
    let issued = node.json(&["credential", "add", "store", "--expires", "90d"]);
    let secret = text(&issued, "/secret_access_key").to_owned();
    let listed = node.json(&["credential", "list", "store"]);
    assert_eq!(
        keys(&listed[0]),
        ["access_key_id", "created", "expires", "last_use", "retired"]
    );
    assert!(!listed.to_string().contains(&secret));
    assert!(!human(&["credential", "list", "store"]).contains(&secret));

    // The console's file, for its owner alone, instead of the screen.
    let file = node.path("console.json");
    let path = file.to_str().unwrap();
    let shown = human(&["credential", "add", "store", "--console-file", path]);
    let console: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(text(&console, "/XksProxyUriPath"), "/example/kms/xks/v1");
    assert!(!shown.contains(text(
        &console,
        "/XksProxyAuthenticationCredential/RawSecretAccessKey"
    )));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = [
        "--data-dir",
        &data,
        "credential",
        "add",
        "store",
        "--console-file",
        path,
    ];
    assert!(stderr(&again, 1).contains("exists"));

    // An imported secret comes from standard input, and is not shown.
    let imported = "b".repeat(43);
    let arguments = [
        "--data-dir",
        &data,
        "credential",
        "add",
        "store",
        "--access-key-id",
        "AAAAAAAAAAAAAAAAAAAA",
    ];
    let mut import = command(&arguments);
    import
        .args(["--secret-file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = import.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{imported}\n").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stdout).contains(&imported));

    // All three open the key store.
    let tls = tls(&node.ca.file, None);
    let mut access = crate::support::xks::Access {
        address: server.address,
        tls: tls.clone(),
        uri_path: "/example/kms/xks/v1".to_owned(),
        external_key_id: external.clone(),
        access_key_id: text(&issued, "/access_key_id").to_owned(),
        secret,
    };
    let mut connection = Connection::open(server.address, &tls).await.unwrap();
    assert_eq!(
        connection.encrypt(&access, "first").await.unwrap().0,
        StatusCode::OK
    );
    access.access_key_id = text(&console, "/XksProxyAuthenticationCredential/AccessKeyId").to_owned();
    access.secret = text(&console, "/XksProxyAuthenticationCredential/RawSecretAccessKey").to_owned();
    assert_eq!(
        connection.encrypt(&access, "second").await.unwrap().0,
        StatusCode::OK
    );
    (access.access_key_id, access.secret) = ("AAAAAAAAAAAAAAAAAAAA".to_owned(), imported);
    assert_eq!(
        connection.encrypt(&access, "third").await.unwrap().0,
        StatusCode::OK
    );

    // A switch is in force for the next answer.
    let expect = async |connection: &mut Connection, status: u16, name: &str| {
        let (got, answer) = connection.encrypt(&access, "switch").await.unwrap();
        let error = answer
            .pointer("/errorName")
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert_eq!((got.as_u16(), error), (status, name), "{answer}");
    };
    let blocked = node.json(&["key-store", "block", "store", "--reason", "drill"]);
    assert_eq!(text(&blocked, "/blocked"), "drill");
    expect(&mut connection, 400, "InvalidStateException").await;
    assert_eq!(
        node.json(&["key-store", "unblock", "store"]).pointer("/blocked"),
        Some(&Value::Null)
    );
    expect(&mut connection, 200, "").await;
    node.json(&[
        "key-store",
        "block",
        "store",
        "--external-key-id",
        &external,
        "--reason",
        "drill",
    ]);
    expect(&mut connection, 400, "InvalidStateException").await;
    node.json(&["key-store", "unblock", "store", "--external-key-id", &external]);
    assert_eq!(text(&node.json(&["key", "disable", "key"]), "/state"), "disabled");
    expect(&mut connection, 400, "InvalidStateException").await;
    assert_eq!(text(&node.json(&["key", "enable", "key"]), "/state"), "enabled");
    expect(&mut connection, 200, "").await;
    let retired = node.json(&["credential", "retire", "store", &access.access_key_id]);
    assert!(retired.pointer("/retired").unwrap().is_string());
    expect(&mut connection, 401, "AuthenticationFailedException").await;

    let status = node.json(&["status"]);
    assert_eq!(
        keys(&status),
        ["actor", "node", "ready", "seal", "version", "warden"]
    );
    assert_eq!(text(&status, "/actor"), "tester (admin)");
    assert_eq!(status.pointer("/warden/keys"), Some(&2.into()));
    assert_eq!(text(&status, "/seal/kind"), "key-file");
    assert_eq!(text(&status, "/seal/state"), "unsealed");
    assert!(human(&["status"]).contains("memory is kept from core dumps"));

    // Errors name the next step, in both forms.
    let errors = stderr(&["--data-dir", &data, "key", "show", "nothing"], 1);
    assert!(
        errors.contains("there is no key nothing") && errors.contains("next: `strongroom key list`"),
        "{errors}"
    );
    let errors = stderr(
        &["--json", "--data-dir", &data, "key-store", "create", "store"],
        1,
    );
    let error: Value = serde_json::from_str(&errors).unwrap();
    assert_eq!(
        (text(&error, "/error"), text(&error, "/next")),
        ("exists", "choose another name")
    );
    let errors = stderr(&["--json", "--data-dir", &data, "key", "show", "a/b"], 2);
    assert!(errors.contains("usage"), "{errors}");
    let errors = stderr(&["--data-dir", &data, "recovery", "acknowledge"], 1);
    assert!(errors.contains("there is no recovery to acknowledge"), "{errors}");

    // The log has it all, while the server runs and after.
    let verified = node.json(&["audit", "verify"]);
    assert_eq!(
        keys(&verified),
        [
            "head",
            "in_use",
            "records",
            "segments",
            "unfinished_batch",
            "verified"
        ]
    );
    assert_eq!(verified.pointer("/in_use"), Some(&Value::Bool(true)));
    let tail = stdout(
        &node
            .arguments(&["audit", "tail", "-n", "1000"])
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let records: Vec<Value> = tail
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let uses = |id: &str| {
        records
            .iter()
            .filter(|r| r.pointer("/record/request_id") == Some(&id.into()))
            .count()
    };
    assert_eq!((uses("first"), uses("second"), uses("third")), (1, 1, 1));
    let head = text(&verified, "/head").to_owned();

    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait_for_end().code(), Some(0));
    assert!(human(&["audit", "verify", "--head", &head]).contains("verified: "));
    let other = format!("{}:{}", head.split(':').next().unwrap(), "0".repeat(64));
    assert!(stderr(&["--data-dir", &data, "audit", "verify", "--head", &other], 1).contains("expected head"));

    // With nobody there, the exit code says so.
    let errors = stderr(&["--data-dir", &data, "status"], 3);
    assert!(errors.contains("strongroom serve"), "{errors}");
}

#[test]
fn init_overwrites_nothing() {
    let node = Node::new();
    let config = node.path("config.toml");
    let before = fs::read(node.path("data/seal.key")).unwrap();
    let errors = stderr(&["init", "--config", config.to_str().unwrap()], 1);
    assert!(errors.contains("exists already"), "{errors}");
    assert_eq!(before, fs::read(node.path("data/seal.key")).unwrap());
    let mode = fs::metadata(node.path("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn one_data_directory_has_one_server() {
    let node = Node::new();
    let _first = node.serve();
    let config = node.path("config.toml");
    let errors = stderr(&["serve", "--config", config.to_str().unwrap()], 1);
    assert!(errors.contains("another server"), "{errors}");
}

#[test]
fn a_server_without_its_store_does_not_come_up_empty() {
    let node = Node::new();
    for file in ["store.db", "seal.key"] {
        let (path, aside) = (node.path("data").join(file), node.path("aside"));
        fs::rename(&path, &aside).unwrap();
        let config = node.path("config.toml");
        let errors = stderr(&["serve", "--config", config.to_str().unwrap()], 1);
        assert!(errors.contains(file) && errors.contains("backup"), "{errors}");
        fs::rename(&aside, &path).unwrap();
    }
}
