//! Every class of failure, each made by a proxy that fails so.

use testkit::xks_proxy::{Behaviour, CertificateKind};
use xks_api::ErrorName;
use xks_api::kms_exception::ProxyFailure;

use crate::kit::{failed, world};

#[tokio::test]
async fn each_error_name_is_told_apart() {
    let world = world();
    for name in ErrorName::ALL {
        world.proxy.behave(Behaviour::Answers(name));
        let failure = failed(world.encrypt().await);
        assert_eq!(failure.kind, ProxyFailure::Answered(name));
        assert_eq!(failure.attempts, 1, "{name}");
        // The proxy's own words are for the log.
        assert!(failure.detail.contains("as a test ordered"), "{}", failure.detail);
    }
    world.proxy.behave(Behaviour::Works);
    world.encrypt().await.unwrap();
}

#[tokio::test]
async fn xks_err_02_the_name_counts_and_not_the_status() {
    let world = world();
    let body = br#"{"errorName":"ThrottlingException"}"#.to_vec();
    world.proxy.behave(Behaviour::Status(500, body));
    assert_eq!(
        world.kind().await,
        ProxyFailure::Answered(ErrorName::ThrottlingException)
    );
}

#[tokio::test]
async fn xks_err_03_what_is_no_answer_of_this_api_is_malformed() {
    let error = br#"{"errorName":"InternalException"}"#.to_vec();
    for (status, body) in [
        (200, b"".to_vec()),
        (200, b"{}".to_vec()),
        (200, b"<html>".to_vec()),
        (200, error.clone()),
        (500, b"".to_vec()),
        (502, b"<html>Bad Gateway</html>".to_vec()),
        (500, br#"{"errorName":"NoSuchException"}"#.to_vec()),
        (500, br#"{"errorMessage":"InternalException"}"#.to_vec()),
        (204, b"".to_vec()),
        (307, b"".to_vec()),
    ] {
        let world = world();
        world.proxy.behave(Behaviour::Status(status, body.clone()));
        let failure = failed(world.encrypt().await);
        assert_eq!(failure.kind, ProxyFailure::MalformedResponse, "{status} {body:?}");
        assert_eq!(
            world.proxy.seen().len(),
            1,
            "{status} is asked once and followed nowhere"
        );
    }
    // Another status with an error of the API is that error.
    let world = world();
    world.proxy.behave(Behaviour::Status(301, error));
    assert_eq!(
        world.kind().await,
        ProxyFailure::Answered(ErrorName::InternalException)
    );
}

#[tokio::test]
async fn what_is_no_http_is_malformed() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 xyz\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let world = world();
        world.proxy.behave(Behaviour::Bytes(bytes.into()));
        assert_eq!(world.kind().await, ProxyFailure::MalformedResponse, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_no_connection() {
    let world = world();
    world.proxy.behave(Behaviour::Unreachable);
    let failure = failed(world.encrypt().await);
    assert_eq!(failure.kind, ProxyFailure::NoConnection);
    assert_eq!(failure.attempts, 1, "a refusal is no timeout");
    assert_eq!(world.proxy.attempts().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_hangs_up_on_a_new_connection_is_no_connection() {
    let world = world();
    world.proxy.behave(Behaviour::Closes);
    assert_eq!(world.kind().await, ProxyFailure::NoConnection);
    assert_eq!(world.proxy.connections(), 1);
}

#[tokio::test]
async fn every_fault_of_tls_is_no_tls() {
    for (certificate, word) in [
        (CertificateKind::OtherName, "not valid for name"),
        (CertificateKind::Expired, "expired"),
        (CertificateKind::Untrusted, "UnknownIssuer"),
        (CertificateKind::OtherSuites, "HandshakeFailure"),
        // The client has no certificate; TLS 1.3 tells it only after the handshake.
        (CertificateKind::AsksForClient, "ertificate"),
    ] {
        let world = world();
        world.proxy.show(certificate);
        let failure = failed(world.encrypt().await);
        assert_eq!(failure.kind, ProxyFailure::NoTls, "{certificate:?}: {failure}");
        assert!(failure.detail.contains(word), "{certificate:?}: {failure}");
        assert_eq!(failure.attempts, 1);
        assert!(world.proxy.seen().is_empty(), "{certificate:?}: nothing is sent");
    }
    for behaviour in [Behaviour::NoTls, Behaviour::ClosesInHandshake] {
        let world = world();
        world.proxy.behave(behaviour);
        assert_eq!(world.kind().await, ProxyFailure::NoTls);
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken_too() {
    let world = world();
    world.proxy.show(CertificateKind::Tls12);
    world.encrypt().await.unwrap();
}

#[tokio::test]
async fn details_are_bounded() {
    let world = world();
    let message = "x".repeat(511);
    let body = format!(r#"{{"errorName":"InternalException","errorMessage":"{message}"}}"#);
    world.proxy.behave(Behaviour::Status(500, body.into_bytes()));
    let failure = failed(world.encrypt().await);
    assert!(failure.detail.contains(&message));
    assert!(failure.detail.chars().count() <= 600);
    // One character more is no error message, and what is not is not kept.
    let body = format!(r#"{{"errorName":"InternalException","errorMessage":"x{message}"}}"#);
    world.proxy.behave(Behaviour::Status(500, body.into_bytes()));
    let failure = failed(world.encrypt().await);
    assert_eq!(failure.kind, ProxyFailure::Answered(ErrorName::InternalException));
    assert!(!failure.detail.contains("xxx"));
}
