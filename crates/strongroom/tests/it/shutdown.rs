//! An orderly end: requests under way are answered, nobody else is let in.

use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::support::node::Node;
use crate::support::xks::{Connection, connect, encrypt_bytes};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_half_sent_is_still_answered() {
    let node = Node::new();
    let mut server = node.serve();
    let access = node.populate(server.address);
    let mut stream = connect(server.address, &access.tls).await.unwrap();
    let (head, body) = encrypt_bytes(&access, "half");
    let (first, second) = body.split_at(body.len() / 2);
    // "100 Continue" says that the head has arrived and the body is being read.
    let head = String::from_utf8(head)
        .unwrap()
        .replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    read_until(&mut stream, &mut answer, b"HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(first).await.unwrap();

    server.process.signal(Signal::TERM);
    server.process.wait_for_log(|line| line.contains("stopping"));
    stream.write_all(second).await.unwrap();
    read_until(&mut stream, &mut answer, b"}").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.contains("HTTP/1.1 200 OK") && answer.contains("ciphertext"),
        "{answer}"
    );
    assert_eq!(server.process.wait_for_end().code(), Some(0));
}

async fn read_until(stream: &mut (impl AsyncRead + Unpin), answer: &mut Vec<u8>, end: &[u8]) {
    while !answer.ends_with(end) {
        let read = stream.read_buf(answer).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(answer));
    }
}

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
