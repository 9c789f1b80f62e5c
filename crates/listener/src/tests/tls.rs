//! TLS as a client negotiates it.

use std::sync::Arc;

use ambient::{ManualClock, SystemClock};
use http_body_util::Full;
use rcgen::{CertificateParams, KeyPair};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, version};
use tokio::io::AsyncWriteExt;

use super::kit::*;
use crate::*;

fn https(authority: &Authority) -> ListenerConfig {
    ListenerConfig {
        tls: Some(authority.server()),
        ..loopback()
    }
}

#[tokio::test]
async fn xks_gen_02_http1_and_http2_are_chosen_by_alpn() {
    let authority = Authority::new();
    let served = serve(&https(&authority));
    for (alpn, expected) in [
        (&[][..], "Http1"),
        (&["http/1.1"], "Http1"),
        (&["http/1.1", "h2"], "Http2"),
        (&["h2"], "Http2"),
    ] {
        let mut stream = served.connect_tls(authority.trusting(alpn)).await.unwrap();
        if expected == "Http2" {
            let request = http::Request::post("https://xks.test/p?q=1")
                .body(Full::default())
                .unwrap();
            let mut client = http2(stream).await;
            let response = client.send_request(request).await.unwrap();
            assert_eq!(response.version(), http::Version::HTTP_2);
            let body = http_body_util::BodyExt::collect(response.into_body())
                .await
                .unwrap()
                .to_bytes();
            let text = String::from_utf8_lossy(&body);
            assert!(text.contains("protocol=Http2"), "{text}");
            assert!(
                text.contains("path=/p query=q=1 authority=Some(\"xks.test\")"),
                "{text}"
            );
        } else {
            let answer = ask(&mut stream, &post("/", "")).await.unwrap();
            assert!(answer.body.contains("protocol=Http1"));
            assert!(answer.head.contains("date: "));
        }
    }
    assert!(served.connect_tls(authority.trusting(&["spdy/3"])).await.is_err());
    eventually(|| served.control.counters().handshake_incompatible == 1).await;
}

#[tokio::test]
async fn xks_tls_01_exactly_the_specifications_suites() {
    let authority = Authority::new();
    let ecdsa = authority.server();
    let params = CertificateParams::new(vec!["xks.test".to_owned()]).unwrap();
    let rsa_key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let rsa = authority.issue_with("rsa", &params, &rsa_key);
    let mut accepted = Vec::new();
    for files in [ecdsa, rsa] {
        let served = serve(&ListenerConfig {
            tls: Some(files),
            ..loopback()
        });
        for suite in rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES {
            let mut client = authority.trusting(&[]);
            client = only(&authority, &client, vec![*suite], &[]);
            if served.connect_tls(client).await.is_ok() && !accepted.contains(&suite.suite()) {
                accepted.push(suite.suite());
            }
        }
    }
    accepted.sort_by_key(|suite| u16::from(*suite));
    let expected = [
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ];
    assert_eq!(accepted, expected);
}

