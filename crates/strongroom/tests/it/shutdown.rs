//! An orderly end: requests under way are answered, nobody else is let in.

use rustix::process::Signal;

use crate::support::node::Node;
use crate::support::xks::Connection;

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let node = Node::new();
        let mut server = node.serve();
        let access = node.populate(server.address);
        let mut connections = Vec::new();
        for _ in 0..8 {
            connections.push(Connection::open(server.address, &access.tls).await.unwrap());
        }
        // Each connection answers one request, so that it is known to the server.
        for connection in &mut connections {
            assert!(
                connection
                    .encrypt(&access, "before")
                    .await
                    .unwrap()
                    .0
                    .is_success()
            );
        }
        server.process.signal(signal);
        // From now on a request is answered in full or its connection is closed; never half.
        let mut answers = Vec::new();
        for (number, mut connection) in connections.into_iter().enumerate() {
            let id = format!("late-{number}");
            if let Ok((status, answer)) = connection.encrypt(&access, &id).await {
                answers.push((id, status, answer));
            }
        }
        assert_eq!(server.process.wait_for_end().code(), Some(0));
        assert!(!node.path("data/admin.sock").exists());
        for (id, status, answer) in answers {
            assert!(status.is_success(), "{id}: {answer}");
        }
        assert!(Connection::open(access.address, &access.tls).await.is_err());
        let verified = node.json(&["audit", "verify"]);
        assert_eq!(verified.pointer("/unfinished_batch"), Some(&false.into()));
    }
}
