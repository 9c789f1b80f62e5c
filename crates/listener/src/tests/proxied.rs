//! PROXY protocol version 2 on real sockets.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::kit::*;
use crate::*;

/// From 203.0.113.7:4660 to 198.51.100.1:443.
fn header() -> Vec<u8> {
    let mut bytes = proxy_protocol::SIGNATURE.to_vec();
    bytes.extend([
        0x21, 0x11, 0, 12, 203, 0, 113, 7, 198, 51, 100, 1, 0x12, 0x34, 1, 0xbb,
    ]);
    bytes
}

fn trusting(network: &str) -> ListenerConfig {
    ListenerConfig {
        proxy_protocol: Some(ProxyProtocolConfig {
            trusted: vec![network.parse().unwrap()],
        }),
        ..loopback()
    }
}

async fn ask_with_header(stream: &mut TcpStream, header: &[u8]) -> Option<Answer> {
    stream.write_all(header).await.unwrap();
    ask(stream, &post("/", "")).await
}

#[tokio::test]
async fn a_trusted_load_balancer_tells_the_clients_address() {
    let served = serve(&trusting("127.0.0.0/8"));
    let mut stream = served.connect().await;
    let own = stream.local_addr().unwrap();
    let answer = ask_with_header(&mut stream, &header()).await.unwrap();
    let expected = format!("peer=Tcp {{ address: 203.0.113.7:4660, via: Some({own}) }}");
    assert!(answer.body.contains(&expected), "{}", answer.body);
}

#[tokio::test]
async fn a_header_that_comes_byte_by_byte_is_the_same() {
    let served = serve(&trusting("127.0.0.1"));
    let mut stream = served.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in header() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    assert!(answer.body.contains("address: 203.0.113.7:4660"));
}

#[tokio::test]
async fn its_own_health_checks_keep_its_own_address() {
    let served = serve(&trusting("127.0.0.0/8"));
    let mut stream = served.connect().await;
    let own = stream.local_addr().unwrap();
    let mut local = header();
    local[12] = 0x20;
    let answer = ask_with_header(&mut stream, &local).await.unwrap();
    let expected = format!("peer=Tcp {{ address: {own}, via: None }}");
    assert!(answer.body.contains(&expected), "{}", answer.body);
}

#[tokio::test]
async fn a_trusted_address_without_a_header_is_refused() {
    let served = serve(&trusting("127.0.0.0/8"));
    let mut stream = served.connect().await;
    assert!(ask(&mut stream, &post("/", "")).await.is_none());
    let mut cut = served.connect().await;
    cut.write_all(&header()[..20]).await.unwrap();
    cut.shutdown().await.unwrap();
    assert!(closed(&mut cut).await);
    eventually(|| served.control.counters().proxy_header_malformed == 2).await;
    assert_eq!(served.control.counters().requests, 0);
}

#[tokio::test]
async fn an_untrusted_address_with_a_header_is_refused() {
    for config in [trusting("10.0.0.0/8"), loopback()] {
        let served = serve(&config);
        let mut stream = served.connect().await;
        let answer = ask_with_header(&mut stream, &header()).await;
        assert!(answer.is_none_or(|answer| answer.status == 400));
        assert_eq!(served.control.counters().requests, 0);
        // Without one it is served under its own address.
        let mut stream = served.connect().await;
        let own = stream.local_addr().unwrap();
        let answer = ask(&mut stream, &post("/", "")).await.unwrap();
        assert!(answer.body.contains(&format!("address: {own}, via: None")));
    }
}

#[tokio::test]
async fn the_header_is_limited_in_time() {
    let mut config = trusting("127.0.0.0/8");
    config.limits.handshake = std::time::Duration::from_millis(20);
    let served = serve(&config);
    let mut stream = served.connect().await;
    stream.write_all(&header()[..13]).await.unwrap();
    assert!(closed(&mut stream).await);
    assert_eq!(served.control.counters().timeout_handshake, 1);
}

#[tokio::test]
async fn tls_follows_the_header() {
    let authority = Authority::new();
    let mut config = trusting("127.0.0.0/8");
    config.tls = Some(authority.server());
    let served = serve(&config);
    let mut stream = served.connect().await;
    stream.write_all(&header()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(authority.trusting(&[])));
    let name = rustls_pki_types::ServerName::try_from("xks.test").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    assert!(answer.body.contains("address: 203.0.113.7:4660"));
}

#[tokio::test]
async fn a_limit_per_address_counts_the_clients_address() {
    let mut config = trusting("127.0.0.0/8");
    config.limits.connections_per_address = Some(1);
    let served = serve(&config);
    let mut first = served.connect().await;
    assert!(ask_with_header(&mut first, &header()).await.is_some());
    let mut same = served.connect().await;
    same.write_all(&header()).await.unwrap();
    assert!(closed(&mut same).await);
    let mut other_address = header();
    other_address[19] = 8;
    let mut other = served.connect().await;
    assert!(ask_with_header(&mut other, &other_address).await.is_some());
    assert_eq!(served.control.counters().refused_per_address, 1);
}
