//! Encrypt: members, sizes, CDIV.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::sha256;
use serde_json::json;

use super::faulty::Mode;
use super::world::{Encrypted, World, encrypt_body};
use crate::Settings;

#[tokio::test]
async fn xks_enc_01_a_plaintext_of_4300_bytes_is_processed() {
    let world = World::new().await;
    for len in [0, 1, 32, 4096, 4300] {
        let encrypted = world.encrypt(&vec![7; len], None).await;
        assert_eq!(world.decrypt(&encrypted).await.bytes("plaintext"), vec![7; len]);
    }
}

#[tokio::test]
async fn a_plaintext_is_taken_up_to_the_configured_limit() {
    for (settings, limit) in [
        (Settings::default(), 8192),
        (
            Settings {
                max_plaintext_bytes: 4300,
                ..Settings::default()
            },
            4300,
        ),
        (
            Settings {
                max_plaintext_bytes: 65_535,
                ..Settings::default()
            },
            65_535,
        ),
    ] {
        let world = World::with(&settings).await;
        let ask = async |len: usize| {
            world
                .ask("/keys/both/encrypt", &encrypt_body(&vec![7; len], None))
                .await
        };
        ask(limit).await.is_success();
        for len in [limit + 1, limit + 2, limit + 3, limit + 1000] {
            ask(len).await.is_error("UnsupportedOperationException");
        }
    }
}

#[tokio::test]
async fn xks_enc_03_the_algorithm_is_aes_gcm() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    world.ask("/keys/both/encrypt", &body).await.is_success();
    for algorithm in ["AES_GCM_SIV", "aes_gcm", "", "AES_GCM "] {
        body["encryptionAlgorithm"] = algorithm.into();
        world
            .ask("/keys/both/encrypt", &body)
            .await
            .is_error("ValidationException");
    }
    body.as_object_mut().unwrap().remove("encryptionAlgorithm");
    world
        .ask("/keys/both/encrypt", &body)
        .await
        .is_error("ValidationException");
}

#[tokio::test]
async fn a_missing_or_malformed_plaintext_is_invalid() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    for plaintext in [
        json!(null),
        json!(7),
        json!("YQ"),
        json!("YQ="),
        json!("YR=="),
        json!("Y Q=="),
        json!("-_-_"),
    ] {
        body["plaintext"] = plaintext;
        world
            .ask("/keys/both/encrypt", &body)
            .await
            .is_error("ValidationException");
    }
    body.as_object_mut().unwrap().remove("plaintext");
    world
        .ask("/keys/both/encrypt", &body)
        .await
        .is_error("ValidationException");
}

#[tokio::test]
async fn xks_enc_04_the_aad_is_authenticated() {
    let world = World::new().await;
    let mut encrypted = world.encrypt(b"plain", Some(b"project=nile")).await;
    world.decrypt(&encrypted).await.is_success();
    for aad in [
        None,
        Some(b"".to_vec()),
        Some(b"project=nilf".to_vec()),
        Some(b"project=nile ".to_vec()),
    ] {
        encrypted.aad = aad;
        world
            .decrypt(&encrypted)
            .await
            .is_error("InvalidCiphertextException");
    }
    let mut body = encrypt_body(b"x", None);
    body["additionalAuthenticatedData"] = "not base64!".into();
    world
        .ask("/keys/both/encrypt", &body)
        .await
        .is_error("ValidationException");
}

#[tokio::test]
async fn xks_enc_05_aad_of_8192_bytes_is_handled_and_more_as_configured() {
    for (settings, limit) in [
        (Settings::default(), 8192),
        (
            Settings {
                max_aad_bytes: 65_535,
                ..Settings::default()
            },
            65_535,
        ),
    ] {
        let world = World::with(&settings).await;
        for len in [0, 1, 8192, limit] {
            let encrypted = world.encrypt(b"x", Some(&vec![9; len])).await;
            world.decrypt(&encrypted).await.is_success();
        }
        for len in [limit + 1, limit + 2, limit + 3] {
            let body = encrypt_body(b"x", Some(&vec![9; len]));
            world
                .ask("/keys/both/encrypt", &body)
                .await
                .is_error("UnsupportedOperationException");
        }
    }
}

#[tokio::test]
async fn xks_enc_06_the_cdiv_algorithm_is_sha_256() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    for algorithm in ["SHA_512", "SHA-256", "sha_256", ""] {
        body["ciphertextDataIntegrityValueAlgorithm"] = algorithm.into();
        world
            .ask("/keys/both/encrypt", &body)
            .await
            .is_error("ValidationException");
    }
}

