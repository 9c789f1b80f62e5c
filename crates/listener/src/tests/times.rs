//! Every time limit, under a paused clock: exact to the millisecond.

use std::time::Duration;

use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::kit::*;
use crate::connection::Protocol;
use crate::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn silence_ends_after_the_first_byte_limit() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    assert!(closed(&mut stream).await);
    assert_eq!(listener.now_ms(), 5_000);
    assert_eq!(listener.control.counters().timeout_first_byte, 1);
}

#[tokio::test(start_paused = true)]
async fn a_first_byte_just_in_time_is_enough() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    sleep(Duration::from_millis(4_999)).await;
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn dribbled_headers_end_after_the_headers_limit() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    sleep(2 * SECOND).await;
    let (mut read, mut write) = tokio::io::split(stream);
    let dribble = tokio::spawn(async move {
        for byte in post("/", "").into_bytes().into_iter().cycle() {
            if write.write_all(&[byte | 0x40]).await.is_err() {
                return;
            }
            sleep(SECOND / 10).await;
        }
    });
    assert!(closed(&mut read).await);
    assert_eq!(listener.now_ms(), 7_000, "five seconds after the first byte");
    assert_eq!(listener.control.counters().timeout_headers, 1);
    dribble.abort();
    stream = listener.connect();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn later_requests_have_the_same_headers_limit() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
    sleep(10 * SECOND).await;
    stream.write_all(b"P").await.unwrap();
    assert!(closed(&mut stream).await);
    assert_eq!(listener.now_ms(), 15_000);
    assert_eq!(listener.control.counters().timeout_headers, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dribbled_body_is_refused_after_the_body_limit() {
    let listener = InMemory::new(Limits::default());
    let stream = listener.connect();
    let (mut read, mut write) = tokio::io::split(stream);
    let dribble = tokio::spawn(async move {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 500\r\n\r\n";
        write.write_all(head.as_bytes()).await.unwrap();
        while write.write_all(b"x").await.is_ok() {
            sleep(SECOND / 10).await;
        }
    });
    let answer = read_answer(&mut read).await.unwrap();
    assert_eq!(listener.now_ms(), 5_000);
    assert_eq!(answer.status, 408);
    assert!(answer.head.contains("connection: close"));
    assert!(closed(&mut read).await);
    assert_eq!(listener.control.counters().timeout_body, 1);
    dribble.await.unwrap();
    let now = listener.now_ms();
    assert!((6_000..=6_100).contains(&now), "waited longer than linger: {now}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_after_the_idle_limit_and_not_before() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    for at in [0, 119_999, 239_998] {
        let answer = ask(&mut stream, &post("/", "")).await.unwrap();
        assert_eq!((answer.status, listener.now_ms()), (200, at));
        sleep(Duration::from_millis(119_999)).await;
    }
    assert!(closed(&mut stream).await);
    assert_eq!(listener.now_ms(), 239_998 + 120_000);
    let counters = listener.control.counters();
    assert_eq!((counters.timeout_idle, counters.timeout_headers), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answer_is_closed() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect_buffered(Protocol::Http1, 1_024);
    stream.write_all(post("/large", "").as_bytes()).await.unwrap();
    let counters = listener.control.clone();
    eventually(|| counters.counters().timeout_answer == 1).await;
    assert!((5_000..5_100).contains(&listener.now_ms()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_is_not_timed_out_by_the_connection() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    stream.write_all(post("/wait", "").as_bytes()).await.unwrap();
    sleep(600 * SECOND).await;
    listener.probe.release.notify_one();
    assert_eq!(read_answer(&mut stream).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn http2_is_closed_when_silent_and_when_idle() {
    let listener = InMemory::new(Limits::default());
    let mut silent = listener.connect_buffered(Protocol::Http2, 1 << 16);
    assert!(closed(&mut silent).await);
    assert_eq!(listener.now_ms(), 5_000);

    let mut client = listener.connect_http2().await;
    let request = || http::Request::post("http://a/").body(Full::default()).unwrap();
    client.send_request(request()).await.unwrap();
    sleep(119 * SECOND).await;
    client.send_request(request()).await.unwrap();
    eventually_closed(&mut client).await;
    assert_eq!(listener.now_ms() / 1_000, 5 + 119 + 120);
    assert_eq!(listener.control.counters().timeout_idle, 1);
}

async fn eventually_closed(client: &mut Http2) {
    while client.ready().await.is_ok() {
        sleep(SECOND / 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_http2_body_has_the_body_limit() {
    let listener = InMemory::new(Limits::default());
    let stream = listener.connect_buffered(Protocol::Http2, 1 << 16);
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://a/").body(Never).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!((response.status().as_u16(), listener.now_ms()), (408, 5_000));
}

#[tokio::test(start_paused = true)]
async fn http2_that_was_told_to_go_goes_even_if_the_client_never_confirms() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect_buffered(Protocol::Http2, 1 << 16);
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // HEADERS of stream 1, complete: POST, http, "/", authority "a"; a body that never comes.
    let headers = [0, 0, 6, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84, 0x01, 1, b'a'];
    let preface = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..];
    let bytes = [preface, &settings, &headers].concat();
    stream.write_all(&bytes).await.unwrap();
    // The body limit, GOAWAY and a PING that nobody answers.
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    assert_eq!(listener.now_ms(), 5_000 + 2 * 1_000);
}

/// A body that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_dribbling_connections_end_while_honest_requests_go_on() {
    let listener = InMemory::new(Limits::default());
    let mut dribblers = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let mut stream = listener.connect();
        dribblers.spawn(async move {
            let head: &[u8] = match number % 2 {
                0 => b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\n",
                _ => b"POST / HTTP/1.1\r\nx: ",
            };
            stream.write_all(head).await.unwrap();
            while stream.write_all(b"x").await.is_ok() {
                sleep(SECOND / 4).await;
            }
        });
    }
    let mut honest = listener.connect();
    for _ in 0..100 {
        assert_eq!(ask(&mut honest, &post("/", "honest")).await.unwrap().status, 200);
        sleep(SECOND / 10).await;
    }
    while dribblers.join_next().await.is_some() {}
    assert!(listener.now_ms() <= 10_500, "{}", listener.now_ms());
    let counters = listener.control.counters();
    assert_eq!((counters.timeout_body, counters.timeout_headers), (500, 500));
}

#[tokio::test(start_paused = true)]
async fn unread_input_is_discarded_up_to_a_bound() {
    let limits = Limits {
        linger_bytes: 4_096,
        ..Limits::default()
    };
    let listener = InMemory::new(limits);
    let stream = listener.connect_buffered(Protocol::Http1, 1_024);
    let (mut read, mut write) = tokio::io::split(stream);
    let writer = tokio::spawn(async move {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n";
        write.write_all(head.as_bytes()).await.unwrap();
        let mut sent = 0;
        while let Ok(count) = write.write(&[b'x'; 512]).await {
            sent += count;
        }
        sent
    });
    assert_eq!(read_answer(&mut read).await.unwrap().status, 501);
    let mut rest = Vec::new();
    drop(read.read_to_end(&mut rest).await);
    drop(read);
    let sent = writer.await.unwrap();
    assert!(sent <= 4_096 + 8_192 + 2 * 2_048, "discarded {sent}");
    assert_eq!(listener.now_ms(), 0);
}

#[tokio::test(start_paused = true)]
async fn http2_requests_that_were_reset_leave_no_connection_behind() {
    let listener = InMemory::new(Limits::default());
    let mut client = listener.connect_http2().await;
    let request = http::Request::post("http://a/wait")
        .body(Full::default())
        .unwrap();
    let waiting = tokio::spawn(client.send_request(request));
    eventually(|| listener.control.counters().requests == 1).await;
    // Reset by the client; the handler's future is dropped.
    waiting.abort();
    eventually_closed(&mut client).await;
    assert_eq!(listener.now_ms() / 1_000, 120);
    assert_eq!(listener.control.counters().timeout_idle, 1);
}
