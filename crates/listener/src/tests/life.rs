//! Accept errors, panics, shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ambient::SystemClock;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::kit::*;
use crate::accept::{Accept, Accepted};
use crate::*;

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn shutdown_answers_what_is_in_flight_and_closes_what_is_idle() {
    let served = serve(&loopback());
    let mut idle = served.connect().await;
    assert_eq!(ask(&mut idle, &post("/", "")).await.unwrap().status, 200);
    let mut fresh = served.connect().await;
    let mut busy = served.connect().await;
    busy.write_all(post("/wait", "").as_bytes()).await.unwrap();
    eventually(|| served.control.counters().requests == 2).await;
    eventually(|| served.control.counters().open == 3).await;

    let control = served.control.clone();
    let shutdown = tokio::spawn(async move { control.shutdown(LONG).await });
    assert!(closed(&mut idle).await);
    assert!(closed(&mut fresh).await);
    let address = served.control.local_addr().tcp().unwrap();
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "still accepting"
    );
    served.probe.release.notify_one();
    let answer = read_answer(&mut busy).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("connection: close"));
    let report = shutdown.await.unwrap();
    assert_eq!(
        report,
        ShutdownReport {
            finished: 3,
            aborted: 0
        }
    );
    assert_eq!(served.task.await.unwrap(), report);
    assert_eq!(served.control.shutdown(LONG).await, report);
}

#[tokio::test]
async fn shutdown_aborts_what_outlasts_the_grace_period() {
    let served = serve(&loopback());
    let mut stuck = served.connect().await;
    stuck.write_all(post("/wait", "").as_bytes()).await.unwrap();
    eventually(|| served.control.counters().requests == 1).await;
    let report = served.control.shutdown(Duration::from_millis(10)).await;
    assert_eq!(
        report,
        ShutdownReport {
            finished: 0,
            aborted: 1
        }
    );
    assert!(read_answer(&mut stuck).await.is_none());
    assert_eq!(served.control.counters().open, 0);
}

#[tokio::test]
async fn shutdown_over_http2_finishes_streams_and_takes_no_more() {
    let authority = Authority::new();
    let served = serve(&ListenerConfig {
        tls: Some(authority.server()),
        ..loopback()
    });
    let stream = served.connect_tls(authority.trusting(&["h2"])).await.unwrap();
    let mut client = http2(stream).await;
    let request = |path: &str| {
        http::Request::post(format!("https://xks.test{path}"))
            .body(Full::default())
            .unwrap()
    };
    let waiting = client.send_request(request("/wait"));
    eventually(|| served.control.counters().requests == 1).await;
    let control = served.control.clone();
    let shutdown = tokio::spawn(async move { control.shutdown(LONG).await });
    let address = served.control.local_addr().tcp().unwrap();
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    served.probe.release.notify_one();
    assert_eq!(waiting.await.unwrap().status(), 200);
    assert_eq!(
        shutdown.await.unwrap(),
        ShutdownReport {
            finished: 1,
            aborted: 0
        }
    );
}

#[tokio::test]
async fn half_open_handshakes_do_not_delay_shutdown() {
    let authority = Authority::new();
    let served = serve(&ListenerConfig {
        tls: Some(authority.server()),
        ..loopback()
    });
    let mut silent = served.connect().await;
    let mut begun = served.connect().await;
    begun.write_all(&[22, 3, 1]).await.unwrap();
    eventually(|| served.control.counters().open == 2).await;
    let report = served.control.shutdown(LONG).await;
    assert_eq!(report.finished, 2);
    assert!(closed(&mut silent).await && closed(&mut begun).await);
}

#[tokio::test]
async fn shutdown_of_a_listener_that_never_served_resolves() {
    let listener = Listener::bind(&loopback(), Arc::new(SystemClock)).unwrap();
    let control = listener.control();
    drop(listener);
    assert_eq!(control.shutdown(LONG).await, ShutdownReport::default());
}

#[tokio::test]
async fn a_panic_ends_its_connection_alone() {
    let served = serve(&loopback());
    let mut other = served.connect().await;
    assert_eq!(ask(&mut other, &post("/", "")).await.unwrap().status, 200);
    let mut unlucky = served.connect().await;
    assert!(ask(&mut unlucky, &post("/panic", "")).await.is_none());
    assert_eq!(ask(&mut other, &post("/", "")).await.unwrap().status, 200);
    let counters = served.control.counters();
    assert_eq!(counters.panics, 1);
    drop((other, unlucky));
    eventually(|| served.control.counters().open == 0).await;
}

/// Fails a number of times before each connection, as if the process were out of descriptors.
struct Exhausted {
    socket: TcpListener,
    failures: AtomicU32,
}

impl Accept for Exhausted {
    async fn accept(&self) -> std::io::Result<Accepted> {
        if self.failures.fetch_sub(1, Ordering::SeqCst) > 1 {
            const EMFILE: i32 = 24;
            return Err(std::io::Error::from_raw_os_error(EMFILE));
        }
        let (stream, peer) = self.socket.accept().await?;
        Ok(Accepted::Tcp(stream, peer))
    }
}

#[tokio::test]
async fn running_out_of_descriptors_does_not_end_the_accept_loop() {
    let control = Listener::bind(&loopback(), Arc::new(SystemClock))
        .unwrap()
        .control();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let exhausted = Exhausted {
        socket,
        failures: AtomicU32::new(4),
    };
    let (done, _) = watch::channel(None);
    let shared = control.clone();
    tokio::spawn(
        async move { Listener::serve_from(exhausted, shared, &done, Arc::<Probe>::default()).await },
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
    assert_eq!(control.counters().accept_errors, 3);
}

#[tokio::test]
async fn a_client_that_breaks_off_is_noticed() {
    let served = serve(&loopback());
    let mut stream = served.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nx")
        .await
        .unwrap();
    eventually(|| served.control.counters().requests == 1).await;
    drop(stream);
    eventually(|| served.control.counters().open == 0).await;
    assert!(served.control.counters().aborted >= 1);
}

#[tokio::test]
async fn counters_have_names() {
    let served = serve(&loopback());
    let mut stream = served.connect().await;
    ask(&mut stream, &post("/", "")).await.unwrap();
    let named: std::collections::HashMap<_, _> = served.control.counters().named().collect();
    assert_eq!((named["accepted"], named["requests"], named["open"]), (1, 1, 1));
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}
