//! The deadline that each request carries, on a clock that moves only when told.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncWriteExt;

use super::kit::*;
use crate::activity::{BUSY, READING};
use crate::*;

fn setup() -> (InMemory, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let listener = InMemory::with_clock(Limits::default(), clock.clone());
    (listener, clock)
}

fn phase(connection: &Connection) -> u8 {
    connection.activity.phase.load(SeqCst)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[tokio::test]
async fn the_first_request_counts_from_accept_and_later_ones_from_their_first_byte() {
    let (listener, clock) = setup();
    clock.advance(millis(1_000));
    let mut stream = listener.connect();
    eventually(|| !listener.connections().is_empty()).await;
    clock.advance(millis(60));
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    assert!(
        answer.body.contains("first=true at_ms=1180 arrived_ms=1060"),
        "{}",
        answer.body
    );

    clock.advance(millis(5_000));
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    assert!(
        answer.body.contains("first=false at_ms=6260 arrived_ms=6060"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn time_runs_from_the_first_byte_not_from_the_last() {
    let (listener, clock) = setup();
    let mut stream = listener.connect();
    ask(&mut stream, &post("/", "")).await.unwrap();
    clock.advance(millis(1_000));
    stream.write_all(b"POST / HT").await.unwrap();
    let connection = listener.connections().remove(0);
    eventually(|| phase(&connection) == READING).await;
    clock.advance(millis(70));
    let answer = ask(&mut stream, "TP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    assert!(
        answer.body.contains("first=false at_ms=1200 arrived_ms=1000"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_connection_opened_ahead_of_need_is_judged_by_its_first_byte() {
    let (listener, clock) = setup();
    let mut stream = listener.connect();
    eventually(|| !listener.connections().is_empty()).await;
    clock.advance(millis(181));
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    assert!(
        answer.body.contains("first=false at_ms=381 arrived_ms=181"),
        "{}",
        answer.body
    );

    let mut stream = listener.connect();
    eventually(|| listener.connections().len() == 2).await;
    clock.advance(millis(180));
    let answer = ask(&mut stream, &post("/", "")).await.unwrap();
    assert!(
        answer.body.contains("first=true at_ms=361 arrived_ms=361"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn pipelined_requests_begin_where_the_answer_before_them_ended() {
    let (listener, clock) = setup();
    let mut stream = listener.connect();
    let both = post("/wait", "") + &post("/", "");
    stream.write_all(both.as_bytes()).await.unwrap();
    let connection = {
        eventually(|| !listener.connections().is_empty()).await;
        listener.connections().remove(0)
    };
    eventually(|| phase(&connection) == BUSY).await;
    clock.advance(millis(30));
    listener.probe.release.notify_one();
    assert!(
        read_answer(&mut stream)
            .await
            .unwrap()
            .body
            .contains("first=true at_ms=180")
    );
    let second = read_answer(&mut stream).await.unwrap();
    assert!(
        second.body.contains("first=false at_ms=230 arrived_ms=30"),
        "{}",
        second.body
    );
}

#[tokio::test]
async fn http2_requests_arrive_when_their_head_is_complete() {
    let (listener, clock) = setup();
    let mut client = listener.connect_http2().await;
    for expected in [
        "first=true at_ms=180 arrived_ms=0",
        "first=false at_ms=300 arrived_ms=100",
    ] {
        let request = http::Request::post("http://a/").body(Full::default()).unwrap();
        let response = client.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains(expected), "{text}");
        clock.advance(millis(100));
    }
}

#[test]
fn remaining_time_ends_at_zero() {
    let at = ambient::Moment::from_nanos(1_000);
    let deadline = Deadline {
        at,
        first: true,
        arrived: at,
    };
    assert_eq!(
        deadline.remaining(ambient::Moment::from_nanos(400)),
        Duration::from_nanos(600)
    );
    assert_eq!(
        deadline.remaining(ambient::Moment::from_nanos(1_000)),
        Duration::ZERO
    );
    assert_eq!(
        deadline.remaining(ambient::Moment::from_nanos(2_000)),
        Duration::ZERO
    );
}
