//! Credentials come and go under load, and no request is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::StatusCode;
use tokio::sync::{Notify, RwLock};

use crate::support::node::Node;
use crate::support::xks::{Access, Connection};

/// What the clients share.
struct Load {
    access: RwLock<Access>,
    answered: AtomicU64,
    progress: Notify,
    stop: AtomicBool,
}

impl Load {
    /// Sends until told to stop; every answer must be a success.
    async fn run(self: Arc<Self>, client: usize) {
        let access = self.access.read().await.clone();
        let mut connection = Connection::open(access.address, &access.tls).await.unwrap();
        let mut number = 0;
        while !self.stop.load(Ordering::SeqCst) {
            // Held while the answer is awaited: nobody retires a credential that is being used.
            let access = self.access.read().await;
            let (status, answer) = connection
                .encrypt(&access, &format!("{client}-{number}"))
                .await
                .unwrap();
            assert_eq!(status, StatusCode::OK, "{answer}");
            number += 1;
            self.answered.fetch_add(1, Ordering::SeqCst);
            self.progress.notify_one();
        }
    }

    async fn wait_for_more(&self, more: u64) {
        let goal = self.answered.load(Ordering::SeqCst) + more;
        while self.answered.load(Ordering::SeqCst) < goal {
            self.progress.notified().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn xks_cred_07_credentials_rotate_without_a_dropped_request() {
    let node = Arc::new(Node::new());
    let server = node.serve();
    let access = node.populate(server.address);
    let load = Arc::new(Load {
        access: RwLock::new(access),
        answered: AtomicU64::new(0),
        progress: Notify::new(),
        stop: AtomicBool::new(false),
    });
    let clients: Vec<_> = (0..8)
        .map(|client| tokio::spawn(Arc::clone(&load).run(client)))
        .collect();
    for _ in 0..5 {
        load.wait_for_more(20).await;
        let adding = Arc::clone(&node);
        let (id, secret) = tokio::task::spawn_blocking(move || adding.add_credential())
            .await
            .unwrap();
        // Both are good; the clients move over while they send.
        load.wait_for_more(20).await;
        let old = {
            let mut access = load.access.write().await;
            access.secret = secret;
            std::mem::replace(&mut access.access_key_id, id)
        };
        load.wait_for_more(20).await;
        let retiring = Arc::clone(&node);
        let retire = move || retiring.json(&["credential", "retire", "store", &old]);
        tokio::task::spawn_blocking(retire).await.unwrap();
    }
    load.wait_for_more(20).await;
    load.stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
}
