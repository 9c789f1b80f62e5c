//! An answer of the right status that breaks the specification is none.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::xks_proxy::Behaviour;
use xks_api::kms_exception::ProxyFailure;
use xks_client::{MAX_RESPONSE_BYTES, Origin};

use crate::kit::{ORIGIN, World, decrypt_request, failed, key, world};

fn b64(bytes: &[u8]) -> Value {
    Value::from(STANDARD.encode(bytes))
}

fn edit(world: &World, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
    world
        .proxy
        .behave(Behaviour::Edits(Arc::new(move |_, value| edit(value))));
}

#[tokio::test]
async fn xks_enc_08_each_member_of_an_encryption_is_there_and_of_its_size() {
    let world = world();
    for member in [
        "ciphertext",
        "initializationVector",
        "authenticationTag",
        "ciphertextDataIntegrityValue",
    ] {
        edit(&world, move |value| {
            drop(value.as_object_mut().unwrap().remove(member));
        });
        assert_eq!(
            world.kind().await,
            ProxyFailure::MalformedResponse,
            "{member} missing"
        );
        for wrong in [json!(5), json!(""), json!("QQ"), b64(&[0; 21]), b64(&[0; 15])] {
            let text = wrong.to_string();
            edit(&world, move |value| value[member] = wrong.clone());
            assert_eq!(
                world.kind().await,
                ProxyFailure::MalformedResponse,
                "{member} {text}"
            );
        }
    }
    edit(&world, |value| value["ciphertextMetadata"] = b64(&[0; 21]));
    assert_eq!(world.kind().await, ProxyFailure::MalformedResponse);
}

/// Right sizes, other bytes: only the CDIV tells.
#[tokio::test]
async fn xks_cdiv_02_every_field_is_under_the_cdiv() {
    let world = world();
    for (member, len) in [
        ("ciphertext", 16),
        ("initializationVector", 12),
        ("authenticationTag", 16),
        ("ciphertextMetadata", 12),
        ("ciphertextDataIntegrityValue", 32),
    ] {
        edit(&world, move |value| value[member] = b64(&vec![0; len]));
        let failure = failed(world.encrypt().await);
        assert_eq!(failure.kind, ProxyFailure::MalformedResponse, "{member}");
        assert!(failure.detail.contains("does not match"), "{member}: {failure}");
    }
    edit(&world, |_| ());
    world.encrypt().await.unwrap();
}

#[tokio::test]
async fn xks_dec_06_a_plaintext_is_as_long_as_its_ciphertext() {
    let world = world();
    let encrypted = world.encrypt().await.unwrap().value;
    for wrong in [json!(null), json!("QQ"), b64(&[0; 15]), b64(&[0; 17])] {
        edit(&world, move |value| value["plaintext"] = wrong.clone());
        let result = world.client.decrypt(&key(), &decrypt_request(&encrypted)).await;
        assert_eq!(failed(result).kind, ProxyFailure::MalformedResponse);
    }
}

#[tokio::test]
async fn xks_meta_05_key_metadata_is_complete_with_ten_usages_at_most() {
    let world = world();
    let ask = async || world.client.key_metadata(&key(), ORIGIN.for_key_metadata()).await;
    for (member, wrong) in [
        ("keySpec", json!(null)),
        ("keyStatus", json!("enabled")),
        ("keyUsage", json!("ENCRYPT")),
        ("keyUsage", json!(vec!["ENCRYPT"; 11])),
    ] {
        edit(&world, move |value| value[member] = wrong.clone());
        assert_eq!(
            failed(ask().await).kind,
            ProxyFailure::MalformedResponse,
            "{member}"
        );
    }
    // Others' words are kept, for KMS names them when it refuses.
    edit(&world, |value| {
        value["keySpec"] = json!("RSA_2048");
        value["keyUsage"] = json!(vec!["SIGN"; 10]);
    });
    let reported = ask().await.unwrap().value;
    assert_eq!(reported.key_spec, "RSA_2048");
    assert_eq!(reported.key_usage.len(), 10);
}

#[tokio::test]
async fn xks_hlt_04_a_fleet_has_one_to_ten_members() {
    let world = world();
    let ask = async || {
        world
            .client
            .health(Origin::for_health("KmsHealthCheck", "id"))
            .await
    };
    let instance =
        |id: usize, status: &str| json!({"id": id.to_string(), "model": "m", "healthStatus": status});
    for count in [0, 11] {
        let fleet: Vec<Value> = (0..count).map(|id| instance(id, "ACTIVE")).collect();
        edit(&world, move |value| value["ekmFleetDetails"] = json!(fleet));
        assert_eq!(
            failed(ask().await).kind,
            ProxyFailure::MalformedResponse,
            "{count}"
        );
    }
    edit(&world, |value| value["xksProxyFleetSize"] = json!(0));
    assert_eq!(failed(ask().await).kind, ProxyFailure::MalformedResponse);
    let fleet: Vec<Value> = (0..10).map(|id| instance(id, "UNAVAILABLE")).collect();
    edit(&world, move |value| value["ekmFleetDetails"] = json!(fleet));
    assert!(ask().await.unwrap().value.fleet.all_unavailable());
    let fleet = [instance(1, "UNAVAILABLE"), instance(2, "DEGRADED")];
    edit(&world, move |value| value["ekmFleetDetails"] = json!(fleet));
    let health = ask().await.unwrap().value;
    assert!(!health.fleet.all_unavailable());
    assert_eq!(health.fleet.instances().len(), 2);
}

#[tokio::test]
async fn answers_are_bounded_at_the_exact_size() {
    let padded = |size: usize| {
        let mut body = br#"{"errorName":"InternalException"}"#.to_vec();
        body.resize(size, b' ');
        body
    };
    let world = world();
    world
        .proxy
        .behave(Behaviour::Status(500, padded(MAX_RESPONSE_BYTES)));
    assert!(matches!(world.kind().await, ProxyFailure::Answered(_)));
    world
        .proxy
        .behave(Behaviour::Status(500, padded(MAX_RESPONSE_BYTES + 1)));
    let failure = failed(world.encrypt().await);
    assert_eq!(failure.kind, ProxyFailure::MalformedResponse);
    assert!(failure.detail.contains("more than"), "{failure}");

    // The same without an announcement.
    let chunked = |size: usize, piece: usize| {
        let mut bytes = b"HTTP/1.1 500 x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in padded(size).chunks(piece) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        Behaviour::Bytes(bytes)
    };
    for piece in [10_000, 7] {
        world.proxy.behave(chunked(MAX_RESPONSE_BYTES, piece));
        assert!(matches!(world.kind().await, ProxyFailure::Answered(_)));
        world.proxy.behave(chunked(MAX_RESPONSE_BYTES + 1, piece));
        assert_eq!(world.kind().await, ProxyFailure::MalformedResponse);
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let world = world();
    let fields: String = (0..65).map(|n| format!("x-{n}: 1\r\n")).collect();
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    world.proxy.behave(Behaviour::Bytes(head.into_bytes()));
    assert_eq!(world.kind().await, ProxyFailure::MalformedResponse);
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    world.proxy.behave(Behaviour::Bytes(head.into_bytes()));
    assert_eq!(world.kind().await, ProxyFailure::MalformedResponse);
}
