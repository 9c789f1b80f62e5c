//! Who is let in, and that those who are not learn nothing.

use std::time::Duration;

use ambient::{Clock, Timestamp};
use http::HeaderValue;

use super::world::{HOST, REGION, Reply, Request, TestCredential, World, admin, encrypt_body, health_body};
use crate::Settings;

/// All that an outsider can see of an answer.
fn visible(reply: &Reply) -> (u16, String, String) {
    (reply.status, format!("{:?}", reply.headers), reply.text())
}

#[tokio::test]
async fn xks_auth_01_every_operation_wants_a_signature() {
    let world = World::new().await;
    for (path, body) in super::world::every_operation(&world).await {
        let good = world.request(path, &body);
        world.send(&good).await.is_success();
        let mut unsigned = good.clone();
        unsigned.headers.remove("authorization");
        world
            .send(&unsigned)
            .await
            .is_error("AuthenticationFailedException");
        let mut other_body = good.clone();
        other_body.body.push(b' ');
        world
            .send(&other_body)
            .await
            .is_error("AuthenticationFailedException");
    }
    let mut other_path = world.request("/keys/both/encrypt", &encrypt_body(b"x", None));
    other_path.path = other_path.path.replace("both", "encrypt");
    world
        .send(&other_path)
        .await
        .is_error("AuthenticationFailedException");
    let mut other_host = world.request("/health", &health_body());
    other_host
        .headers
        .insert("host", HeaderValue::from_static("other.example.com"));
    world
        .send(&other_host)
        .await
        .is_error("AuthenticationFailedException");
}

#[tokio::test]
async fn the_signature_comes_before_the_body() {
    let world = World::new().await;
    for body in [b"".as_slice(), b"{", b"{\"plaintext\":\"\"}", &[b' '; 40_000]] {
        let mut request = world.request("/keys/both/encrypt", &encrypt_body(b"x", None));
        request.body = body.to_vec();
        world
            .send(&request)
            .await
            .is_error("AuthenticationFailedException");
        let mut request = world.request("/keys/nobody/encrypt", &encrypt_body(b"x", None));
        request.body = body.to_vec();
        world
            .send(&request)
            .await
            .is_error("AuthenticationFailedException");
    }
}

#[tokio::test]
async fn xks_auth_02_the_scope_is_held_to_service_and_region() {
    let world = World::new().await;
    let now = world.clock.now();
    let mut request = world.request("/health", &health_body());
    for (region, service) in [
        ("us-east-1", "kms-xks-proxy"),
        (REGION, "kms"),
        (REGION, "kms-xks-proxyy"),
    ] {
        request.sign_for(&world.credential, region, service, now);
        world
            .send(&request)
            .await
            .is_error("AuthenticationFailedException");
    }
    request.sign_for(&world.credential, REGION, "kms-xks-proxy", now);
    world.send(&request).await.is_success();
}

#[tokio::test]
async fn xks_auth_04_the_authority_plays_host_and_must_be_a_configured_name() {
    let settings = Settings {
        host_names: vec![HOST.to_owned()],
        ..Settings::default()
    };
    let world = World::with(&settings).await;
    let mut request = world.request("/health", &health_body());
    request.headers.remove("host");
    for (authority, served) in [(HOST, true), ("other.example.com", false)] {
        request.authority = Some(authority.to_owned());
        world.sign(&mut request);
        let reply = world.send(&request).await;
        if served {
            reply.is_success();
        } else {
            reply.is_error("AuthenticationFailedException");
        }
    }
    // Signed for one name, sent to another.
    request.authority = Some(HOST.to_owned());
    world.sign(&mut request);
    request.authority = Some(format!("{HOST}:443"));
    world
        .send(&request)
        .await
        .is_error("AuthenticationFailedException");
}

#[tokio::test]
async fn xks_auth_04_the_headers_listed_as_signed_are_the_signed_ones() {
    let world = World::new().await;
    let mut request = world.request("/health", &health_body());
    request
        .headers
        .insert("x-amz-anything", HeaderValue::from_static("signed"));
    world.sign(&mut request);
    world.send(&request).await.is_success();
    request
        .headers
        .insert("x-amz-anything", HeaderValue::from_static("altered"));
    world
        .send(&request)
        .await
        .is_error("AuthenticationFailedException");
}

#[tokio::test]
async fn xks_auth_06_five_minutes_are_recent_and_no_more() {
    let world = World::new().await;
    let now = world.clock.now().as_secs();
    for (signed_at, recent) in [
        (now - 301, false),
        (now - 300, true),
        (now, true),
        (now + 300, true),
        (now + 301, false),
    ] {
        let mut request = world.request("/health", &health_body());
        request.sign(&world.credential, REGION, Timestamp::from_secs(signed_at));
        let reply = world.send(&request).await;
        if recent {
            reply.is_success();
        } else {
            reply.is_error("AuthenticationFailedException");
        }
    }
}