/// The client narrowed to these suites, and groups if any are given.
fn only(
    authority: &Authority,
    like: &rustls::ClientConfig,
    cipher_suites: Vec<rustls::SupportedCipherSuite>,
    groups: &[&'static dyn rustls::crypto::SupportedKxGroup],
) -> rustls::ClientConfig {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    let twelve = cipher_suites.iter().any(|suite| suite.tls13().is_none());
    let thirteen = cipher_suites.iter().any(|suite| suite.tls13().is_some());
    provider.cipher_suites = cipher_suites;
    if !groups.is_empty() {
        provider.kx_groups = groups.to_vec();
    }
    let mut versions = Vec::new();
    if thirteen {
        versions.push(&version::TLS13);
    }
    if twelve {
        versions.push(&version::TLS12);
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&versions)
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    config.alpn_protocols.clone_from(&like.alpn_protocols);
    config
}

#[tokio::test]
async fn xks_tls_01_versions_and_groups() {
    use rustls::crypto::aws_lc_rs::kx_group as group;
    let authority = Authority::new();
    let served = serve(&https(&authority));
    for (versions, expected) in [
        (&[&version::TLS13][..], ProtocolVersion::TLSv1_3),
        (&[&version::TLS12], ProtocolVersion::TLSv1_2),
        (&[&version::TLS12, &version::TLS13], ProtocolVersion::TLSv1_3),
    ] {
        let stream = served
            .connect_tls(client_config(&authority, None, &[], versions))
            .await
            .unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(expected));
        if expected == ProtocolVersion::TLSv1_3 {
            let agreed = session.negotiated_key_exchange_group().unwrap().name();
            assert_eq!(agreed, NamedGroup::X25519MLKEM768);
        }
    }
    let like = authority.trusting(&[]);
    let suites = || rustls::crypto::aws_lc_rs::DEFAULT_CIPHER_SUITES.to_vec();
    for group in [
        group::X25519MLKEM768,
        group::X25519,
        group::SECP256R1,
        group::SECP384R1,
    ] {
        let client = only(&authority, &like, suites(), &[group]);
        assert!(served.connect_tls(client).await.is_ok(), "{group:?}");
    }
    let client = only(&authority, &like, suites(), &[group::SECP256R1MLKEM768]);
    assert!(served.connect_tls(client).await.is_err());
}

#[tokio::test]
async fn xks_tls_02_the_certificate_must_cover_the_configured_names() {
    let authority = Authority::new();
    let mut config = https(&authority);
    config.tls.as_mut().unwrap().names = vec!["xks.test".to_owned()];
    let served = serve(&config);
    assert!(served.connect_tls(authority.trusting(&[])).await.is_ok());
    let certificate = served.control.certificate().unwrap();
    assert_eq!(certificate.dns_names, ["xks.test"]);

    config.tls.as_mut().unwrap().names.push("other.test".to_owned());
    let refused = Listener::bind(&config, Arc::new(SystemClock));
    assert!(matches!(refused, Err(BindError::Tls(TlsError::Name { name, .. })) if name == "other.test"));
    let refused = served.control.reload(&config);
    assert!(matches!(refused, Err(ReloadError::Tls(TlsError::Name { .. }))));
    assert!(served.connect_tls(authority.trusting(&[])).await.is_ok());
}

#[tokio::test]
async fn silence_and_garbage_instead_of_a_handshake_are_counted() {
    let authority = Authority::new();
    let mut config = https(&authority);
    config.limits.handshake = std::time::Duration::from_millis(20);
    config.limits.first_byte = std::time::Duration::from_millis(20);
    let served = serve(&config);
    let mut silent = served.connect().await;
    assert!(closed(&mut silent).await);
    let mut stuck = served.connect().await;
    stuck.write_all(&[22, 3, 1]).await.unwrap();
    assert!(closed(&mut stuck).await);
    let mut garbage = served.connect().await;
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(closed(&mut garbage).await);
    let mut hung_up = served.connect().await;
    hung_up.write_all(&[22, 3, 1]).await.unwrap();
    drop(hung_up);
    eventually(|| {
        let counters = served.control.counters();
        (counters.timeout_first_byte, counters.timeout_handshake) == (1, 1)
            && (counters.handshake_malformed, counters.handshake_broken) == (1, 1)
    })
    .await;
}

#[tokio::test]
async fn a_client_that_distrusts_us_is_counted() {
    let authority = Authority::new();
    let served = serve(&https(&authority));
    let stranger = Authority::new();
    assert!(served.connect_tls(stranger.trusting(&[])).await.is_err());
    eventually(|| served.control.counters().handshake_alert == 1).await;
}

