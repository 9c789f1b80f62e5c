//! Faults to order: what they look like, and that they end.

use std::time::Duration;

use ambient::Clock as _;
use xks_api::ErrorName;
use xks_api::kms_exception::ProxyFailure;
use xks_client::{Fault, OrderedFault, Origin};

use crate::kit::{decrypt_request, failed, key, timed_world, world};

fn lasting(fault: Fault) -> OrderedFault {
    OrderedFault { fault, until: None }
}

#[tokio::test]
async fn each_fault_is_the_failure_it_is_called() {
    let world = world();
    let encrypted = world.encrypt().await.unwrap().value;
    for (fault, kind) in [
        (Fault::Unreachable, ProxyFailure::NoConnection),
        (Fault::BadCertificate, ProxyFailure::NoTls),
        (
            Fault::Answers(ErrorName::ThrottlingException),
            ProxyFailure::Answered(ErrorName::ThrottlingException),
        ),
        (Fault::Malformed, ProxyFailure::MalformedResponse),
        // The CDIV tells.
        (Fault::Corrupted, ProxyFailure::MalformedResponse),
    ] {
        world.faults.order(lasting(fault));
        let failure = failed(world.encrypt().await);
        assert_eq!((failure.kind, failure.attempts), (kind, 1), "{fault:?}");
    }
    // A Decrypt has no CDIV: the bytes are wrong, and KMS's own layer will tell.
    world.faults.order(lasting(Fault::Corrupted));
    let decrypted = world.client.decrypt(&key(), &decrypt_request(&encrypted)).await;
    assert_ne!(decrypted.unwrap().value.plaintext.expose(), b"inner ciphertext");

    world.faults.order(lasting(Fault::KeyManagersUnavailable));
    world.encrypt().await.unwrap();
    let health = Origin::for_health("KmsHealthCheck", "id");
    let health = world.client.health(health).await.unwrap().value;
    assert!(health.fleet.all_unavailable());

    world.faults.clear();
    world.encrypt().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_proxy_is_waited_for_up_to_the_deadline() {
    let world = timed_world();
    world.encrypt().await.unwrap();
    world
        .faults
        .order(lasting(Fault::Slow(Duration::from_millis(249))));
    let answer = world.encrypt().await.unwrap();
    assert_eq!(answer.elapsed, Duration::from_millis(249));
    world
        .faults
        .order(lasting(Fault::Slow(Duration::from_millis(251))));
    let failure = failed(world.encrypt().await);
    assert_eq!(failure.kind, ProxyFailure::TimedOut);
    assert_eq!(
        (failure.attempts, failure.elapsed),
        (2, Duration::from_millis(500))
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_ends_by_itself() {
    let world = timed_world();
    let until = world.clock.moment().saturating_add(Duration::from_secs(10));
    world.faults.order(OrderedFault {
        fault: Fault::Unreachable,
        until: Some(until),
    });
    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert_eq!(world.kind().await, ProxyFailure::NoConnection);
    tokio::time::advance(Duration::from_millis(1)).await;
    world.encrypt().await.unwrap();
}
