//! The cryptographic operations on `AWS_KMS` keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{REGION, World};

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn base64(bytes: &[u8]) -> Value {
    json!(STANDARD.encode(bytes))
}

#[tokio::test]
async fn what_is_encrypted_is_decrypted() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let context = json!({"b": "2", "a": "1"});
    for len in [1, 2, 4095, 4096] {
        let plaintext = base64(&vec![7; len]);
        let sealed = world
            .call(
                "Encrypt",
                json!({"KeyId": arn, "Plaintext": plaintext, "EncryptionContext": context}),
            )
            .await
            .unwrap();
        assert_eq!(sealed["KeyId"], arn);
        assert_eq!(sealed["EncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
        assert!(bytes(&sealed["CiphertextBlob"]).len() <= 6144);
        let opened = world
            .call(
                "Decrypt",
                json!({"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": {"a": "1", "b": "2"}}),
            )
            .await
            .unwrap();
        assert_eq!(opened["Plaintext"], plaintext);
        assert_eq!(opened["KeyId"], arn);
        assert_eq!(opened["EncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
    }
    let too_long = json!({"KeyId": arn, "Plaintext": base64(&[0; 4097])});
    assert_eq!(
        world.refused_name("Encrypt", too_long).await,
        "ValidationException"
    );
}

/// No context and an empty one are the same; encrypting twice gives two ciphertexts.
#[tokio::test]
async fn an_empty_context_is_none() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let without = json!({"KeyId": arn, "Plaintext": "aGk="});
    let with = json!({"KeyId": arn, "Plaintext": "aGk=", "EncryptionContext": {}});
    let a = world.call("Encrypt", without).await.unwrap()["CiphertextBlob"].clone();
    let b = world.call("Encrypt", with).await.unwrap()["CiphertextBlob"].clone();
    assert_ne!(a, b);
    let crossed = [
        json!({"CiphertextBlob": a, "EncryptionContext": {}}),
        json!({"CiphertextBlob": b}),
    ];
    for body in crossed {
        assert_eq!(world.call("Decrypt", body).await.unwrap()["Plaintext"], "aGk=");
    }
}

/// AWS answers `InvalidCiphertextException`, without a message.
#[tokio::test]
async fn one_flipped_bit_anywhere_is_refused() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let sealed = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
    let blob = bytes(&sealed["CiphertextBlob"]);
    for bit in 0..blob.len() * 8 {
        let mut flipped = blob.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        for body in [
            json!({"CiphertextBlob": base64(&flipped)}),
            json!({"CiphertextBlob": base64(&flipped), "KeyId": arn}),
        ] {
            let refused = world.refused("Decrypt", body).await;
            assert_eq!(refused, "InvalidCiphertextException", "bit {bit}");
        }
    }
}

#[tokio::test]
async fn another_context_is_refused() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let context = json!({"tenant": "blue", "n": "1"});
    let sealed = world
        .call(
            "Encrypt",
            json!({"KeyId": arn, "Plaintext": "aGk=", "EncryptionContext": context}),
        )
        .await
        .unwrap();
    for other in [
        json!({}),
        json!({"tenant": "blue"}),
        json!({"tenant": "blue", "n": "1", "o": "2"}),
        json!({"tenant": "Blue", "n": "1"}),
        json!({"Tenant": "blue", "n": "1"}),
        json!({"tenantb": "lue", "n": "1"}),
        json!({"tenant": "1", "n": "blue"}),
    ] {
        let body = json!({"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": other});
        assert_eq!(
            world.refused("Decrypt", body).await,
            "InvalidCiphertextException",
            "{other}"
        );
    }
}

#[tokio::test]
async fn a_named_key_must_be_the_ciphertexts() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let other = world.create_key(json!({})).await;
    let sealed = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
    let blob = &sealed["CiphertextBlob"];
    let id = arn.rsplit('/').next().unwrap();
    for key in [arn.as_str(), id] {
        let body = json!({"CiphertextBlob": blob, "KeyId": key});
        assert_eq!(world.call("Decrypt", body).await.unwrap()["Plaintext"], "aGk=");
    }
    let body = json!({"CiphertextBlob": blob, "KeyId": other});
    assert_eq!(world.refused_name("Decrypt", body).await, "IncorrectKeyException");
    // In another Region the key does not exist.
    let caller = std::sync::Arc::clone(&world.caller);
    let error = world
        .call_as(&caller, "us-east-1", "Decrypt", json!({"CiphertextBlob": blob}))
        .await
        .unwrap_err();
    assert_eq!(error.name().as_str(), "AccessDeniedException");
    assert_ne!(REGION, "us-east-1");
}

