//! Through a real listener: what only the wire shows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use listener::{Address, Bound, Control, Listener, ListenerConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{Request, World, encrypt_body, every_operation, health_body};
use crate::HealthEndpoints;

struct Served {
    world: World,
    address: SocketAddr,
    _control: Control,
}

async fn served() -> Served {
    let world = World::new().await;
    let (address, control) = serve(&world, "xks", Arc::clone(&world.proxy)).await;
    Served {
        world,
        address,
        _control: control,
    }
}

async fn serve<H: listener::Handler>(world: &World, name: &str, handler: Arc<H>) -> (SocketAddr, Control) {
    let config = ListenerConfig::new(name, Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))));
    let clock: Arc<dyn ambient::Clock> = world.clock.clone();
    let listener = Listener::bind(&config, clock).unwrap();
    let control = listener.control();
    let Bound::Tcp(address) = *control.local_addr() else {
        panic!("not TCP")
    };
    tokio::spawn(listener.serve(handler));
    (address, control)
}

/// The head and body of an answer, and whether the connection ended with it.
struct Answer {
    head: String,
    body: Vec<u8>,
    closed: bool,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends bytes as they are; reads one answer, then whether the connection ends.
async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Answer {
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    let head_end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "no answer");
    };
    let head = String::from_utf8(read[..head_end].to_vec())
        .unwrap()
        .to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let length: usize = length.parse().unwrap();
    while read.len() < head_end + length {
        assert_ne!(
            stream.read_buf(&mut read).await.unwrap(),
            0,
            "the answer broke off"
        );
    }
    let closed = head.contains("connection: close");
    Answer {
        body: read[head_end..head_end + length].to_vec(),
        head,
        closed,
    }
}

fn wire(request: &Request, length: Option<usize>) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    if let Some(length) = length {
        head += &format!("content-length: {length}\r\n");
    }
    (head + "\r\n").into_bytes()
}

fn whole(request: &Request) -> Vec<u8> {
    [wire(request, Some(request.body.len())), request.body.clone()].concat()
}

#[tokio::test]
async fn xks_gen_02_all_operations_work_over_http_1_1_on_one_connection() {
    let served = served().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for (path, body) in every_operation(&served.world).await {
        let answer = exchange(&mut stream, &whole(&served.world.request(path, &body))).await;
        assert_eq!(answer.status(), "200", "{path}");
        assert!(answer.head.contains("content-type: application/json\r\n"));
        assert!(!answer.closed);
    }
}

#[tokio::test]
async fn a_body_above_the_cap_is_501_by_its_length_before_it_is_sent() {
    let served = served().await;
    let cap = served.world.proxy.limits.max_body_bytes();
    for signed in [true, false] {
        let mut request = served
            .world
            .request("/keys/both/encrypt", &encrypt_body(b"x", None));
        if !signed {
            request.headers.remove("authorization");
        }
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        // Not one byte of the body is sent, and there is an answer.
        let answer = exchange(&mut stream, &wire(&request, Some(1 << 30))).await;
        assert_eq!((answer.status(), answer.closed), ("501", true));
        assert_eq!(answer.json()["errorName"], "UnsupportedOperationException");
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let answer = exchange(&mut stream, &wire(&request, Some(cap + 1))).await;
        assert_eq!((answer.status(), answer.closed), ("501", true));
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_read() {
    let served = served().await;
    let cap = served.world.proxy.limits.max_body_bytes();
    let mut request = served
        .world
        .request("/keys/both/encrypt", &encrypt_body(b"x", None));
    request.body.resize(cap, b' ');
    served.world.sign(&mut request);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(exchange(&mut stream, &whole(&request)).await.status(), "200");
    request.body.push(b' ');
    served.world.sign(&mut request);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(
        exchange(&mut stream, &wire(&request, Some(cap + 1)))
            .await
            .status(),
        "501"
    );
}

#[tokio::test]
async fn a_streamed_body_above_the_cap_is_501() {
    let served = served().await;
    let cap = served.world.proxy.limits.max_body_bytes();
    let mut request = served.world.request("/nowhere", &health_body());
    request
        .headers
        .insert("transfer-encoding", "chunked".parse().unwrap());
    let mut bytes = wire(&request, None);
    bytes.extend(format!("{:x}\r\n", cap + 1).into_bytes());
    bytes.extend(vec![b' '; cap + 1]);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let answer = exchange(&mut stream, &bytes).await;
    assert_eq!((answer.status(), answer.closed), ("501", true));
}

#[tokio::test]
async fn xks_lb_01_probes_are_answered_on_xks_listeners_and_on_their_own() {
    let served = served().await;
    let endpoints = Arc::new(HealthEndpoints::new(Arc::clone(&served.world.proxy)));
    let (own, _control) = serve(&served.world, "probes", endpoints).await;
    for (address, path, status, body) in [
        (served.address, "/healthz", "200", serde_json::json!({})),
        (
            served.address,
            "/readyz",
            "200",
            serde_json::json!({"ready": true}),
        ),
        (own, "/healthz", "200", serde_json::json!({})),
        (
            own,
            "/readyz",
            "200",
            serde_json::json!({"ready": true, "reasons": []}),
        ),
        (own, "/main/kms/xks/v1/health", "404", serde_json::json!({})),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = exchange(&mut stream, request.as_bytes()).await;
        assert_eq!((answer.status(), answer.json()), (status, body), "{path}");
    }
}

/// Who stops sending is let go; the handler is not reached again on that connection.
#[tokio::test]
async fn a_client_that_breaks_off_leaves_nothing_behind() {
    let served = served().await;
    let request = served
        .world
        .request("/keys/both/encrypt", &encrypt_body(b"x", None));
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(&wire(&request, Some(request.body.len())))
        .await
        .unwrap();
    stream.write_all(&request.body[..10]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(exchange(&mut stream, &whole(&request)).await.status(), "200");
}
