//! SIGHUP: certificates, limits and actors change under a running server, whole or not at all.

use std::fs;

use http::StatusCode;
use rustix::process::Signal;

use crate::support::certificates::Ca;
use crate::support::node::{Node, Running};
use crate::support::text;
use crate::support::xks::{Connection, tls};

fn reload(server: &Running, expected: &str) -> String {
    server.process.signal(Signal::HUP);
    let mut lines = server
        .process
        .wait_for_log(|line| line.contains("the configuration was"));
    let line = lines.pop().unwrap();
    assert!(line.contains(expected), "{line}");
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_whole_or_not_at_all() {
    let node = Node::new();
    let server = node.serve();
    let access = node.populate(server.address);
    let mut old = Connection::open(server.address, &access.tls).await.unwrap();

    // A new certificate from a new CA, and another role for us.
    let second = Ca::new(node.dir(), "second-ca");
    let pair = second.issue(node.dir(), "second");
    let replaced = fs::read(&node.server.certificate).unwrap();
    fs::copy(&pair.certificate, &node.server.certificate).unwrap();
    let line = {
        // The key does not fit yet: everything stays.
        node.configure(&node.config("auditor", ""));
        reload(&server, "not reloaded")
    };
    assert!(line.contains("private key"), "{line}");
    assert_eq!(text(&node.json(&["status"]), "/actor"), "tester (admin)");
    let still = Connection::open(server.address, &access.tls).await.unwrap();
    assert_eq!(still.server_certificate, old.server_certificate);

    fs::copy(&pair.key, &node.server.key).unwrap();
    reload(&server, "was reloaded");
    assert_eq!(text(&node.json(&["status"]), "/actor"), "tester (auditor)");
    let new = Connection::open(server.address, &tls(&second.file, None))
        .await
        .unwrap();
    assert_ne!(new.server_certificate, old.server_certificate);
    // Who was connected goes on undisturbed.
    assert!(old.encrypt(&access, "undisturbed").await.unwrap().0.is_success());
    assert_ne!(replaced, fs::read(&node.server.certificate).unwrap());

    // Host names: signed for another one, a request is refused from now on.
    node.configure(&node.config("auditor", "").replace(
        "[audit.limits]",
        "[proxy]\nhost_names = [\"xks.example.com\"]\n\n[audit.limits]",
    ));
    reload(&server, "was reloaded");
    assert_eq!(
        old.encrypt(&access, "other-host").await.unwrap().0,
        StatusCode::UNAUTHORIZED
    );
    node.configure(&node.config("auditor", ""));
    reload(&server, "was reloaded");
    assert_eq!(old.encrypt(&access, "any-host").await.unwrap().0, StatusCode::OK);

    // What only a restart changes is said, and nothing else of that file is taken over.
    let text_of = node.config("admin", "").replace(
        "[audit.limits]",
        "[store]\npath = \"/elsewhere.db\"\n\n[audit.limits]",
    );
    node.configure(&text_of);
    let line = reload(&server, "not reloaded");
    assert!(line.contains("[store]") && line.contains("restart"), "{line}");
    assert_eq!(text(&node.json(&["status"]), "/actor"), "tester (auditor)");

    // A file that does not parse.
    node.configure("data_dir = \"/x\"\nnonsense = 1\n");
    let line = reload(&server, "not reloaded");
    assert!(line.contains("line 2"), "{line}");
}
