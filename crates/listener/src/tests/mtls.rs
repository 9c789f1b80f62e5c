//! Client certificates: who gets through the handshake.

use std::sync::Arc;

use ambient::{ManualClock, Timestamp};
use rustls::version;
use tokio::io::AsyncReadExt;

use super::kit::*;
use crate::*;

const KMS: &str = "cks.kms.us-east-1.amazonaws.com";

fn guarded(authority: &Authority, common_names: &[&str]) -> ListenerConfig {
    ListenerConfig {
        tls: Some(authority.server()),
        mtls: Some(ClientAuthConfig {
            ca_files: vec![authority.ca_file()],
            common_names: common_names.iter().map(|name| (*name).to_owned()).collect(),
        }),
        ..loopback()
    }
}

/// What a client with this certificate gets, in each version: `None` if it was refused.
async fn attempt(served: &Served, authority: &Authority, own: Option<&TlsConfig>) -> Option<String> {
    let mut answers = Vec::new();
    for version in [&version::TLS12, &version::TLS13] {
        let client = client_config(authority, own, &[], &[version]);
        let answer = match served.connect_tls(client).await {
            // In TLS 1.3 a client learns of the refusal after its own side of the handshake.
            Ok(mut stream) => ask(&mut stream, &post("/", "")).await,
            Err(_) => None,
        };
        answers.push(answer.map(|answer| answer.body));
    }
    assert_eq!(answers[0].is_some(), answers[1].is_some(), "versions differ");
    answers.remove(1)
}

#[tokio::test]
async fn xks_mtls_01_a_client_certificate_lets_in_and_its_name_is_handed_on() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS]));
    let own = authority.client(&[KMS]);
    let answer = attempt(&served, &authority, Some(&own)).await.unwrap();
    assert!(answer.contains(&format!("cn=Some({KMS:?})")), "{answer}");
    assert_eq!(served.control.counters().handshakes, 2);
}

#[tokio::test]
async fn xks_mtls_01_no_certificate_is_refused() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS]));
    assert_eq!(attempt(&served, &authority, None).await, None);
    let counters = served.control.counters();
    assert_eq!((counters.handshake_no_certificate, counters.requests), (2, 0));
}

#[tokio::test]
async fn xks_mtls_02_names_and_authorities_are_configured() {
    let authority = Authority::new();
    let other = Authority::new();
    let mut config = guarded(&authority, &["first", "second"]);
    config.mtls.as_mut().unwrap().ca_files.push(other.ca_file());
    let served = serve(&config);
    for (issuer, name) in [
        (&authority, "first"),
        (&authority, "second"),
        (&other, "first"),
        (&other, "second"),
    ] {
        let own = issuer.client(&[name]);
        assert!(attempt(&served, &authority, Some(&own)).await.is_some());
    }
}

#[tokio::test]
async fn xks_mtls_03_another_subject_is_refused_in_the_handshake() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS]));
    let wrong = [
        "cks.kms.us-east-2.amazonaws.com",
        "CKS.KMS.US-EAST-1.AMAZONAWS.COM",
        "cks.kms.us-east-1.amazonaws.com.evil.example",
        "x.cks.kms.us-east-1.amazonaws.com",
        "cks.kms.us-east-1.amazonaws.com ",
        "*",
    ];
    for name in wrong {
        let own = authority.client(&[name]);
        assert_eq!(attempt(&served, &authority, Some(&own)).await, None, "{name}");
    }
    let counters = served.control.counters();
    assert_eq!(counters.handshake_common_name, 2 * wrong.len() as u64);
    assert_eq!((counters.requests, counters.handshakes), (0, 0));
}

#[tokio::test]
async fn xks_mtls_03_another_authority_is_refused_in_the_handshake() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS]));
    let stranger = Authority::new();
    let kept = stranger.client(&[KMS]);
    assert_eq!(attempt(&served, &authority, Some(&kept)).await, None);
    let counters = served.control.counters();
    assert_eq!((counters.handshake_unknown_ca, counters.requests), (2, 0));
}

