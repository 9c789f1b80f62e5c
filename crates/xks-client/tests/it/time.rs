//! 250 ms a try, and one more try: under a paused clock, to the millisecond.

use std::sync::Arc;
use std::time::Duration;

use testkit::xks_proxy::Behaviour;
use xks_api::kms_exception::ProxyFailure;
use xks_client::{FaultSwitch, ProxyClient, Transport, TransportConfig};

use crate::kit::{World, credential, encrypt_request, endpoint, failed, key, timed_world, trusting};

fn attempts_ms(world: &World) -> Vec<u128> {
    world.proxy.attempts().iter().map(|at| at.as_millis()).collect()
}

#[tokio::test(start_paused = true)]
async fn xks_kms_03_a_stopped_proxy_is_tried_at_0_and_250_ms_and_given_up_at_500() {
    let world = timed_world();
    world.proxy.behave(Behaviour::Stopped);
    let failure = failed(world.encrypt().await);
    assert_eq!(failure.kind, ProxyFailure::TimedOut);
    assert_eq!(failure.attempts, 2);
    assert_eq!(failure.elapsed, Duration::from_millis(500));
    assert_eq!(attempts_ms(&world), [0, 250]);
    assert_eq!(world.elapsed_ms(), 500);

    // It works again when the proxy returns, and nobody did anything about it.
    world.proxy.behave(Behaviour::Works);
    let answer = world.encrypt().await.unwrap();
    assert_eq!(answer.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_stopped_between_two_requests_is_tried_again_on_a_new_connection() {
    let world = timed_world();
    world.encrypt().await.unwrap();
    let began = world.elapsed_ms();
    world.proxy.behave(Behaviour::Stopped);
    let failure = failed(world.encrypt().await);
    assert_eq!(failure.kind, ProxyFailure::TimedOut);
    assert_eq!(world.elapsed_ms() - began, 500);
    // The first try went over the connection that was there.
    assert_eq!(attempts_ms(&world), [began, began + 250]);
    world.proxy.behave(Behaviour::Works);
    world.encrypt().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_returns_in_time_answers_the_second_try() {
    let world = timed_world();
    world.proxy.behave(Behaviour::Silent);
    let proxy = world.proxy.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.behave(Behaviour::Works);
    });
    let answer = world.encrypt().await.unwrap();
    assert_eq!(answer.attempts, 2);
    assert_eq!(answer.elapsed, Duration::from_millis(250));
}

/// Where each kind of silence sits: no TCP is no connection, all else is a proxy that was too slow.
#[tokio::test(start_paused = true)]
async fn xks_kms_01_every_silence_is_given_up_after_250_ms_a_try() {
    for (behaviour, kind) in [
        (Behaviour::BlackHole, ProxyFailure::NoConnection),
        (Behaviour::Stopped, ProxyFailure::TimedOut),
        (Behaviour::Silent, ProxyFailure::TimedOut),
        (
            Behaviour::Stalls(b"HTTP/1.1 200 OK\r\n".to_vec()),
            ProxyFailure::TimedOut,
        ),
        (
            Behaviour::Stalls(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()),
            ProxyFailure::TimedOut,
        ),
    ] {
        let world = timed_world();
        world.proxy.behave(behaviour);
        let failure = failed(world.encrypt().await);
        assert_eq!(failure.kind, kind, "{failure}");
        assert_eq!(
            (failure.attempts, failure.elapsed.as_millis()),
            (2, 500),
            "{failure}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_not_repeated() {
    let world = timed_world();
    for behaviour in [
        Behaviour::Unreachable,
        Behaviour::NoTls,
        Behaviour::Closes,
        Behaviour::Status(503, Vec::new()),
        Behaviour::Answers(xks_api::ErrorName::DependencyTimeoutException),
    ] {
        world.proxy.behave(behaviour);
        let tried = world.proxy.attempts().len();
        let failure = failed(world.encrypt().await);
        assert_eq!(failure.attempts, 1, "{failure}");
        assert!(world.proxy.attempts().len() <= tried + 1, "{failure}");
    }
    assert_eq!(world.elapsed_ms(), 0);
}

/// Signed anew for each try: the date is part of the signature.
#[tokio::test(start_paused = true)]
async fn each_try_carries_its_own_date() {
    let world = timed_world();
    tokio::time::advance(Duration::from_millis(900)).await;
    world.proxy.behave(Behaviour::Silent);
    failed(world.encrypt().await);
    let dates: Vec<_> = world
        .proxy
        .seen()
        .iter()
        .map(|seen| seen.headers["x-amz-date"].clone())
        .collect();
    assert_eq!(dates.len(), 2);
    assert_ne!(dates[0], dates[1]);
}

/// For machines that cannot make AWS's time: the rest stays as it is.
#[tokio::test(start_paused = true)]
async fn another_deadline_holds_for_each_try() {
    let world = timed_world();
    let config = TransportConfig {
        deadline: Duration::from_secs(2),
        ..trusting(&world.proxy)
    };
    let network = Arc::new(world.proxy.clone());
    let transport = Transport::with_network(&config, world.clock.clone(), network).unwrap();
    let client = ProxyClient::new(&endpoint(), credential(), transport, FaultSwitch::default());
    world.proxy.behave(Behaviour::Silent);
    let failure = failed(client.encrypt(&key(), encrypt_request(b"inner")).await);
    assert_eq!((failure.attempts, failure.elapsed.as_millis()), (2, 4_000));
}