#[tokio::test]
async fn data_keys_have_the_length_asked_for() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    for (ask, len) in [
        (json!({"KeySpec": "AES_256"}), 32),
        (json!({"KeySpec": "AES_128"}), 16),
        (json!({"NumberOfBytes": 1}), 1),
        (json!({"NumberOfBytes": 1024}), 1024),
    ] {
        for operation in ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"] {
            let mut body = ask.clone();
            body["KeyId"] = json!(arn);
            body["EncryptionContext"] = json!({"a": "b"});
            let made = world.call(operation, body).await.unwrap();
            let opened = world
                .call(
                    "Decrypt",
                    json!({"CiphertextBlob": made["CiphertextBlob"], "EncryptionContext": {"a": "b"}}),
                )
                .await
                .unwrap();
            assert_eq!(bytes(&opened["Plaintext"]).len(), len);
            assert_eq!(made["KeyMaterialId"], opened["KeyMaterialId"]);
            if operation == "GenerateDataKey" {
                assert_eq!(made["Plaintext"], opened["Plaintext"]);
            } else {
                assert_eq!(made.get("Plaintext"), None);
            }
        }
    }
    for ask in [json!({}), json!({"KeySpec": "AES_256", "NumberOfBytes": 32})] {
        let mut body = ask;
        body["KeyId"] = json!(arn);
        assert_eq!(
            world.refused("GenerateDataKey", body).await,
            "ValidationException: Please specify either number of bytes or key spec."
        );
    }
}

#[tokio::test]
async fn re_encrypt_changes_key_and_context() {
    let world = World::new().await;
    let (from, to) = (
        world.create_key(json!({})).await,
        world.create_key(json!({})).await,
    );
    let sealed = world
        .call(
            "Encrypt",
            json!({"KeyId": from, "Plaintext": "aGk=", "EncryptionContext": {"a": "1"}}),
        )
        .await
        .unwrap();
    let again = world
        .call(
            "ReEncrypt",
            json!({"CiphertextBlob": sealed["CiphertextBlob"], "SourceEncryptionContext": {"a": "1"},
                "DestinationKeyId": to, "DestinationEncryptionContext": {"b": "2"}}),
        )
        .await
        .unwrap();
    assert_eq!(
        (&again["SourceKeyId"], &again["KeyId"]),
        (&json!(from), &json!(to))
    );
    assert_eq!(
        again["SourceKeyMaterialId"],
        world.describe(&from).await["CurrentKeyMaterialId"]
    );
    assert_eq!(
        again["DestinationKeyMaterialId"],
        world.describe(&to).await["CurrentKeyMaterialId"]
    );
    let opened = world
        .call(
            "Decrypt",
            json!({"CiphertextBlob": again["CiphertextBlob"], "EncryptionContext": {"b": "2"}}),
        )
        .await
        .unwrap();
    assert_eq!(
        (&opened["Plaintext"], &opened["KeyId"]),
        (&json!("aGk="), &json!(to))
    );
    let wrong = json!({"CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": to});
    assert_eq!(
        world.refused("ReEncrypt", wrong).await,
        "InvalidCiphertextException"
    );
}