#[tokio::test]
async fn xks_enc_07_a_requested_cdiv_is_returned_and_right() {
    let world = World::new().await;
    for aad in [
        None,
        Some(b"".as_slice()),
        Some(b"project=nile,department=marketing".as_slice()),
    ] {
        let mut body = encrypt_body(b"Hello World!", aad);
        assert!(
            world
                .ask("/keys/both/encrypt", &body)
                .await
                .json()
                .get("ciphertextDataIntegrityValue")
                .is_none()
        );
        body["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256".into();
        let reply = world.ask("/keys/both/encrypt", &body).await;
        let Encrypted {
            ciphertext,
            iv,
            tag,
            metadata,
            ..
        } = Encrypted::of(&reply, aad);
        let expected = sha256(&[aad.unwrap_or_default(), &metadata, &iv, &ciphertext, &tag]);
        assert_eq!(reply.bytes("ciphertextDataIntegrityValue"), expected);
    }
}

#[tokio::test]
async fn xks_cdiv_01_a_requested_cdiv_is_returned() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    body["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256".into();
    let reply = world.ask("/keys/both/encrypt", &body).await;
    assert_eq!(reply.bytes("ciphertextDataIntegrityValue").len(), 32);
}

#[tokio::test]
async fn xks_cdiv_03_what_does_not_decrypt_on_trial_is_not_answered() {
    let world = World::new().await;
    world.fault.set(Mode::Corrupts);
    let mut body = encrypt_body(b"x", None);
    world
        .ask("/keys/both/encrypt", &body)
        .await
        .is_error("InternalException");
    body["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256".into();
    world
        .ask("/keys/both/encrypt", &body)
        .await
        .is_error("InternalException");
    world.fault.set(Mode::Well);
    world.ask("/keys/both/encrypt", &body).await.is_success();
}

#[tokio::test]
async fn xks_enc_08_the_answer_has_all_members_and_no_others() {
    let world = World::new().await;
    let reply = world.ask("/keys/both/encrypt", &encrypt_body(b"x", None)).await;
    let members: Vec<String> = reply.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "authenticationTag",
            "ciphertext",
            "ciphertextMetadata",
            "initializationVector"
        ]
    );
}

#[tokio::test]
async fn xks_enc_09_the_ciphertext_is_as_long_as_the_plaintext() {
    let world = World::new().await;
    for len in [0, 1, 2, 3, 15, 16, 17, 4300] {
        assert_eq!(world.encrypt(&vec![1; len], None).await.ciphertext.len(), len);
    }
}

#[tokio::test]
async fn xks_enc_10_metadata_of_format_1_is_returned() {
    let world = World::new().await;
    let encrypted = world.encrypt(b"x", None).await;
    assert_eq!((encrypted.metadata.len(), encrypted.metadata[0]), (17, 1));
}

#[tokio::test]
async fn xks_enc_11_the_metadata_has_at_most_20_bytes() {
    let world = World::new().await;
    for len in [0, 32, 4300] {
        assert!(world.encrypt(&vec![3; len], Some(b"aad")).await.metadata.len() <= 20);
    }
}

#[tokio::test]
async fn xks_enc_12_the_iv_has_12_or_16_bytes_and_never_repeats() {
    let world = World::new().await;
    let (a, b) = (world.encrypt(b"x", None).await, world.encrypt(b"x", None).await);
    assert!(matches!(a.iv.len(), 12 | 16));
    assert_ne!((&a.iv, &a.metadata), (&b.iv, &b.metadata));
}

#[tokio::test]
async fn xks_enc_13_the_tag_has_16_bytes_and_stands_apart() {
    let world = World::new().await;
    let encrypted = world.encrypt(b"twelve bytes", None).await;
    assert_eq!((encrypted.tag.len(), encrypted.ciphertext.len()), (16, 12));
}

#[tokio::test]
async fn xks_enc_14_no_tag_is_left_on_the_ciphertext() {
    let world = World::new().await;
    let encrypted = world.encrypt(b"twelve bytes", None).await;
    assert!(!encrypted.ciphertext.ends_with(&encrypted.tag));
    assert_eq!(encrypted.ciphertext.len(), 12);
}

/// Slashes of Base64 may be escaped in JSON; some serialisers do it.
#[tokio::test]
async fn escaped_slashes_in_base64_are_slashes() {
    let world = World::new().await;
    let mut request = world.request("/keys/both/encrypt", &encrypt_body(&[0xff; 33], None));
    let text = String::from_utf8(request.body)
        .unwrap()
        .replace('/', "\\/")
        .replace("\\/keys", "/keys");
    assert!(text.contains("\\/\\/"));
    request.body = text.into_bytes();
    world.sign(&mut request);
    let reply = world.send(&request).await;
    let decrypted = world.decrypt(&Encrypted::of(&reply, None)).await;
    assert_eq!(decrypted.json()["plaintext"], STANDARD.encode([0xff; 33]));
}
