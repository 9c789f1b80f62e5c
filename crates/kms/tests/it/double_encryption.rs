//! Keys in an external key store: encrypted twice, undone in the opposite order.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kms_api::ErrorName;
use serde_json::{Value, json};

use crate::key_stores::kit::Site;

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn base64(bytes: &[u8]) -> Value {
    json!(STANDARD.encode(bytes))
}

/// What the proxy was asked for, by operation: `encrypt`, `decrypt`.
fn bodies(site: &Site, operation: &str) -> Vec<Value> {
    let seen = site.proxy.seen().into_iter();
    seen.filter(|seen| seen.path.ends_with(operation))
        .map(|seen| seen.body)
        .collect()
}

async fn encrypt(site: &Site, key: &str, plaintext: &[u8]) -> Vec<u8> {
    let body = json!({"KeyId": key, "Plaintext": base64(plaintext)});
    bytes(&site.call("Encrypt", body).await.unwrap()["CiphertextBlob"])
}

async fn decrypt(site: &Site, blob: &[u8]) -> Result<Vec<u8>, ErrorName> {
    let body = json!({"CiphertextBlob": base64(blob)});
    let answer = site.call("Decrypt", body).await;
    answer
        .map(|answer| bytes(&answer["Plaintext"]))
        .map_err(|error| error.name())
}

/// The largest that may be asked for, and the proxy sees nothing of it.
#[tokio::test]
async fn the_proxy_sees_neither_plaintext_nor_context() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let key = site.key(&store, "key-1").await;
    let plaintext = vec![0x5a; 4096];
    let context = json!({"name": "v".repeat(8188)});
    let sealed = site
        .call(
            "Encrypt",
            json!({"KeyId": key, "Plaintext": base64(&plaintext), "EncryptionContext": context}),
        )
        .await
        .unwrap();
    let opened = site
        .call(
            "Decrypt",
            json!({"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": context}),
        )
        .await
        .unwrap();
    assert_eq!(bytes(&opened["Plaintext"]), plaintext);
    assert!(bytes(&sealed["CiphertextBlob"]).len() <= 6144);
    // Of a key in an external key store AWS shows no material.
    assert_eq!(opened.get("KeyMaterialId"), None);
    let asked = bodies(&site, "/encrypt");
    let given = bytes(&asked[0]["plaintext"]);
    assert_eq!(given.len(), 4096 + 40);
    assert!(!given.windows(8).any(|window| window == [0x5a; 8]));
    let aad = bytes(&asked[0]["additionalAuthenticatedData"]);
    assert!(aad.len() < 300);
    assert!(!asked[0].to_string().contains("vvvvvvvv"));
    assert_eq!(asked[0]["ciphertextDataIntegrityValueAlgorithm"], "SHA_256");
    let undone = bodies(&site, "/decrypt");
    assert_eq!(
        undone[0]["additionalAuthenticatedData"],
        asked[0]["additionalAuthenticatedData"]
    );
}

/// Where the header ends: what stands behind it is the proxy's.
fn header_len(blob: &[u8]) -> usize {
    36 + usize::from(u16::from_be_bytes([blob[34], blob[35]])) + 4
}

/// A damaged header is found by us, everything else by the proxy.
#[tokio::test]
async fn one_flipped_bit_anywhere_is_refused() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let key = site.key(&store, "key-1").await;
    let blob = encrypt(&site, &key, b"hi").await;
    let header = header_len(&blob);
    assert!(header < blob.len());
    let metadata = usize::from(blob[header]);
    let iv = header + 1 + metadata;
    let mut by_the_proxy = 0;
    // Not before: opening the database waits for threads.
    tokio::time::pause();
    for bit in 0..blob.len() * 8 {
        if bit % 200 == 0 {
            // Within the store's quota.
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let at = bit / 8;
        let mut flipped = blob.clone();
        flipped[at] ^= 1 << (bit % 8);
        let refused = decrypt(&site, &flipped).await.unwrap_err();
        let structure = at <= header || at == iv;
        match refused {
            ErrorName::KmsInvalidStateException => by_the_proxy += 1,
            ErrorName::InvalidCiphertextException => assert!(structure, "bit {bit}"),
            other => panic!("bit {bit}: {other}"),
        }
        assert!(
            at >= header || refused == ErrorName::InvalidCiphertextException,
            "bit {bit}"
        );
    }
    assert!(by_the_proxy >= (blob.len() - header - 2) * 8);
    assert_eq!(decrypt(&site, &blob).await.unwrap(), b"hi");
}

