//! A listener that asks for client certificates.

use crate::support::certificates::Ca;
use crate::support::node::Node;
use crate::support::xks::{Connection, tls};

const KMS: &str = "cks.kms.us-east-1.amazonaws.com";

#[tokio::test(flavor = "multi_thread")]
async fn xks_mtls_03_only_the_configured_client_gets_in() {
    let node = Node::new();
    let amazon = Ca::new(node.dir(), "amazon");
    let more = format!(
        "mtls.ca_files = [{:?}]\nmtls.common_names = [{KMS:?}]\n",
        amazon.file
    );
    node.configure(&node.config("admin", &more));
    let server = node.serve();
    let mut access = node.populate(server.address);

    let others = Ca::new(node.dir(), "others");
    let mine = amazon.issue(node.dir(), KMS);
    let wrong_name = amazon.issue(node.dir(), "cks.kms.eu-west-1.amazonaws.com");
    let good = tls(&node.ca.file, Some(&mine));
    let mut connection = Connection::open(server.address, &good).await.unwrap();
    let (status, answer) = connection.encrypt(&access, "mtls").await.unwrap();
    assert!(status.is_success(), "{answer}");

    let strange = others.issue(node.dir(), KMS);
    for refused in [None, Some(&wrong_name), Some(&strange)] {
        access.tls = tls(&node.ca.file, refused);
        // TLS 1.3 tells the client after its own handshake is done: at the first request at the latest.
        let answered = async {
            let mut connection = Connection::open(server.address, &access.tls).await?;
            connection.encrypt(&access, "refused").await
        };
        assert!(answered.await.is_err());
    }
}
