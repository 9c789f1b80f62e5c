//! Connections are used again, and a stale one never shows.

use std::time::Duration;

use testkit::xks_proxy::Behaviour;
use xks_api::kms_exception::ProxyFailure;

use crate::kit::{encrypt_request, key, timed_world, world};

#[tokio::test]
async fn one_connection_serves_requests_one_after_another() {
    let world = world();
    for _ in 0..20 {
        world.encrypt().await.unwrap();
    }
    assert_eq!(world.proxy.connections(), 1);
    // An error of the API does not end it.
    world
        .proxy
        .behave(Behaviour::Answers(xks_api::ErrorName::AccessDeniedException));
    world.kind().await;
    world.proxy.behave(Behaviour::Works);
    world.encrypt().await.unwrap();
    assert_eq!(world.proxy.connections(), 1);
}

#[tokio::test]
async fn requests_at_once_have_connections_of_their_own_and_leave_them() {
    let world = world();
    let all = (0..10).map(|_| world.encrypt());
    for answer in futures_util::future::join_all(all).await {
        answer.unwrap();
    }
    let opened = world.proxy.connections();
    assert!((2..=10).contains(&opened), "{opened}");
    let all = (0..10).map(|_| world.encrypt());
    for answer in futures_util::future::join_all(all).await {
        answer.unwrap();
    }
    assert_eq!(world.proxy.connections(), opened.max(10));
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_within_the_same_try() {
    let world = world();
    world.encrypt().await.unwrap();
    world.proxy.close_idle().await;
    let answer = world.encrypt().await.unwrap();
    assert_eq!(answer.attempts, 1);
    assert_eq!(world.proxy.connections(), 2);
}

/// The race that no look beforehand can win: the proxy closes as the request arrives. Here it reads
/// the request and hangs up, once.
#[tokio::test]
async fn a_connection_closed_on_the_request_is_replaced_too() {
    let world = world();
    world.encrypt().await.unwrap();
    world.proxy.behave(Behaviour::Closes);
    // The second connection is new, and hung up on as well: that one counts.
    assert_eq!(world.kind().await, ProxyFailure::NoConnection);
    assert_eq!(world.proxy.connections(), 2);
    assert_eq!(world.proxy.seen().len(), 3);
    world.proxy.behave(Behaviour::Works);
    world.encrypt().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_used_for_less_than_50_seconds() {
    let world = timed_world();
    world.encrypt().await.unwrap();
    tokio::time::advance(Duration::from_millis(49_999)).await;
    world.encrypt().await.unwrap();
    assert_eq!(world.proxy.connections(), 1);
    tokio::time::advance(Duration::from_secs(50)).await;
    world.encrypt().await.unwrap();
    assert_eq!(world.proxy.connections(), 2);
}

/// An answer that came too late must not be taken for the next one's.
#[tokio::test(start_paused = true)]
async fn a_connection_given_up_is_never_used_again() {
    let world = timed_world();
    world.encrypt().await.unwrap();
    world.proxy.behave(Behaviour::Silent);
    world.kind().await;
    world.proxy.behave(Behaviour::Works);
    world.encrypt().await.unwrap();
    let seen = world.proxy.seen();
    let connections: Vec<u64> = seen.iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 1, 2, 3]);
}

/// A path that swallows what is sent on old connections, as after a failover of a load balancer: one
/// request finds out for all.
#[tokio::test(start_paused = true)]
async fn connections_older_than_a_timeout_are_dropped_when_a_new_one_works() {
    let world = timed_world();
    let all = (0..5).map(|_| world.encrypt());
    futures_util::future::join_all(all).await;
    let opened = world.proxy.connections();
    assert!(opened > 1);
    world.proxy.behave(Behaviour::Silent);
    let proxy = world.proxy.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.behave(Behaviour::Works);
    });
    assert_eq!(world.encrypt().await.unwrap().attempts, 2);
    world.encrypt().await.unwrap();
    let last = world.proxy.seen().last().unwrap().connection;
    assert_eq!(last, opened + 1);
}

/// Callers are tasks of many threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_share_a_client() {
    let world = world();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = world.client.clone();
            tokio::spawn(async move { client.encrypt(&key(), encrypt_request(b"inner")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}