#[tokio::test]
async fn xks_auth_07_a_request_kept_for_later_is_refused() {
    let world = World::new().await;
    let request = world.request("/health", &health_body());
    world.clock.advance(Duration::from_secs(300));
    world.send(&request).await.is_success();
    world.clock.advance(Duration::from_secs(1));
    world
        .send(&request)
        .await
        .is_error("AuthenticationFailedException");
}

#[tokio::test]
async fn only_configured_host_names_are_served() {
    let settings = Settings {
        host_names: vec![HOST.to_owned(), "localhost:8443".to_owned()],
        ..Settings::default()
    };
    let world = World::with(&settings).await;
    let mut request = world.request("/health", &health_body());
    for (host, served) in [
        (HOST, true),
        ("XKS.example.com:443", true),
        ("localhost:8443", true),
        ("localhost", false),
        ("other.example.com", false),
    ] {
        request.headers.insert("host", HeaderValue::from_static(host));
        world.sign(&mut request);
        let reply = world.send(&request).await;
        if served {
            reply.is_success();
        } else {
            reply.is_error("AuthenticationFailedException");
        }
    }
}

/// An unknown credential, one of another key store, a wrong secret, an expired and a retired
/// credential, and a client certificate that the key store does not take: one answer.
#[tokio::test]
async fn who_is_not_let_in_cannot_tell_why() {
    let world = World::new().await;
    let [elsewhere, expired, retired, unknown] = [1, 2, 3, 4].map(TestCredential::numbered);
    world.key_store("second", "/second").await;
    world.add_credential("second", &elsewhere).await;
    let soon = world.clock.now().saturating_add(Duration::from_secs(10));
    world.add_expiring("main", &expired, Some(soon)).await;
    world.add_credential("main", &retired).await;
    world
        .warden
        .retire_credential(&admin(), "main", &retired.id)
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(10));
    let wrong_secret = TestCredential {
        secret: unknown.secret.clone(),
        ..world.credential.clone()
    };

    let mut expected = None;
    for credential in [elsewhere, expired, retired, unknown, wrong_secret] {
        let mut request = world.request("/keys/both/encrypt", &encrypt_body(b"x", None));
        request.sign(&credential, REGION, world.clock.now());
        let reply = world.send(&request).await;
        reply.is_error("AuthenticationFailedException");
        let seen = visible(&reply);
        assert_eq!(*expected.get_or_insert_with(|| seen.clone()), seen);
    }
    let mut unsigned = world.request("/keys/both/encrypt", &encrypt_body(b"x", None));
    unsigned.headers.remove("authorization");
    assert_eq!(expected, Some(visible(&world.send(&unsigned).await)));
}

#[tokio::test]
async fn a_credential_expires_at_its_time() {
    let world = World::new().await;
    let credential = TestCredential::numbered(1);
    let expires = world.clock.now().saturating_add(Duration::from_secs(60));
    world.add_expiring("main", &credential, Some(expires)).await;
    let send = async || {
        let mut request = world.request("/health", &health_body());
        request.sign(&credential, REGION, world.clock.now());
        world.send(&request).await
    };
    world
        .clock
        .set_wall(Timestamp::from_micros(expires.as_micros() - 1));
    send().await.is_success();
    world.clock.set_wall(expires);
    send().await.is_error("AuthenticationFailedException");
}

