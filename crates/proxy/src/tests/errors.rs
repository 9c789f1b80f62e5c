//! Every error of the API, how it comes about, and what its body says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ambient::SystemRandom;
use bytes::Bytes;
use key_manager::KeyState;
use listener::BodyError;

use super::faulty::Mode;
use super::world::{PRINCIPAL, Reply, World, admin, encrypt_body, health_body, metadata_body, patient};
use crate::{Proxy, Settings};

/// Every error that the proxy can be brought to, with a word on how.
pub(super) async fn all(world: &World) -> Vec<(&'static str, &'static str, Reply)> {
    let encrypt = encrypt_body(b"x", None);
    let good = world.encrypt(b"x", None).await;
    let mut bad = good.clone();
    bad.tag[0] ^= 1;
    let mut stranger = encrypt.clone();
    stranger["requestMetadata"]["awsPrincipalArn"] = "arn:aws:iam::999999999999:user/Mallory".into();
    let mut unsigned = world.request("/health", &health_body());
    unsigned.headers.remove("authorization");
    let mut late = world.request("/keys/both/encrypt", &encrypt);
    late.time = Duration::ZERO;
    let huge = encrypt_body(&[0; 8193], None);
    let huge_body = world.request("/keys/both/encrypt", &encrypt);

    let mut all = vec![
        (
            "ValidationException",
            "an empty request",
            world.ask("/keys/both/encrypt", &serde_json::json!({})).await,
        ),
        (
            "InvalidCiphertextException",
            "a wrong tag",
            world.decrypt(&bad).await,
        ),
        (
            "InvalidKeyUsageException",
            "encrypt with a decrypt-only key",
            world.ask("/keys/decrypt/encrypt", &encrypt).await,
        ),
        (
            "InvalidKeyUsageException",
            "decrypt with an encrypt-only key",
            world.ask("/keys/encrypt/decrypt", &good.body()).await,
        ),
        (
            "InvalidKeyUsageException",
            "a key without usage",
            world.ask("/keys/none/encrypt", &encrypt).await,
        ),
        (
            "AuthenticationFailedException",
            "no signature",
            world.send(&unsigned).await,
        ),
        (
            "AccessDeniedException",
            "another principal",
            world.ask("/keys/restricted/encrypt", &stranger).await,
        ),
        (
            "KeyNotFoundException",
            "an unknown key",
            world.ask("/keys/nobody/encrypt", &encrypt).await,
        ),
        (
            "KeyNotFoundException",
            "an unknown key",
            world.ask("/keys/nobody/decrypt", &good.body()).await,
        ),
        (
            "KeyNotFoundException",
            "an unknown key",
            world.ask("/keys/nobody/metadata", &metadata_body()).await,
        ),
        (
            "InvalidUriPathException",
            "another path",
            world.ask("/key/both/encrypt", &encrypt).await,
        ),
        ("ThrottlingException", "no time left", world.send(&late).await),
        (
            "ThrottlingException",
            "too many bodies",
            world.send_body(&huge_body, Err(BodyError::Overloaded)).await,
        ),
        (
            "UnsupportedOperationException",
            "a large plaintext",
            world.ask("/keys/both/encrypt", &huge).await,
        ),
        (
            "UnsupportedOperationException",
            "a large body",
            world.send_body(&huge_body, Err(BodyError::TooLarge)).await,
        ),
    ];

    world.set_key_state("both", KeyState::Disabled).await;
    all.push((
        "InvalidStateException",
        "a disabled key",
        world.ask("/keys/both/encrypt", &encrypt).await,
    ));
    all.push((
        "InvalidStateException",
        "a disabled key",
        world.decrypt(&good).await,
    ));
    let (by, week) = (admin(), Duration::from_hours(7 * 24));
    let schedule = world.warden.schedule_key_deletion(&by, "both", week);
    schedule.await.unwrap();
    for reply in [
        world.ask("/keys/both/encrypt", &encrypt).await,
        world.decrypt(&good).await,
    ] {
        all.push(("InvalidStateException", "a key pending deletion", reply));
    }
    world.warden.cancel_key_deletion(&by, "both").await.unwrap();
    world.set_key_state("both", KeyState::Enabled).await;
    for external_key in [Some("both"), None] {
        world
            .warden
            .block(&admin(), "main", external_key, "incident 7")
            .await
            .unwrap();
        all.push((
            "InvalidStateException",
            "a block",
            world.ask("/keys/both/encrypt", &encrypt).await,
        ));
        all.push(("InvalidStateException", "a block", world.decrypt(&good).await));
        all.push((
            "InvalidStateException",
            "a block",
            world.ask("/keys/both/metadata", &metadata_body()).await,
        ));
        if external_key.is_none() {
            all.push((
                "InvalidStateException",
                "a block",
                world.ask("/health", &health_body()).await,
            ));
            all.push((
                "InvalidStateException",
                "a block",
                world.ask("/keys/nobody/encrypt", &encrypt).await,
            ));
        }
        world
            .warden
            .unblock(&admin(), "main", external_key)
            .await
            .unwrap();
    }

    let mut request = world.request("/keys/both/encrypt", &encrypt);
    for (mode, name, how) in [
        (Mode::Fails, "InternalException", "a failing key manager"),
        (
            Mode::Corrupts,
            "InternalException",
            "a trial decryption that fails",
        ),
        (
            Mode::RefusesSize,
            "UnsupportedOperationException",
            "a key manager's own limit",
        ),
        (Mode::IsBusy, "ThrottlingException", "a busy key manager"),
        (
            Mode::IsExhausted,
            "InvalidStateException",
            "a key that was used up",
        ),
        (
            Mode::Hangs,
            "DependencyTimeoutException",
            "a key manager that hangs",
        ),
    ] {
        world.fault.set(mode);
        if mode == Mode::Hangs {
            request.time = Duration::from_millis(1);
        }
        all.push((name, how, world.send(&request).await));
        world.fault.set(Mode::Well);
    }

    world.proxy.seal();
    all.push((
        "InvalidStateException",
        "sealed",
        world.ask("/keys/both/encrypt", &encrypt).await,
    ));
    world.proxy.unseal(Arc::clone(&world.warden));
    all
}

