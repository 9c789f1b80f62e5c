//! Every size and count, at the limit and one past it.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::io::AsyncWriteExt;

use super::kit::*;
use crate::connection::Protocol;
use crate::*;

/// A request whose head is `bytes` long on the wire.
fn head_of(bytes: usize) -> String {
    let start = "GET / HTTP/1.1\r\nhost: a\r\nx: ";
    let end = "\r\n\r\n";
    format!("{start}{}{end}", "v".repeat(bytes - start.len() - end.len()))
}

#[tokio::test(start_paused = true)]
async fn header_bytes_exactly() {
    for (split, limit) in [(false, 1_024), (true, 1_024), (false, 16_384), (true, 16_384)] {
        let listener = InMemory::new(Limits {
            header_bytes: limit,
            ..Limits::default()
        });
        for (len, status) in [(limit as usize, 200), (limit as usize + 1, 431)] {
            let mut stream = listener.connect();
            let head = head_of(len);
            let (first, rest) = head.split_at(if split { len - 1 } else { 0 });
            stream.write_all(first.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            assert_eq!(
                ask(&mut stream, rest).await.unwrap().status,
                status,
                "{len} {split}"
            );
            if status == 431 {
                assert!(closed(&mut stream).await);
                eventually(|| listener.control.counters().refused_header_bytes == 1).await;
            }
        }
    }
}

#[tokio::test]
async fn header_bytes_exactly_on_http2() {
    let listener = InMemory::new(Limits {
        header_bytes: 1_024,
        ..Limits::default()
    });
    // :method POST, :scheme http, :authority a, :path /, content-length 0, x
    let pseudo = (7 + 4) + (7 + 4) + (10 + 1) + (5 + 1) + 4 * 32;
    let length = 14 + 1 + 32;
    let own = 1 + 32;
    for (total, status) in [(1_024, 200), (1_025, 431)] {
        let mut client = listener.connect_http2().await;
        let request = http::Request::post("http://a/")
            .header("content-length", "0")
            .header("x", "v".repeat(total - pseudo - length - own))
            .body(Full::default())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn heads_under_way_on_one_http2_connection_exactly() {
    // Eight times 1,024 bytes are 16 heads of 512.
    let listener = InMemory::new(Limits {
        header_bytes: 1_024,
        ..Limits::default()
    });
    let client = listener.connect_http2().await;
    // Target and authority, four pseudo-header fields, content-length, x.
    let rest = (5 + 1) + 4 * 32 + (14 + 1 + 32) + (1 + 32);
    let send = || {
        let request = http::Request::post("http://a/wait")
            .header("content-length", "0")
            .header("x", "v".repeat(512 - rest))
            .body(Full::default())
            .unwrap();
        let mut client = client.clone();
        async move { client.send_request(request).await.unwrap().status() }
    };
    let mut waiting = tokio::task::JoinSet::new();
    for number in 1..=16 {
        waiting.spawn(send());
        eventually(|| listener.control.counters().requests == number).await;
    }
    // Refused, and the connection asked to end.
    let refused = tokio::time::timeout(std::time::Duration::from_secs(60), send());
    assert_eq!(refused.await.expect("refused at once"), 431);
    assert_eq!(listener.control.counters().refused_heads_in_flight, 1);
    // Another connection has bytes of its own, and those under way are answered.
    let mut other = listener.connect_http2().await;
    let request = http::Request::post("http://a/").body(Full::default()).unwrap();
    assert_eq!(other.send_request(request).await.unwrap().status(), 200);
    for _ in 0..16 {
        listener.probe.release.notify_one();
        assert_eq!(waiting.join_next().await.unwrap().unwrap(), 200);
    }
}

#[tokio::test]
async fn heads_of_answered_http2_requests_do_not_count() {
    let listener = InMemory::new(Limits {
        header_bytes: 1_024,
        ..Limits::default()
    });
    let mut client = listener.connect_http2().await;
    for _ in 0..40 {
        let request = http::Request::post("http://a/").header("x", "v".repeat(512));
        let request = request.body(Full::default()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        drop(response.into_body().collect().await.unwrap());
    }
}

#[tokio::test]
async fn http2_requests_under_way_exactly() {
    let listener = InMemory::new(Limits {
        http2_requests_in_flight: 3,
        ..Limits::default()
    });
    let (crowded, modest) = (listener.connect_http2().await, listener.connect_http2().await);
    let send = |client: &Http2| {
        let request = http::Request::post("http://a/wait")
            .body(Full::default())
            .unwrap();
        let mut client = client.clone();
        async move { client.send_request(request).await.map(|answer| answer.status()) }
    };
    let refused = async |client: &Http2| {
        let failed = send(client).await.unwrap_err();
        let cause = std::error::Error::source(&failed)
            .unwrap()
            .downcast_ref::<h2::Error>();
        assert_eq!(cause.unwrap().reason(), Some(h2::Reason::REFUSED_STREAM));
    };
    let control = &listener.control;
    let handled = |number| eventually(move || control.counters().requests == number);
    let counted = || control.inner.common.requests.load(Ordering::SeqCst);
    let mut waiting = tokio::task::JoinSet::new();
    // The first of a connection, and three more.
    for number in 1..=4 {
        waiting.spawn(send(&crowded));
        handled(number).await;
    }
    refused(&crowded).await;
    // Another connection has one of its own.
    waiting.spawn(send(&modest));
    handled(5).await;
    refused(&modest).await;
    assert_eq!(listener.control.counters().refused_requests_in_flight, 2);
    // Both connections go on, and what has ended makes room.
    listener.probe.release.notify_one();
    assert_eq!(waiting.join_next().await.unwrap().unwrap().unwrap(), 200);
    eventually(|| counted() < 3).await;
    waiting.spawn(send(&crowded));
    handled(6).await;
    for _ in 0..5 {
        listener.probe.release.notify_one();
        assert_eq!(waiting.join_next().await.unwrap().unwrap().unwrap(), 200);
    }
    eventually(|| counted() == 0).await;
}

#[tokio::test]
async fn header_count_exactly() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (count, status) in [(10, 200), (11, 431)] {
            let listener = InMemory::new(Limits {
                header_count: 10,
                ..Limits::default()
            });
            if protocol == Protocol::Http2 {
                let mut request = http::Request::post("http://a/").header("content-length", "0");
                for number in 1..count {
                    request = request.header(format!("x-{number}"), "1");
                }
                let mut client = listener.connect_http2().await;
                let response = client
                    .send_request(request.body(Full::default()).unwrap())
                    .await
                    .unwrap();
                assert_eq!(response.status(), status);
            } else {
                let fields = "x: 1\r\n".repeat(count);
                let mut stream = listener.connect();
                let answer = ask(&mut stream, &format!("GET / HTTP/1.1\r\n{fields}\r\n"))
                    .await
                    .unwrap();
                assert_eq!(answer.status, status);
                assert_eq!(answer.head.contains("connection: close"), status == 431);
            }
            let refused = listener.control.counters().refused_header_count;
            assert_eq!(refused, u64::from(status == 431));
        }
    }
}

#[tokio::test]
async fn more_fields_than_hyper_parses_are_refused_too() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    let fields = "x: 1\r\n".repeat(101);
    let answer = ask(&mut stream, &format!("GET / HTTP/1.1\r\n{fields}\r\n"))
        .await
        .unwrap();
    assert_eq!(answer.status, 431);
    assert!(closed(&mut stream).await);
}

#[tokio::test]
async fn target_bytes_exactly() {
    for (len, status) in [(2_048, 200), (2_049, 414)] {
        let listener = InMemory::new(Limits::default());
        let target = format!("/{}?q", "p".repeat(len - 3));
        let mut stream = listener.connect();
        let answer = ask(&mut stream, &format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await
            .unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.head.contains("connection: close"), status == 414);

        let mut client = listener.connect_http2().await;
        let request = http::Request::get(format!("http://a{target}"))
            .body(Full::default())
            .unwrap();
        assert_eq!(client.send_request(request).await.unwrap().status(), status);
        assert_eq!(
            listener.control.counters().refused_target,
            if status == 414 { 2 } else { 0 }
        );
    }
}

#[tokio::test]
async fn a_body_by_content_length_exactly() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    let answer = ask(&mut stream, &post("/", &"x".repeat(CAP))).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("body=1000 "));
    // One past: refused by its head alone, nothing of the body is sent.
    let head = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        CAP + 1
    );
    let answer = ask(&mut stream, &head).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (501, "too large"));
    assert!(answer.head.contains("connection: close"));
    stream.shutdown().await.unwrap();
    assert!(closed(&mut stream).await);
    assert_eq!(listener.control.counters().refused_body, 1);
}