#[tokio::test]
async fn xks_cred_03_an_access_key_id_names_one_secret() {
    let world = World::new().await;
    let again = TestCredential {
        secret: TestCredential::numbered(9).secret,
        ..world.credential.clone()
    };
    world.key_store("second", "/second").await;
    for key_store in ["main", "second"] {
        let new = warden::NewCredential {
            access_key_id: again.id.clone(),
            secret: crypto::SecretBytes::new(again.secret.clone().into_bytes()),
            expires: None,
        };
        assert!(
            world
                .warden
                .add_credential(&admin(), key_store, new)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn xks_cred_06_several_credentials_are_valid_at_once() {
    let world = World::new().await;
    let more = [1, 2, 3].map(TestCredential::numbered);
    for credential in &more {
        world.add_credential("main", credential).await;
    }
    for credential in more.iter().chain([&world.credential]) {
        let mut request = world.request("/health", &health_body());
        request.sign(credential, REGION, world.clock.now());
        world.send(&request).await.is_success();
    }
}

/// Added, used, and the old one retired, while requests go on with both.
#[tokio::test]
async fn xks_cred_07_credentials_change_without_a_restart() {
    let world = World::new().await;
    let new = TestCredential::numbered(1);
    let signed = |credential: &TestCredential| -> Request {
        let mut request = world.request("/health", &health_body());
        request.sign(credential, REGION, world.clock.now());
        request
    };
    for _ in 0..3 {
        world.send(&signed(&world.credential)).await.is_success();
        world
            .send(&signed(&new))
            .await
            .is_error("AuthenticationFailedException");
    }
    world.add_credential("main", &new).await;
    for _ in 0..3 {
        world.send(&signed(&world.credential)).await.is_success();
        world.send(&signed(&new)).await.is_success();
    }
    world
        .warden
        .retire_credential(&admin(), "main", &world.credential.id)
        .await
        .unwrap();
    for _ in 0..3 {
        world.send(&signed(&new)).await.is_success();
        world
            .send(&signed(&world.credential))
            .await
            .is_error("AuthenticationFailedException");
    }
}

#[tokio::test]
async fn a_verified_use_is_noted() {
    let world = World::new().await;
    world.ask("/health", &health_body()).await.is_success();
    let credentials = world.warden.credentials("main").await.unwrap();
    assert!(credentials[0].last_use.is_some());
}

#[tokio::test]
async fn a_key_store_is_served_on_its_listeners_only() {
    let world = World::new().await;
    let new = warden::NewKeyStore {
        name: "inner".to_owned(),
        path_prefix: "/inner".to_owned(),
        region: None,
        listeners: Some(vec!["inner".to_owned()]),
        common_names: None,
    };
    world.warden.create_key_store(&admin(), new).await.unwrap();
    let credential = TestCredential::numbered(1);
    world.add_credential("inner", &credential).await;
    let mut request = world.request("/health", &health_body());
    request.path = "/inner/kms/xks/v1/health".to_owned();
    request.sign(&credential, "any-region-1", world.clock.now());
    let elsewhere = world.send(&request).await;
    elsewhere.is_error("InvalidUriPathException");
    request.listener = "inner".to_owned();
    world.send(&request).await.is_success();
    // Elsewhere it looks like a key store that does not exist.
    let mut nowhere = request.clone();
    nowhere.path = "/nowhere/kms/xks/v1/health".to_owned();
    assert_eq!(visible(&elsewhere), visible(&world.send(&nowhere).await));
}

#[tokio::test]
async fn a_key_store_may_narrow_the_client_common_names() {
    let world = World::new().await;
    let new = warden::NewKeyStore {
        name: "narrow".to_owned(),
        path_prefix: "/narrow".to_owned(),
        region: None,
        listeners: None,
        common_names: Some(vec!["cks.kms.eu-central-1.amazonaws.com".to_owned()]),
    };
    world.warden.create_key_store(&admin(), new).await.unwrap();
    let credential = TestCredential::numbered(1);
    world.add_credential("narrow", &credential).await;
    let mut request = world.request("/health", &health_body());
    request.path = "/narrow/kms/xks/v1/health".to_owned();
    request.sign(&credential, REGION, world.clock.now());
    for common_name in [None, Some("cks.kms.us-east-1.amazonaws.com"), Some("")] {
        request.common_name = common_name.map(str::to_owned);
        world
            .send(&request)
            .await
            .is_error("AuthenticationFailedException");
    }
    request.common_name = Some("cks.kms.eu-central-1.amazonaws.com".to_owned());
    world.send(&request).await.is_success();
}

#[tokio::test]
async fn a_sealed_proxy_answers_everybody_alike() {
    let world = World::new().await;
    let good = world.request("/health", &health_body());
    world.send(&good).await.is_success();
    world.proxy.seal();
    let mut unsigned = good.clone();
    unsigned.headers.remove("authorization");
    let mut unknown = good.clone();
    unknown.path = unknown.path.replace("/main", "/unknown");
    let answers = [&good, &unsigned, &unknown].map(async |request| {
        let reply = world.send(request).await;
        reply.is_error("InvalidStateException");
        visible(&reply)
    });
    let [a, b, c] = answers;
    let (a, b, c) = (a.await, b.await, c.await);
    assert_eq!((&a, &a), (&b, &c));
    world.proxy.unseal(std::sync::Arc::clone(&world.warden));
    world.send(&good).await.is_success();
}

/// A request that was under way when the seal fell knows a directory with secrets in it.
#[tokio::test]
async fn a_seal_forgets_the_secrets_for_requests_under_way_too() {
    let world = World::new().await;
    world
        .send(&world.request("/health", &health_body()))
        .await
        .is_success();
    let directory = world.warden.directory();
    assert!(!world.proxy.secrets.of(&directory).is_empty());
    world.proxy.seal();
    assert!(world.proxy.secrets.of(&directory).is_empty());
    world.proxy.unseal(std::sync::Arc::clone(&world.warden));
    assert!(!world.proxy.secrets.of(&directory).is_empty());
}
