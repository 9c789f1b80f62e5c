//! `kill -9` at any instant under load: every answered request has its record, and the log
//! verifies. 20 rounds, or 200 with `STRONGROOM_FULL=1`.

use std::collections::HashSet;
use std::sync::Arc;

use audit::{Directory, Medium, Reader, VerifyOptions};
use rustix::process::Signal;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::node::Node;
use crate::support::xks::{Access, Connection};

const CLIENTS: usize = 8;

/// Sends until the connection breaks; reports each id that was answered with success.
async fn client(access: Access, round: usize, client: usize, answered: UnboundedSender<String>) {
    let Ok(mut connection) = Connection::open(access.address, &access.tls).await else {
        return;
    };
    for number in 0.. {
        let id = format!("{round}-{client}-{number}");
        match connection.encrypt(&access, &id).await {
            Ok((status, _)) if status.is_success() => drop(answered.send(id)),
            // Overload and missed deadlines are honest answers of a busy machine.
            Ok((status, answer)) => assert!(matches!(status.as_u16(), 429 | 503), "{answer}"),
            Err(_) => return,
        }
    }
}

async fn take(answered: &mut UnboundedReceiver<String>, ids: &mut HashSet<String>, most: usize) {
    for _ in 0..most {
        match answered.recv().await {
            Some(id) => assert!(ids.insert(id)),
            None => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_every_answer_has_its_record() {
    let full = std::env::var("STRONGROOM_FULL").is_ok_and(|full| full == "1");
    let rounds = if full { 200 } else { 20 };
    let node = Node::new();
    let mut access = {
        let server = node.serve();
        node.populate(server.address)
    };
    let mut ids = HashSet::new();
    for round in 0..rounds {
        let mut server = node.serve();
        access.address = server.address;
        let (sender, mut answered) = unbounded_channel();
        for number in 0..CLIENTS {
            tokio::spawn(client(access.clone(), round, number, sender.clone()));
        }
        drop(sender);
        // Another instant each time, from the very first answers on.
        take(&mut answered, &mut ids, 1 + round * 7 % 60).await;
        server.process.signal(Signal::KILL);
        take(&mut answered, &mut ids, usize::MAX).await;
        server.process.wait_for_end();
        check(&node, &ids);
    }
    // The next start finds everything, and cuts what nobody was told of.
    let mut server = node.serve();
    server.process.signal(Signal::TERM);
    assert!(server.process.wait_for_end().success());
    check(&node, &ids);
    let verified = node.json(&["audit", "verify"]);
    assert_eq!(verified.pointer("/verified"), Some(&Value::Bool(true)));
    assert_eq!(verified.pointer("/unfinished_batch"), Some(&Value::Bool(false)));
}

fn check(node: &Node, ids: &HashSet<String>) {
    let medium: Arc<dyn Medium> = Arc::new(Directory::open_existing(&node.path("data/audit")).unwrap());
    let options = VerifyOptions {
        accept_torn_tail: true,
        ..VerifyOptions::default()
    };
    audit::verify(&*medium, &options, &mut |_| {}).unwrap();
    let mut reader = Reader::open(medium, 0).unwrap();
    let mut recorded = HashSet::new();
    while let Some(record) = reader.next_record().unwrap() {
        let payload: Value = serde_json::from_slice(&record.payload).unwrap();
        if let Some(id) = payload.pointer("/request_id").and_then(Value::as_str) {
            recorded.insert(id.to_owned());
        }
    }
    let missing: Vec<_> = ids.difference(&recorded).collect();
    assert!(missing.is_empty(), "answered but not recorded: {missing:?}");
}
