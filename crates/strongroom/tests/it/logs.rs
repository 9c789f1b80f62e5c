//! What an operator reads: the request log on standard error, and the audit log as it grows.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::node::Node;
use crate::support::process::Process;
use crate::support::xks::Connection;
use crate::support::{command, text};

#[tokio::test(flavor = "multi_thread")]
async fn xks_log_01_each_request_has_one_json_line_and_one_record() {
    let node = Node::new();
    let mut server = node.serve();
    let access = node.populate(server.address);

    // A follower prints what is there, and every record from then on.
    let arguments = node.arguments(&["audit", "tail", "--follow", "-n", "1"]);
    let follower = Process::spawn(command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    follower.wait_for(|line| line.contains("add-credential") || line.contains("\"outcome\""));

    let mut connection = Connection::open(server.address, &access.tls).await.unwrap();
    let (status, answer) = connection.encrypt(&access, "log-01").await.unwrap();
    assert!(status.is_success(), "{answer}");
    let record = follower.wait_for(|line| line.contains("log-01")).pop().unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(text(&record, "/record/type"), "key-use");

    server.process.signal(Signal::TERM);
    let lines: Vec<Value> = server
        .process
        .wait_for_log(|line| line.contains("\"stopped\""))
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    assert!(server.process.wait_for_end().success());
    let of_request = |line: &&Value| line.pointer("/kmsRequestId") == Some(&"log-01".into());
    let requests: Vec<&Value> = lines.iter().filter(of_request).collect();
    let [request] = requests.as_slice() else {
        panic!("one line: {requests:?}");
    };
    for (name, value) in [
        ("operation", "Encrypt"),
        ("outcome", "success"),
        ("key_store", "store"),
        ("target", "xks"),
    ] {
        assert_eq!(text(request, &format!("/{name}")), value);
    }
    assert_eq!(text(request, "/record"), text(&record, "/id"));
}