#[tokio::test]
async fn xks_err_01_every_error_has_its_name_status_and_a_proper_message() {
    let world = World::new().await;
    let all = all(&world).await;
    for (name, how, reply) in &all {
        println!("{how}: {}", reply.text());
        reply.is_error(name);
        assert_eq!(reply.headers["cache-control"], "no-store");
        // Nothing of the request or of the inside is in it.
        for secret in [
            PRINCIPAL,
            "Mallory",
            "999999999999",
            "incident",
            "slot",
            "hsm",
            "both",
            "main",
            "rule ",
        ] {
            assert!(!reply.text().contains(secret), "{how}: {secret}");
        }
    }
    let seen: BTreeSet<_> = all.iter().map(|(name, _, _)| *name).collect();
    let known: BTreeSet<_> = xks_api::ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    assert_eq!(seen, known, "every error can be reached");
}

#[tokio::test]
async fn xks_err_04_each_error_is_one_that_the_operation_may_give() {
    let world = World::new().await;
    // The specification excludes KeyNotFound, AccessDenied and the key usage from health.
    for (_, body) in super::world::every_operation(&world).await {
        let reply = world.ask("/health", &body).await;
        let name = reply.json()["errorName"].as_str().map(str::to_owned);
        let applies = |name: String| {
            name.parse::<xks_api::ErrorName>()
                .unwrap()
                .applies_to(xks_api::Operation::GetHealthStatus)
        };
        assert!(name.is_none_or(applies));
    }
}

#[tokio::test]
async fn policy_comes_before_the_keys_state_and_usage() {
    let world = World::new().await;
    world.set_key_state("both", KeyState::Disabled).await;
    let mut body = encrypt_body(b"x", None);
    world
        .ask("/keys/restricted/encrypt", &body)
        .await
        .is_error("InvalidStateException");
    body["requestMetadata"]["awsPrincipalArn"] = "arn:aws:iam::999999999999:user/Mallory".into();
    world
        .ask("/keys/restricted/encrypt", &body)
        .await
        .is_error("AccessDeniedException");
}

