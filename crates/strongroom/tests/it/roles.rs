//! Who may do what over the socket.

use serde_json::Value;

use crate::support::node::Node;
use crate::support::{stderr, text};

fn error_of(node: &Node, arguments: &[&str]) -> Value {
    let arguments = node.arguments(arguments);
    let errors = stderr(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    serde_json::from_str(&errors).unwrap()
}

#[test]
fn an_unmapped_uid_sees_a_reduced_status_only() {
    let node = Node::new();
    let stranger = rustix::process::geteuid().as_raw() + 1;
    node.configure(&node.config_of(
        &format!("uid = {stranger}\nname = \"somebody\"\nrole = \"admin\"\n"),
        "",
    ));
    let _server = node.serve();
    let status = node.json(&["status"]);
    let members: Vec<&String> = status.as_object().unwrap().keys().collect();
    assert_eq!(members, ["ready", "version"]);
    for refused in [
        &["key", "list"][..],
        &["key-store", "show", "store"],
        &["vhsm", "create", "hsm"],
        &["key-store", "block", "store", "--reason", "x"],
        &["recovery", "acknowledge"],
    ] {
        let error = error_of(&node, refused);
        assert_eq!(text(&error, "/error"), "unknown-actor", "{refused:?}");
        assert!(text(&error, "/next").contains("[[actors]]"));
    }
}

#[test]
fn an_auditor_reads_and_changes_nothing() {
    let node = Node::new();
    {
        let server = node.serve();
        node.populate(server.address);
    }
    node.configure(&node.config("auditor", ""));
    let _server = node.serve();
    assert_eq!(text(&node.json(&["status"]), "/actor"), "tester (auditor)");
    assert_eq!(
        text(&node.json(&["key-store", "show", "store"]), "/name"),
        "store"
    );
    for refused in [
        &["vhsm", "create", "two"][..],
        &["key", "disable", "key"],
        &["key-store", "block", "store", "--reason", "x"],
        &["credential", "add", "store"],
    ] {
        assert_eq!(
            text(&error_of(&node, refused), "/error"),
            "not-permitted",
            "{refused:?}"
        );
    }
    assert_eq!(text(&node.json(&["key", "show", "key"]), "/state"), "enabled");
}
