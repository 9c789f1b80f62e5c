//! Cryptographic operations, on a key of KMS's own and on one in an external key store.

use kms_api::Operation;
use serde_json::{Value, json};

use crate::coverage::scene::{Scene, Subject, text};

/// Keys of both origins.
async fn subjects(scene: &Scene) -> [Subject; 2] {
    let store = scene.connected_store().await;
    [scene.subject().await, scene.subject_in(&store).await]
}

async fn opened(scene: &Scene, blob: &Value, context: Value) -> String {
    let body = json!({ "CiphertextBlob": blob, "EncryptionContext": context });
    text(&scene.call(Operation::Decrypt, body).await["Plaintext"])
}

#[tokio::test]
async fn kms_works_encrypt() {
    let scene = Scene::new().await;
    for subject in subjects(&scene).await {
        let body = json!({ "KeyId": subject.alias, "Plaintext": "QQ==", "EncryptionContext": { "a": "b" } });
        let sealed = scene.call(Operation::Encrypt, body).await;
        assert_eq!(sealed["KeyId"], subject.arn);
        assert_eq!(sealed["EncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
        assert_eq!(
            opened(&scene, &sealed["CiphertextBlob"], json!({ "a": "b" })).await,
            "QQ=="
        );
    }
}

#[tokio::test]
async fn kms_works_decrypt() {
    let scene = Scene::new().await;
    for subject in subjects(&scene).await {
        let answer = scene
            .call(Operation::Decrypt, json!({ "CiphertextBlob": subject.blob }))
            .await;
        assert_eq!(answer["Plaintext"], "SGVsbG8=");
        assert_eq!(answer["KeyId"], subject.arn);
        assert_eq!(answer["EncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
    }
}

#[tokio::test]
async fn kms_works_re_encrypt() {
    let scene = Scene::new().await;
    let [own, external] = subjects(&scene).await;
    for (source, destination) in [(&own, &external), (&external, &own), (&external, &external)] {
        let body = json!({
            "CiphertextBlob": source.blob,
            "DestinationKeyId": destination.id,
            "DestinationEncryptionContext": { "new": "context" },
        });
        let answer = scene.call(Operation::ReEncrypt, body).await;
        assert_eq!(
            (&answer["SourceKeyId"], &answer["KeyId"]),
            (&json!(source.arn), &json!(destination.arn))
        );
        let again = opened(&scene, &answer["CiphertextBlob"], json!({ "new": "context" })).await;
        assert_eq!(again, "SGVsbG8=");
    }
}

#[tokio::test]
async fn kms_works_generate_data_key() {
    let scene = Scene::new().await;
    for subject in subjects(&scene).await {
        // 32 and 16 bytes have 44 and 24 characters of Base64.
        for (members, len) in [
            (json!({ "KeySpec": "AES_256" }), 44),
            (json!({ "NumberOfBytes": 16 }), 24),
        ] {
            let mut body = members;
            body["KeyId"] = json!(subject.id);
            let answer = scene.call(Operation::GenerateDataKey, body).await;
            assert_eq!(answer["KeyId"], subject.arn);
            let plaintext = text(&answer["Plaintext"]);
            assert_eq!(plaintext.len(), len);
            assert_eq!(
                opened(&scene, &answer["CiphertextBlob"], json!({})).await,
                plaintext
            );
        }
    }
}

#[tokio::test]
async fn kms_works_generate_data_key_without_plaintext() {
    let scene = Scene::new().await;
    for subject in subjects(&scene).await {
        let body = json!({ "KeyId": subject.id, "KeySpec": "AES_128" });
        let answer = scene.call(Operation::GenerateDataKeyWithoutPlaintext, body).await;
        assert_eq!(answer.get("Plaintext"), None);
        assert_eq!(
            opened(&scene, &answer["CiphertextBlob"], json!({})).await.len(),
            24
        );
    }
}

#[tokio::test]
async fn kms_works_generate_random() {
    let scene = Scene::new().await;
    let random = || scene.call(Operation::GenerateRandom, json!({ "NumberOfBytes": 1024 }));
    let (one, other) = (random().await, random().await);
    assert_eq!(text(&one["Plaintext"]).len(), 1368);
    assert_ne!(one, other);
}
