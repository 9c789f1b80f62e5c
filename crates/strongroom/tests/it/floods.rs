//! Clients that mean harm: connections that never finish what they began, bodies without end.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::support::node::{Node, Running};
use crate::support::xks::{Access, Connection, connect, encrypt_bytes};

/// Longer than anything takes here.
const LIMIT: Duration = Duration::from_secs(60);

/// A machine that is busy with a thousand handshakes, client's side included, may be slow; that is
/// not what these tests are about.
const NO_HURRY: &str = "deadlines.first_request = \"60s\"\ndeadlines.later_request = \"60s\"\n";

fn node() -> Node {
    let node = Node::new();
    node.configure(&node.config("admin", NO_HURRY));
    node
}

/// How a dribbler begins, and what it then adds byte by byte.
fn beginnings(access: &Access) -> [(Vec<u8>, u8); 2] {
    let (head, body) = encrypt_bytes(access, "never");
    let unfinished = head.strip_suffix(b"\r\n\r\n").unwrap().to_vec();
    let announced = String::from_utf8(head).unwrap();
    let announced = announced.replacen(
        &format!("Content-Length: {}", body.len()),
        "Content-Length: 40000",
        1,
    );
    [
        ([&unfinished[..], b"\r\nx: "].concat(), b'x'),
        ([announced.as_bytes(), b"{"].concat(), b' '),
    ]
}

/// Adds a byte now and then until the server ends the connection.
async fn dribble(mut stream: TlsStream<TcpStream>, beginning: Vec<u8>, byte: u8) {
    let mut space = [0; 1024];
    if stream.write_all(&beginning).await.is_err() {
        return;
    }
    loop {
        match timeout(Duration::from_millis(250), stream.read(&mut space)).await {
            Ok(Ok(0) | Err(_)) => return,
            // A refusal; the end follows.
            Ok(Ok(_)) => {}
            Err(_elapsed) => {
                if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Encrypts from another address, on a connection kept and on fresh ones, until told to stop.
/// Returns how often it succeeded; fails at the first answer that is not 200.
async fn honest(access: Access, stop: Arc<AtomicBool>) -> u32 {
    let source = IpAddr::from(Ipv4Addr::new(127, 0, 0, 2));
    let mut kept = Connection::open_from(source, access.address, &access.tls)
        .await
        .unwrap();
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut fresh = Connection::open_from(source, access.address, &access.tls)
            .await
            .unwrap();
        for connection in [&mut kept, &mut fresh] {
            let (status, answer) = connection.encrypt(&access, "honest").await.unwrap();
            assert_eq!(status, StatusCode::OK, "{answer}");
            answered += 1;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_dribbling_connections_end_while_honest_requests_go_on() {
    let node = node();
    // Fewer than the connections: the server asks for what it needs.
    let server = node.serve_with_soft_limit_on_files(512);
    raise_own_limit_on_files();
    let access = node.populate(server.address);
    let before = server.process.peak_memory();
    let stop = Arc::new(AtomicBool::new(false));
    let honest = tokio::spawn(honest(access.clone(), Arc::clone(&stop)));

    let mut dribblers = JoinSet::new();
    let beginnings = beginnings(&access);
    for number in 0..1_000 {
        let (beginning, byte) = beginnings[number % 2].clone();
        let (address, tls) = (access.address, Arc::clone(&access.tls));
        dribblers.spawn(async move {
            let stream = connect(address, &tls).await.unwrap();
            dribble(stream, beginning, byte).await;
        });
    }
    let all = async {
        while let Some(ended) = dribblers.join_next().await {
            ended.unwrap();
        }
    };
    timeout(LIMIT, all)
        .await
        .expect("the limits end every dribbling connection");
    stop.store(true, Ordering::Relaxed);
    assert!(honest.await.unwrap() > 0);
    // Buffers of 1,000 connections, and what bodies may take together (`body_bytes_in_flight`).
    let grown = server.process.peak_memory() - before;
    assert!(grown < 1_000 * (96 << 10) + (32 << 20), "{grown} bytes more");
}

/// Sends a head and then body until the server has had enough; returns its answer.
async fn pour(server: &Running, access: &Access, head: &str, block: &[u8]) -> String {
    let stream = connect(server.address, &access.tls).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        let mut written = writer.write_all(head.as_bytes()).await;
        let mut left: usize = 1 << 30;
        while left > 0 && written.is_ok() {
            written = writer.write_all(block).await;
            left = left.saturating_sub(block.len());
        }
        assert!(written.is_err(), "the server took a whole gigabyte");
    };
    let mut answer = Vec::new();
    // However it ends, the answer comes before the end.
    let read = async { drop(reader.read_to_end(&mut answer).await) };
    timeout(LIMIT, async { tokio::join!(write, read) })
        .await
        .expect("the server ends the connection");
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_costs_no_more_memory_than_the_limit() {
    let node = node();
    let server = node.serve();
    let access = node.populate(server.address);
    // What the first request needs is not what is asked here.
    let mut connection = Connection::open(server.address, &access.tls).await.unwrap();
    assert_eq!(
        connection.encrypt(&access, "first").await.unwrap().0,
        StatusCode::OK
    );
    let before = server.process.peak_memory();

    let (head, body) = encrypt_bytes(&access, "large");
    let head = String::from_utf8(head).unwrap();
    let length = format!("Content-Length: {}\r\n", body.len());
    let block = vec![b' '; 1 << 16];
    let chunk = [b"10000\r\n", &block[..], b"\r\n"].concat();
    // Whether the signature is right is known behind the last byte only.
    let authorization = head
        .lines()
        .find(|line| line.starts_with("authorization: "))
        .unwrap();
    let unsigned = head.replacen(&format!("{authorization}\r\n"), "", 1);
    for head in [&head, &unsigned] {
        for (framing, block) in [
            ("Content-Length: 1073741824\r\n", &block),
            ("Transfer-Encoding: chunked\r\n", &chunk),
        ] {
            let head = head.replacen(&length, framing, 1);
            assert!(head.contains(framing), "{head}");
            let answer = pour(&server, &access, &head, block).await;
            assert!(
                answer.starts_with("HTTP/1.1 501 ") && answer.contains("UnsupportedOperationException"),
                "{framing}: {answer}"
            );
        }
    }
    let grown = server.process.peak_memory() - before;
    assert!(grown < 8 << 20, "{grown} bytes more");
    assert_eq!(
        connection.encrypt(&access, "last").await.unwrap().0,
        StatusCode::OK
    );
}

#[test]
fn the_limit_on_open_files_is_raised_as_far_as_allowed() {
    let node = node();
    let server = node.serve_with_soft_limit_on_files(256);
    let line = server.process.proc_line("limits", "Max open files");
    let mut values = line.split_whitespace();
    assert_eq!(values.next(), values.next(), "{line}");
}

/// The clients are in this process.
fn raise_own_limit_on_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}