#[tokio::test]
async fn xks_mtls_03_an_expired_certificate_is_refused_in_the_handshake() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS]));
    let own = authority.client_until(&[KMS], 2021);
    assert_eq!(attempt(&served, &authority, Some(&own)).await, None);
    let counters = served.control.counters();
    assert_eq!(
        (counters.handshake_expired_certificate, counters.requests),
        (2, 0)
    );
}

#[tokio::test]
async fn xks_mtls_03_two_common_names_or_none_are_refused() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS, "other"]));
    for names in [&[KMS, "other"][..], &["other", KMS], &[KMS, KMS], &[]] {
        let own = authority.client(names);
        assert_eq!(attempt(&served, &authority, Some(&own)).await, None, "{names:?}");
    }
    assert_eq!(served.control.counters().handshake_common_name, 8);
}

#[tokio::test]
async fn xks_mtls_05_the_subject_alternative_name_stands_in_for_nothing() {
    let authority = Authority::new();
    let served = serve(&guarded(&authority, &[KMS]));
    for name in [None, Some("other")] {
        let mut params = rcgen::CertificateParams::new(vec![KMS.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
        }
        let own = authority.issue_with("san", &params, &rcgen::KeyPair::generate().unwrap());
        assert_eq!(attempt(&served, &authority, Some(&own)).await, None);
    }
}

#[tokio::test]
async fn xks_mtls_04_a_name_as_kms_presents_it_is_accepted_for_each_region_configured() {
    let authority = Authority::new();
    let regions = ["us-east-1", "ap-southeast-2", "us-gov-west-1"];
    let names: Vec<String> = regions
        .map(|region| format!("cks.kms.{region}.amazonaws.com"))
        .into();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let served = serve(&guarded(&authority, &names));
    for name in &names {
        let own = authority.client(&[name]);
        assert!(attempt(&served, &authority, Some(&own)).await.is_some());
    }
}

#[tokio::test]
async fn a_resumed_session_does_not_outlive_its_certificate() {
    let authority = Authority::new();
    // 2026-12-31, 12 hours before the client's certificate ends.
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_798_761_600 - 43_200)));
    let served = serve_with_clock(&guarded(&authority, &[KMS]), clock.clone());
    let own = authority.client_until(&[KMS], 2027);
    let client = client_config(&authority, Some(&own), &[], &[&version::TLS13]);
    for resumed in [false, true] {
        let mut stream = served.connect_tls(client.clone()).await.unwrap();
        let answer = ask(&mut stream, &post("/", "")).await.unwrap();
        assert!(
            answer.body.contains(&format!("resumed: {resumed}")),
            "{}",
            answer.body
        );
        assert!(answer.body.contains(KMS));
    }
    clock.advance(std::time::Duration::from_secs(2 * 86_400));
    let mut stream = served.connect_tls(client.clone()).await.unwrap();
    assert!(ask(&mut stream, &post("/", "")).await.is_none());
    let counters = served.control.counters();
    assert_eq!(
        (
            counters.handshake_expired_certificate,
            counters.handshakes_resumed
        ),
        (1, 2)
    );
}

#[tokio::test]
async fn a_name_taken_away_loses_its_connections_too() {
    let authority = Authority::new();
    let config = guarded(&authority, &[KMS]);
    let served = serve(&config);
    let own = authority.client(&[KMS]);
    let client = client_config(&authority, Some(&own), &[], &[&version::TLS13]);
    let mut stream = served.connect_tls(client.clone()).await.unwrap();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);

    served.control.reload(&config).unwrap();
    assert_eq!(ask(&mut stream, &post("/", "")).await.unwrap().status, 200);

    let mut changed = config.clone();
    changed.mtls.as_mut().unwrap().common_names = vec!["another".to_owned()];
    served.control.reload(&changed).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "closed in order");
    assert_eq!(attempt(&served, &authority, Some(&own)).await, None);
}