#[tokio::test]
async fn sessions_resume_without_early_data_until_a_reload() {
    let authority = Authority::new();
    let config = https(&authority);
    let served = serve(&config);
    let mut client = authority.trusting(&[]);
    client.enable_early_data = true;
    for (reload, resumed) in [(false, false), (false, true), (true, false), (false, true)] {
        if reload {
            served.control.reload(&config).unwrap();
        }
        let mut stream = served.connect_tls(client.clone()).await.unwrap();
        assert!(!stream.get_ref().1.is_early_data_accepted());
        let answer = ask(&mut stream, &post("/", "")).await.unwrap();
        assert!(
            answer.body.contains(&format!("resumed: {resumed}")),
            "{}",
            answer.body
        );
    }
    assert_eq!(served.control.counters().handshakes_resumed, 2);
}

#[tokio::test]
async fn a_reload_is_whole_or_not_at_all_and_disturbs_no_connection() {
    let authority = Authority::new();
    let config = https(&authority);
    let served = serve(&config);
    let mut before = served.connect_tls(authority.trusting(&[])).await.unwrap();
    assert_eq!(ask(&mut before, &post("/", "")).await.unwrap().status, 200);

    // The new key alone: it does not belong to the certificate.
    let files = config.tls.as_ref().unwrap();
    let old_key = std::fs::read(&files.private_key_file).unwrap();
    std::fs::write(
        &files.private_key_file,
        KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    let refused = served.control.reload(&config);
    assert!(matches!(refused, Err(ReloadError::Tls(TlsError::Pair { .. }))));
    std::fs::write(&files.private_key_file, old_key).unwrap();
    assert!(served.connect_tls(authority.trusting(&[])).await.is_ok());

    // Another authority: its clients get in, and only they.
    let next = Authority::new();
    let mut changed = config.clone();
    changed.tls = Some(next.server());
    served.control.reload(&changed).unwrap();
    assert!(served.connect_tls(next.trusting(&[])).await.is_ok());
    assert!(served.connect_tls(authority.trusting(&[])).await.is_err());
    assert_eq!(ask(&mut before, &post("/", "")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_reload_refuses_what_is_expired_or_fixed() {
    let authority = Authority::new();
    let config = https(&authority);
    let clock = Arc::new(ManualClock::at(ambient::Timestamp::from_secs(1_800_000_000)));
    let served = serve_with_clock(&config, clock.clone());
    let mut params = CertificateParams::new(vec!["xks.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let expired = authority.issue_with("expired", &params, &KeyPair::generate().unwrap());
    let mut changed = config.clone();
    changed.tls = Some(expired);
    let refused = served.control.reload(&changed);
    assert!(matches!(refused, Err(ReloadError::Tls(TlsError::NotValidNow(_)))));
    for change in [
        ListenerConfig {
            name: "other".to_owned(),
            ..config.clone()
        },
        ListenerConfig {
            address: "127.0.0.1:1".parse().unwrap(),
            ..config.clone()
        },
        ListenerConfig {
            tls: None,
            ..config.clone()
        },
    ] {
        assert!(matches!(
            served.control.reload(&change),
            Err(ReloadError::Fixed(_))
        ));
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let good = authority.server();
    let missing = authority.directory.path().join("missing.pem");
    let empty = authority.directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for tls in [
        TlsConfig {
            certificate_file: missing.clone(),
            ..good.clone()
        },
        TlsConfig {
            private_key_file: missing.clone(),
            ..good.clone()
        },
        TlsConfig {
            certificate_file: empty.clone(),
            ..good.clone()
        },
        TlsConfig {
            private_key_file: empty.clone(),
            ..good.clone()
        },
    ] {
        let config = ListenerConfig {
            tls: Some(tls),
            ..loopback()
        };
        let Err(error) = Listener::bind(&config, Arc::new(SystemClock)) else {
            panic!("bound");
        };
        let text = error.to_string();
        assert!(
            text.contains("missing.pem") || text.contains("empty.pem"),
            "{text}"
        );
    }
}
