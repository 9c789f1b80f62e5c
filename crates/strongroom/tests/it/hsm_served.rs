//! Keys in an HSM, behind the whole server: made, bound, used, found again after a restart.

use http::StatusCode;
use rustix::process::Signal;
use testkit::hsm::{Product, SoftwareHsm};

use crate::support::hsm::{PATIENT, decrypt_body, section};
use crate::support::node::{Node, Running};
use crate::support::text;
use crate::support::xks::{Access, Connection, tls};

fn access(node: &Node, server: &Running, store: &serde_json::Value) -> Access {
    let (access_key_id, secret) = node.add_credential();
    Access {
        address: server.address,
        tls: tls(&node.ca.file, None),
        uri_path: text(store, "/uri_path").to_owned(),
        external_key_id: "external".to_owned(),
        access_key_id,
        secret,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_an_hsm_serves_kms_and_survives_a_restart() {
    for product in Product::ALL {
        let hsm = SoftwareHsm::new(product, &["one"]);
        let mut node = Node::new();
        node.set(hsm.environment());
        let more = "danger_allow_extractable = true\nsessions = 4";
        node.configure(&format!(
            "{}{}",
            node.config("admin", PATIENT),
            section(&hsm, "luna", &["one"], more)
        ));
        let mut server = node.serve();
        assert_eq!(text(&node.json(&["hsm", "create", "luna"]), "/kind"), "hsm");
        node.json(&["key", "create", "key", "--hsm", "luna"]);
        assert_eq!(node.json(&["vhsm", "list"]), serde_json::json!([]));
        let listed = node.json(&["hsm", "list"]);
        assert_eq!(listed[0]["keys"], 1);
        let status = node.json(&["status"]);
        let dangers = status["node"]["dangers"].to_string();
        assert!(
            dangers.contains("hsm luna: danger_allow_extractable"),
            "{dangers}"
        );

        let store = node.json(&["key-store", "create", "store"]);
        node.json(&[
            "key-store",
            "bind",
            "store",
            "key",
            "--external-key-id",
            "external",
        ]);
        let mut access = access(&node, &server, &store);
        let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
        let (code, encrypted) = connection.encrypt(&access, "request-1").await.unwrap();
        assert_eq!(code, StatusCode::OK, "{encrypted}");
        let body = decrypt_body(&encrypted, None);
        let decrypt = "keys/external/decrypt";
        let (code, opened) = connection.call(&access, decrypt, &body).await.unwrap();
        assert_eq!(
            (code, text(&opened, "/plaintext")),
            (StatusCode::OK, "SGVsbG8gV29ybGQh")
        );
        let health = serde_json::json!({ "requestMetadata": {
            "kmsRequestId": "request-2", "kmsOperation": "ConnectCustomKeyStore" } });
        let (code, health) = connection.call(&access, "health", &health).await.unwrap();
        assert_eq!(code, StatusCode::OK, "{health}");
        assert_eq!(
            text(&health, "/ekmFleetDetails/0/healthStatus"),
            "ACTIVE",
            "{health}"
        );

        server.process.signal(Signal::TERM);
        assert!(server.process.wait_for_end().success());
        let server = node.serve();
        access.address = server.address;
        let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
        let (code, opened) = connection.call(&access, decrypt, &body).await.unwrap();
        assert_eq!(
            (code, text(&opened, "/plaintext")),
            (StatusCode::OK, "SGVsbG8gV29ybGQh")
        );
        let mut tampered = body.clone();
        tampered["authenticationTag"] = "AAAAAAAAAAAAAAAAAAAAAA==".into();
        let (code, refused) = connection.call(&access, decrypt, &tampered).await.unwrap();
        assert_eq!(code, StatusCode::BAD_REQUEST);
        assert_eq!(text(&refused, "/errorName"), "InvalidCiphertextException");
    }
}

/// The configuration may name an HSM that nobody made a key manager of, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn an_hsm_that_is_not_configured_any_more_is_unavailable_and_stops_nothing() {
    let hsm = SoftwareHsm::new(Product::SoftHsm, &["one"]);
    let mut node = Node::new();
    node.set(hsm.environment());
    let plain = node.config("admin", "");
    node.configure(&format!("{plain}{}", section(&hsm, "luna", &["one"], "")));
    let mut server = node.serve();
    let unknown = crate::support::run(
        &node
            .arguments(&["hsm", "create", "saturn"])
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("[[hsm]]"));
    node.json(&["hsm", "create", "luna"]);
    server.process.signal(Signal::TERM);
    assert!(server.process.wait_for_end().success());

    node.configure(&plain);
    let _server = node.serve();
    let listed = node.json(&["hsm", "list"]);
    assert_eq!(text(&listed, "/0/name"), "luna");
    node.json(&["vhsm", "create", "soft"]);
    node.json(&["key", "create", "key", "--vhsm", "soft"]);
}
