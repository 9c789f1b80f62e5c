//! Encrypt, decrypt, and what the log says of it.

use std::sync::Arc;

use super::scripted::{Does, Script};
use super::{World, kind};
use crate::{Caller, Evidence, FailureKind};

#[tokio::test]
async fn what_was_encrypted_decrypts_and_both_are_recorded() {
    let world = World::furnished().await;
    let running = world.start().await;
    let caller = Caller {
        evidence: Evidence {
            request_id: Some("req-1".into()),
            operation: Some("Encrypt".into()),
            principal: Some("arn:aws:iam::111122223333:user/\"Alice\"".into()),
            foreign_key: Some("arn:aws:kms:us-east-1:111122223333:key/1".into()),
            via_service: Some("ebs".into()),
            source_vpc: Some("vpc-1".into()),
            source_vpce: Some("vpce-1".into()),
            peer: Some("127.0.0.1:5".into()),
        },
        ..running.caller()
    };
    let output = running.encrypt(&caller).await.unwrap();
    assert_eq!(running.decrypt(&caller, &output).await.unwrap(), b"plaintext");
    let mut altered = output;
    altered.tag[15] ^= 1;
    assert!(matches!(
        kind(running.decrypt(&caller, &altered).await),
        FailureKind::NotAuthentic
    ));
    running.stop().await;

    let records = world.records_of("key-use");
    assert_eq!(records.len(), 3);
    let key = records[0]["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("key-"));
    let told = |act: &str, outcome: &str| {
        serde_json::json!({
            "type": "key-use", "act": act, "outcome": outcome,
            "key": key, "key_manager": records[0]["key_manager"], "key_store": records[0]["key_store"],
            "access_key_id": "AKIAMAIN", "external_key": "ext", "request_id": "req-1", "operation": "Encrypt",
            "principal": "arn:aws:iam::111122223333:user/\"Alice\"",
            "foreign_key": "arn:aws:kms:us-east-1:111122223333:key/1", "via_service": "ebs",
            "source_vpc": "vpc-1", "source_vpce": "vpce-1", "peer": "127.0.0.1:5",
        })
    };
    assert_eq!(records[0], told("encrypt", "computed"));
    assert_eq!(records[1], told("decrypt", "computed"));
    let mut failed = told("decrypt", "failed");
    failed["error"] = "not-authentic".into();
    assert_eq!(records[2], failed);
}

#[tokio::test]
async fn xks_cdiv_03_the_witness_runs_between_encryption_and_trial_decryption() {
    let world = World::furnished().await;
    let running = world.start().await;
    world.script.take_calls();
    let script = world.script.clone();
    let caller = running.caller();
    let released = running
        .warden
        .encrypt(&caller, "ext", b"plaintext".to_vec().into(), None, |output| {
            script.note("witness");
            output.tag
        });
    let released = released.await.map_err(|failure| failure.kind).unwrap();
    assert_eq!(world.script.take_calls(), ["encrypt", "witness", "decrypt"]);
    let (output, witnessed) = released.into_answer();
    assert_eq!(output.tag, witnessed);
}

#[tokio::test]
async fn xks_cdiv_03_what_does_not_decrypt_to_the_same_is_not_released() {
    let world = World::furnished().await;
    let running = world.start().await;
    let caller = running.caller();
    for broken in [&world.script.encrypt, &world.script.decrypt] {
        Script::set(broken, Does::Corrupt);
        assert!(matches!(
            kind(running.encrypt(&caller).await),
            FailureKind::TrialDecryption
        ));
        Script::set(broken, Does::Work);
    }
    assert!(running.encrypt(&caller).await.is_ok());
    running.stop().await;
    let errors: Vec<_> = world
        .records_of("key-use")
        .iter()
        .map(|record| (record["outcome"].clone(), record["error"].clone()))
        .collect();
    let failed = (
        serde_json::json!("failed"),
        serde_json::json!("trial-decryption-failed"),
    );
    let computed = (serde_json::json!("computed"), serde_json::Value::Null);
    assert_eq!(errors, [failed.clone(), failed, computed]);
}

#[tokio::test]
async fn a_key_manager_that_fails_is_recorded_and_gives_nothing() {
    let world = World::furnished().await;
    let running = world.start().await;
    Script::set(&world.script.encrypt, Does::Fail);
    let failure = running.encrypt(&running.caller()).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::KeyManager(_)));
    assert!(failure.key.is_some());
    running.stop().await;
    let records = world.records_of("key-use");
    assert_eq!(records[0]["error"], "key-manager-failed");
}

#[tokio::test]
async fn texts_that_fit_into_no_record_are_cut_and_the_use_is_recorded_all_the_same() {
    let world = World::furnished().await;
    let running = world.start().await;
    // Every byte of it needs six in JSON.
    let long: Box<str> = "\u{1}".repeat(60_000).into();
    let caller = Caller {
        evidence: Evidence {
            request_id: Some(long.clone()),
            principal: Some(format!("é{long}").into()),
            via_service: Some(long.clone()),
            peer: Some(long),
            ..Evidence::default()
        },
        ..running.caller()
    };
    assert!(running.encrypt(&caller).await.is_ok());
    running
        .warden
        .refuse_authenticated(&caller, Some("ext"), "encrypt", "test");
    running.stop().await;
    for kind in ["key-use", "refusal"] {
        let records = world.records_of(kind);
        assert_eq!(records.len(), 1, "{kind}");
        assert_eq!(records[0]["shortened"], true);
        let principal = records[0]["principal"].as_str().unwrap();
        assert!(principal.starts_with('é') && principal.len() <= 512);
    }
}

/// A caller that hangs up while its key is used gets nothing, and gives its place back.
#[tokio::test]
async fn a_place_is_given_back_by_whoever_hangs_up() {
    let world = World::furnished().await;
    let running = Arc::new(world.start().await);
    Script::set(&world.script.decrypt, Does::Wait);
    let task = {
        let running = running.clone();
        tokio::spawn(async move { running.encrypt(&running.caller()).await })
    };
    world.script.arrived.notified().await;
    assert_eq!(running.warden.load().in_flight, 1);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(running.warden.load().in_flight, 0);
}