#[tokio::test]
async fn no_body_is_invited_that_would_be_refused() {
    let listener = InMemory::new(Limits::default());
    let expecting = |len| format!("POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: {len}\r\n\r\n");
    let mut stream = listener.connect();
    assert_eq!(ask(&mut stream, &expecting(CAP + 1)).await.unwrap().status, 501);
    let mut stream = listener.connect();
    assert_eq!(ask(&mut stream, &expecting(CAP)).await.unwrap().status, 100);
    assert_eq!(ask(&mut stream, &"x".repeat(CAP)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_chunked_body_exactly() {
    for (sizes, status) in [
        (vec![CAP], 200),
        (vec![CAP + 1], 501),
        (vec![CAP - 1, 1], 200),
        (vec![CAP, 1], 501),
        (vec![1; CAP], 200),
    ] {
        let listener = InMemory::new(Limits::default());
        let mut stream = listener.connect();
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        for size in &sizes {
            let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(*size));
            stream.write_all(chunk.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        if status == 200 {
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
        // Beyond the cap the answer comes although the body has not ended.
        let answer = read_answer(&mut stream).await.unwrap();
        assert_eq!(answer.status, status, "{sizes:?}");
        assert_eq!(answer.head.contains("connection: close"), status == 501);
    }
}

#[tokio::test]
async fn an_http2_body_exactly() {
    for (sizes, status) in [
        (vec![CAP], 200),
        (vec![CAP, 1], 501),
        (vec![10; 100], 200),
        (vec![10; 101], 501),
    ] {
        let listener = InMemory::new(Limits::default());
        let stream = listener.connect_buffered(Protocol::Http2, 1 << 16);
        let executor = hyper_util::rt::TokioExecutor::new();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        let frames = sizes.iter().map(|size| {
            Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from(vec![b'x'; *size])))
        });
        let body = StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()));
        let request = http::Request::post("http://a/").body(body).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{sizes:?}");
        if status == 501 {
            // GOAWAY: this connection takes no further request.
            eventually(|| client.is_closed()).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_kept_of_a_body_beyond_the_cap() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n100000\r\n")
        .await
        .unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let flood = tokio::spawn(async move { while write.write_all(&[b'x'; 4_096]).await.is_ok() {} });
    assert_eq!(read_answer(&mut read).await.unwrap().status, 501);
    assert!(closed(&mut read).await);
    drop(read);
    flood.await.unwrap();
    assert_eq!(listener.control.inner.common.body_bytes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn body_bytes_in_flight_exactly() {
    // Each unfinished body that announces 900 bytes takes a buffer of 900: 72 fit into 65,536.
    let limits = Limits {
        body_bytes_in_flight: 65_536,
        ..Limits::default()
    };
    let listener = InMemory::new(limits);
    // 900 bytes more than a connection has of its own; all of that and one byte is here.
    let (announced, here) = (body::OWN_BYTES + 900, body::OWN_BYTES + 1);
    let start = |path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {announced}\r\n\r\n");
        head + &"x".repeat(here)
    };
    let rest = "x".repeat(announced - here);
    let mut held = Vec::new();
    for number in 1..=72 {
        let mut stream = listener.connect();
        stream.write_all(start("/upload").as_bytes()).await.unwrap();
        let reserved = || listener.control.inner.common.body_bytes.load(Ordering::SeqCst);
        eventually(|| reserved() == number * 900).await;
        held.push(stream);
    }
    let mut one_more = listener.connect();
    assert_eq!(ask(&mut one_more, &start("/upload")).await.unwrap().status, 429);
    assert_eq!(listener.control.counters().refused_body_in_flight, 1);
    // What a connection has of its own nobody can take.
    let mut usual = listener.connect();
    usual
        .write_all(b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 8192\r\n\r\nx")
        .await
        .unwrap();
    assert_eq!(ask(&mut usual, &"x".repeat(8_191)).await.unwrap().status, 200);
    // A finished body makes room.
    assert_eq!(ask(&mut held[0], &rest).await.unwrap().status, 200);
    let mut again = listener.connect();
    again.write_all(start("/upload").as_bytes()).await.unwrap();
    assert_eq!(ask(&mut again, &rest).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_announcement_alone_takes_nothing_from_others() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    stream
        .write_all(b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\nx")
        .await
        .unwrap();
    let connection = || listener.connections().into_iter().next();
    let own = || connection().map_or(0, |one| one.activity.own_body_bytes.load(Ordering::SeqCst));
    eventually(|| own() == body::OWN_BYTES).await;
    let shared = &listener.control.inner.common.body_bytes;
    assert_eq!(shared.load(Ordering::SeqCst), 0);
    // It is still read whole, and given back whole.
    assert_eq!(ask(&mut stream, &"x".repeat(59_999)).await.unwrap().status, 200);
    assert_eq!((own(), shared.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn connections_exactly() {
    let mut config = loopback();
    config.limits.connections = 2;
    let served = serve(&config);
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect().await;
        assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);
        open.push(stream);
    }
    let mut third = served.connect().await;
    assert!(closed(&mut third).await);
    assert_eq!(served.control.counters().refused_connections, 1);
    assert_eq!(ask(&mut open[0], &post("/", "")).await.unwrap().status, 200);
    open.clear();
    eventually(|| served.control.counters().open == 0).await;
    let mut fourth = served.connect().await;
    assert_eq!(ask(&mut fourth, &post("/", "")).await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_per_address_exactly_and_off_by_default() {
    let mut config = loopback();
    config.limits.connections_per_address = Some(1);
    let served = serve(&config);
    let mut first = served.connect().await;
    assert_eq!(ask(&mut first, &post("/", "")).await.unwrap().status, 200);
    let mut second = served.connect().await;
    assert!(closed(&mut second).await);
    assert_eq!(served.control.counters().refused_per_address, 1);
    drop(first);
    eventually(|| served.control.counters().open == 0).await;
    let mut third = served.connect().await;
    assert_eq!(ask(&mut third, &post("/", "")).await.unwrap().status, 200);
    assert_eq!(Limits::default().connections_per_address, None);
}

#[tokio::test]
async fn http2_streams_exactly() {
    let listener = InMemory::new(Limits {
        http2_streams: 3,
        ..Limits::default()
    });
    let client = listener.connect_http2().await;
    let wait = || {
        http::Request::post("http://a/wait")
            .body(Full::default())
            .unwrap()
    };
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut client = client.clone();
        waiting.spawn(async move { client.send_request(wait()).await.unwrap().status() });
    }
    eventually(|| listener.control.counters().requests == 3).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(listener.control.counters().requests, 3);
    listener.probe.release.notify_one();
    eventually(|| listener.control.counters().requests == 4).await;
    for _ in 0..3 {
        listener.probe.release.notify_one();
        assert_eq!(waiting.join_next().await.unwrap().unwrap(), 200);
    }
}

#[tokio::test]
async fn an_unread_body_ends_the_connection_and_no_body_does_not() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    let get = "GET /unread HTTP/1.1\r\nhost: a\r\n\r\n";
    assert!(
        !ask(&mut stream, get)
            .await
            .unwrap()
            .head
            .contains("connection: close")
    );
    let answer = ask(&mut stream, &post("/unread", "body")).await.unwrap();
    assert!(answer.head.contains("connection: close"));
    assert!(closed(&mut stream).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_is_answered_plainly_and_closed() {
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let listener = InMemory::new(Limits::default());
        let mut stream = listener.connect();
        let answer = ask(&mut stream, garbage).await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{garbage:?}");
        for line in answer.head.lines().skip(1).filter(|line| !line.is_empty()) {
            let known = ["connection: close", "content-length: 0", "date: "];
            assert!(known.iter().any(|start| line.starts_with(start)), "{line}");
        }
        assert!(closed(&mut stream).await);
        eventually(|| listener.control.counters().malformed == 1).await;
    }
}

#[tokio::test]
async fn an_answer_that_wipes_itself_arrives_whole() {
    let listener = InMemory::new(Limits::default());
    let mut stream = listener.connect();
    let answer = ask(&mut stream, &post("/secret", "")).await.unwrap();
    assert_eq!(answer.body.as_bytes(), [7; 100]);
    let mut client = listener.connect_http2().await;
    let request = http::Request::post("http://a/secret")
        .body(Full::default())
        .unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        vec![7; 100]
    );
}