#[tokio::test]
async fn xks_authz_02_a_key_is_restricted_to_its_callers() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    world.ask("/keys/restricted/encrypt", &body).await.is_success();
    for principal in ["arn:aws:iam::999999999999:user/Mallory", "AWS Internal", "", "*"] {
        body["requestMetadata"]["awsPrincipalArn"] = principal.into();
        world
            .ask("/keys/restricted/encrypt", &body)
            .await
            .is_error("AccessDeniedException");
        let mut metadata = metadata_body();
        metadata["requestMetadata"]["awsPrincipalArn"] = principal.into();
        world
            .ask("/keys/restricted/metadata", &metadata)
            .await
            .is_error("AccessDeniedException");
    }
}

#[tokio::test]
async fn a_slow_or_broken_body_has_no_error_name() {
    let world = World::new().await;
    let request = world.request("/health", &health_body());
    for error in [BodyError::TimedOut, BodyError::Aborted] {
        let reply = world.send_body(&request, Err(error)).await;
        assert_eq!(reply.status, 408);
        assert_eq!(reply.headers["content-type"], "application/json");
        assert!(reply.json().get("errorName").is_none());
    }
}

#[tokio::test]
async fn the_body_cap_comes_first_whoever_sends() {
    let world = World::new().await;
    let mut request = world.request("/health", &health_body());
    request.path = "/nowhere".to_owned();
    request.headers.remove("authorization");
    let reply = world.send_body(&request, Err(BodyError::TooLarge)).await;
    reply.is_error("UnsupportedOperationException");
    world.proxy.seal();
    let reply = world.send_body(&request, Err(BodyError::TooLarge)).await;
    reply.is_error("UnsupportedOperationException");
    let reply = world.send_body(&request, Ok(Bytes::new())).await;
    reply.is_error("InvalidUriPathException");
}

/// Without a log there is no answer.
#[tokio::test]
async fn no_key_is_used_when_the_log_cannot_be_written() {
    let world = World::new().await;
    let encrypted = world.encrypt(b"x", None).await;
    world.warden.shutdown().await;
    world
        .ask("/keys/both/encrypt", &encrypt_body(b"x", None))
        .await
        .is_error("InternalException");
    world.decrypt(&encrypted).await.is_error("InternalException");
    let health = world.ask("/health", &health_body()).await;
    health.is_success();
    assert_eq!(health.json()["ekmFleetDetails"][0]["healthStatus"], "UNAVAILABLE");
}

/// A store that is older than its log may lack a block: nothing is answered until somebody says so.
#[tokio::test]
async fn a_restored_backup_answers_nothing_until_it_is_acknowledged() {
    let world = World::new().await;
    let encrypted = world.encrypt(b"x", None).await;
    world.warden.shutdown().await;
    let path = world.directory.path().join("store.db");
    let backup = std::fs::read(&path).unwrap();
    let (clock, random) = (Arc::clone(&world.clock), Arc::clone(&world.random));
    let World {
        directory,
        warden,
        proxy,
        ..
    } = world;
    drop((warden, proxy));

    let start = async |directory| {
        World::start(
            directory,
            &Settings::default(),
            patient(),
            clock.clone(),
            random.clone(),
        )
        .await
    };
    let world = start(directory).await;
    world
        .warden
        .block(&admin(), "main", None, "incident 7")
        .await
        .unwrap();
    world.warden.shutdown().await;
    let World { directory, .. } = world;
    for leftover in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(directory.path().join(leftover));
    }
    std::fs::write(&path, backup).unwrap();

    let world = start(directory).await;
    for (path, body) in [
        ("/keys/both/encrypt", encrypt_body(b"x", None)),
        ("/keys/both/decrypt", encrypted.body()),
        ("/keys/both/metadata", metadata_body()),
        ("/health", health_body()),
    ] {
        world.ask(path, &body).await.is_error("InvalidStateException");
    }
    world.warden.acknowledge_recovery(&admin()).await.unwrap();
    world.decrypt(&encrypted).await.is_success();
}

#[tokio::test]
async fn a_sealed_proxy_needs_no_warden() {
    let world = World::new().await;
    let sealed = Proxy::sealed(&Settings::default(), world.clock.clone(), &SystemRandom).unwrap();
    assert!(sealed.warden().is_none());
}