/// The proxy of these tests has one key behind every external key id. Neither with one KMS key's
/// header over the other's ciphertext, nor with what the one's proxy would decrypt.
#[tokio::test]
async fn two_kms_keys_over_one_external_key_do_not_read_each_others_blobs() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let (a, b) = (site.key(&store, "key-1").await, site.key(&store, "key-2").await);
    let (from_a, from_b) = (encrypt(&site, &a, b"a's").await, encrypt(&site, &b, b"b's").await);
    let header = header_len(&from_a);
    assert_eq!(header, header_len(&from_b));
    let crossed = [&from_b[..header], &from_a[header..]].concat();
    assert_eq!(
        decrypt(&site, &crossed).await,
        Err(ErrorName::KmsInvalidStateException)
    );
    // A proxy that does not look at the additional data gives out a's inner layer; b's material does
    // not open it.
    let inner = bodies(&site, "/encrypt")[0]["plaintext"].clone();
    site.proxy
        .behave(testkit::xks_proxy::Behaviour::Edits(std::sync::Arc::new(
            move |_, answer| answer["plaintext"] = inner.clone(),
        )));
    let body = json!({"CiphertextBlob": base64(&from_b)});
    let (name, message) = site.refused("Decrypt", body).await;
    assert_eq!(name, ErrorName::KmsInvalidStateException);
    assert!(!message.is_empty());
    assert_eq!(decrypt(&site, &from_a).await.unwrap(), b"a's");
}

#[tokio::test]
async fn data_keys_and_re_encryption() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let external = site.key(&store, "key-1").await;
    let own = site.call("CreateKey", json!({})).await.unwrap()["KeyMetadata"]["KeyId"].clone();
    let made = site
        .call(
            "GenerateDataKey",
            json!({"KeyId": external, "KeySpec": "AES_256"}),
        )
        .await
        .unwrap();
    assert_eq!(made.get("KeyMaterialId"), None);
    let mut blob = made["CiphertextBlob"].clone();
    for (destination, source_shown) in [(&own, false), (&json!(external), true)] {
        let body = json!({"CiphertextBlob": blob, "DestinationKeyId": destination});
        let again = site.call("ReEncrypt", body).await.unwrap();
        assert_eq!(again.get("SourceKeyMaterialId").is_some(), source_shown);
        assert_eq!(again.get("DestinationKeyMaterialId").is_some(), !source_shown);
        blob = again["CiphertextBlob"].clone();
        let opened = decrypt(&site, &bytes(&blob)).await.unwrap();
        assert_eq!(opened, bytes(&made["Plaintext"]));
    }
    assert_eq!(bodies(&site, "/encrypt").len(), 2);
    assert_eq!(bodies(&site, "/decrypt").len(), 2);
}

/// The key that is disabled, or whose store is disconnected, while its proxy takes its time gives
/// nothing out when the answer comes.
#[tokio::test]
async fn what_was_stopped_while_the_proxy_answered_stays_in() {
    use testkit::xks_proxy::Behaviour;
    let site = Site::with(|config| {
        for operation in ["EnableKey", "DisableKey", "CancelKeyDeletion"] {
            let rate = 10_000.0.try_into().unwrap();
            config.quotas.operations.insert(operation.to_owned(), rate);
        }
    })
    .await;
    let store = site.connected("store").await;
    let own = site.call("CreateKey", json!({})).await.unwrap()["KeyMetadata"]["KeyId"].clone();
    let key = json!(site.key(&store, "key-1").await);
    let blob = base64(&encrypt(&site, key.as_str().unwrap(), b"hi").await);
    let disable = |key: &Value| ("DisableKey", json!({ "KeyId": key }));
    let delete = ("ScheduleKeyDeletion", json!({ "KeyId": key }));
    let disconnect = ("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
    let decrypt = ("Decrypt", json!({ "CiphertextBlob": blob }));
    let encrypt = ("Encrypt", json!({"KeyId": key, "Plaintext": "aGk="}));
    let data_key = ("GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"}));
    let re_encrypt = (
        "ReEncrypt",
        json!({"CiphertextBlob": blob, "DestinationKeyId": own}),
    );
    let invalid_state = ErrorName::KmsInvalidStateException;
    for (asked, stop, expected) in [
        (&decrypt, disable(&key), ErrorName::DisabledException),
        (&encrypt, disable(&key), ErrorName::DisabledException),
        (&data_key, disable(&key), ErrorName::DisabledException),
        (&re_encrypt, disable(&own), ErrorName::DisabledException),
        (&decrypt, delete, invalid_state),
        (&decrypt, disconnect, invalid_state),
    ] {
        site.proxy.behave(Behaviour::Stopped);
        let stopping = async {
            site.call(stop.0, stop.1.clone()).await.unwrap();
            site.proxy.behave(Behaviour::Works);
        };
        let (answer, ()) = tokio::join!(site.call(asked.0, asked.1.clone()), stopping);
        let refused = answer.map_err(|error| error.name());
        assert_eq!(refused, Err(expected), "{} and {}", asked.0, stop.0);
        // A key that is to be deleted can be kept, and is disabled then.
        let _ = site.call("CancelKeyDeletion", json!({ "KeyId": key })).await;
        for key in [&key, &own] {
            site.call("EnableKey", json!({ "KeyId": key })).await.unwrap();
        }
    }
}