/// A trial that would succeed says so and does nothing; one that would fail, fails.
#[tokio::test]
async fn trials() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let sealed = world
        .call("Encrypt", json!({"KeyId": arn, "Plaintext": "aGk="}))
        .await
        .unwrap();
    let blob = &sealed["CiphertextBlob"];
    let used = world
        .call("GetKeyLastUsage", json!({"KeyId": arn}))
        .await
        .unwrap();
    let trials = [
        (
            "Encrypt",
            json!({"KeyId": arn, "Plaintext": "aGk=", "DryRun": true}),
        ),
        ("Decrypt", json!({"CiphertextBlob": blob, "DryRun": true})),
        (
            "Decrypt",
            json!({"KeyId": arn, "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}),
        ),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "DestinationKeyId": arn, "DryRun": true}),
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": arn, "KeySpec": "AES_256", "DryRun": true}),
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeyId": arn, "KeySpec": "AES_256", "DryRun": true}),
        ),
    ];
    for (operation, body) in &trials {
        let refused = world.refused_name(operation, body.clone()).await;
        assert_eq!(refused, "DryRunOperationException", "{operation}");
    }
    let after = world
        .call("GetKeyLastUsage", json!({"KeyId": arn}))
        .await
        .unwrap();
    assert_eq!(after, used);
    for (body, expected) in [
        (json!({"KeyId": arn, "DryRun": true}), "ValidationException"),
        (json!({"KeyId": arn}), "ValidationException"),
        (
            json!({"DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}),
            "ValidationException",
        ),
        (
            json!({"CiphertextBlob": blob, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}),
            "ValidationException",
        ),
        (
            json!({"CiphertextBlob": "AAAA", "DryRun": true}),
            "InvalidCiphertextException",
        ),
    ] {
        assert_eq!(
            world.refused_name("Decrypt", body.clone()).await,
            expected,
            "{body}"
        );
    }
    world.call("DisableKey", json!({"KeyId": arn})).await.unwrap();
    for (operation, body) in &trials {
        let refused = world.refused_name(operation, body.clone()).await;
        assert_eq!(refused, "DisabledException", "{operation}");
    }
}

#[tokio::test]
async fn other_algorithms_and_enclaves_are_refused() {
    let world = World::new().await;
    let arn = world.create_key(json!({})).await;
    let rsa = json!({"KeyId": arn, "Plaintext": "aGk=", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"});
    assert_eq!(
        world.refused("Encrypt", rsa).await,
        "InvalidKeyUsageException: Algorithm RSAES_OAEP_SHA_256 and key spec SYMMETRIC_DEFAULT are incompatible."
    );
    let recipient = json!({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "aGk="});
    for (operation, mut body) in [
        ("GenerateDataKey", json!({"KeyId": arn, "KeySpec": "AES_256"})),
        ("Decrypt", json!({"CiphertextBlob": "aGk="})),
        ("GenerateRandom", json!({"NumberOfBytes": 8})),
    ] {
        body["Recipient"] = recipient.clone();
        assert_eq!(world.refused_name(operation, body).await, "ValidationException");
    }
}

#[tokio::test]
async fn random_bytes() {
    let world = World::new().await;
    for len in [1, 1024] {
        let answer = world
            .call("GenerateRandom", json!({"NumberOfBytes": len}))
            .await
            .unwrap();
        assert_eq!(bytes(&answer["Plaintext"]).len(), len);
    }
    for (body, expected) in [
        (json!({}), "ValidationException"),
        (json!({"NumberOfBytes": 0}), "ValidationException"),
        (json!({"NumberOfBytes": 1025}), "ValidationException"),
        (
            json!({"NumberOfBytes": 8, "CustomKeyStoreId": "cks-1"}),
            "CustomKeyStoreNotFoundException",
        ),
    ] {
        assert_eq!(
            world.refused_name("GenerateRandom", body.clone()).await,
            expected,
            "{body}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_bytes_are_an_answer_to_decrypt(blob in prop::collection::vec(any::<u8>(), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let refused = world.refused("Decrypt", json!({"CiphertextBlob": base64(&blob)})).await;
            assert_eq!(refused, "InvalidCiphertextException");
        });
    }
}

/// CloudTrail names the key material, and of ReEncrypt both keys.
#[tokio::test]
async fn records_name_the_material() {
    let world = World::new().await;
    let (from, to) = (
        world.create_key(json!({})).await,
        world.create_key(json!({})).await,
    );
    let material = async |key: &str| world.describe(key).await["CurrentKeyMaterialId"].clone();
    let (old, new) = (material(&from).await, material(&to).await);
    let sealed = world
        .call("Encrypt", json!({"KeyId": from, "Plaintext": "aGk="}))
        .await
        .unwrap();
    let blob = &sealed["CiphertextBlob"];
    world
        .call("Decrypt", json!({"CiphertextBlob": blob}))
        .await
        .unwrap();
    world
        .call("GenerateDataKey", json!({"KeyId": to, "KeySpec": "AES_256"}))
        .await
        .unwrap();
    world
        .call(
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "DestinationKeyId": to}),
        )
        .await
        .unwrap();
    world.kms.trail().flush().await;
    let records = world.records();
    let of = |operation: &str| {
        let record = records.iter().find(|record| record["eventName"] == operation);
        record.unwrap()
    };
    for (operation, expected) in [
        ("Encrypt", json!({"keyMaterialId": old})),
        ("Decrypt", json!({"keyMaterialId": old})),
        ("GenerateDataKey", json!({"keyMaterialId": new})),
        (
            "ReEncrypt",
            json!({"sourceKeyMaterialId": old, "destinationKeyMaterialId": new}),
        ),
    ] {
        assert_eq!(of(operation)["additionalEventData"], expected, "{operation}");
    }
    let keys = of("ReEncrypt")["resources"].as_array().unwrap();
    let arns: Vec<&Value> = keys.iter().map(|key| &key["ARN"]).collect();
    assert_eq!(arns, [&json!(from), &json!(to)]);
}