/// A trial asks no proxy.
#[tokio::test]
async fn trials_stay_here() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let key = site.key(&store, "key-1").await;
    let blob = encrypt(&site, &key, b"hi").await;
    let asked = site.proxy.seen().len();
    for (operation, body) in [
        (
            "Encrypt",
            json!({"KeyId": key, "Plaintext": "aGk=", "DryRun": true}),
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": base64(&blob), "DryRun": true}),
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256", "DryRun": true}),
        ),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": base64(&blob), "DestinationKeyId": key, "DryRun": true}),
        ),
    ] {
        let (name, _) = site.refused(operation, body).await;
        assert_eq!(name, ErrorName::DryRunOperationException);
    }
    assert_eq!(site.proxy.seen().len(), asked);
}

/// What custom key stores do not have is `UnsupportedOperationException`, whatever the key's state.
#[tokio::test]
async fn what_keys_in_a_store_do_not_have() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let key = site.key(&store, "key-1").await;
    let described = site.call("DescribeKey", json!({"KeyId": key})).await.unwrap();
    let metadata = &described["KeyMetadata"];
    assert_eq!(metadata["Origin"], "EXTERNAL_KEY_STORE");
    assert_eq!(metadata["CustomKeyStoreId"], json!(store));
    assert_eq!(metadata["XksKeyConfiguration"], json!({"Id": "key-1"}));
    assert_eq!(metadata.get("CurrentKeyMaterialId"), None);
    for state in ["Enabled", "Disabled", "PendingDeletion"] {
        for (operation, body) in [
            ("EnableKeyRotation", json!({"KeyId": key})),
            ("DisableKeyRotation", json!({"KeyId": key})),
            ("GetKeyRotationStatus", json!({"KeyId": key})),
            ("ListKeyRotations", json!({"KeyId": key})),
            ("RotateKeyOnDemand", json!({"KeyId": key})),
        ] {
            let (name, message) = site.refused(operation, body).await;
            assert_eq!(
                name,
                ErrorName::UnsupportedOperationException,
                "{operation} in {state}: {message}"
            );
        }
        match state {
            "Enabled" => drop(site.call("DisableKey", json!({"KeyId": key})).await.unwrap()),
            _ => drop(site.call("ScheduleKeyDeletion", json!({"KeyId": key})).await),
        }
    }
    let other = site.key(&store, "key-2").await;
    for (operation, body) in [
        (
            "GenerateDataKeyPair",
            json!({"KeyId": other, "KeyPairSpec": "RSA_2048"}),
        ),
        (
            "GetParametersForImport",
            json!({"KeyId": other, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        ),
        (
            "ReplicateKey",
            json!({"KeyId": other, "ReplicaRegion": "us-east-1"}),
        ),
    ] {
        let (name, _) = site.refused(operation, body).await;
        assert_eq!(name, ErrorName::UnsupportedOperationException, "{operation}");
    }
    let random = json!({"NumberOfBytes": 8, "CustomKeyStoreId": store});
    let (name, _) = site.refused("GenerateRandom", random).await;
    assert_eq!(name, ErrorName::UnsupportedOperationException);
}
