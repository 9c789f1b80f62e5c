//! What goes over the wire is what AWS KMS sends.

use serde_json::json;
use testkit::xks_proxy::{ACCESS_KEY_ID, HOST, PREFIX};
use xks_client::Origin;

use crate::kit::{AAD, KEY_ARN, ORIGIN, decrypt_request, encrypt_request, key, world};

#[tokio::test]
async fn each_operation_works_and_sends_its_metadata() {
    let world = world();
    let origin = Origin {
        source_vpc: Some("vpc-1"),
        source_vpce: Some("vpce-2"),
        via_service: Some("ebs"),
        ..ORIGIN
    };
    let health = Origin::for_health("KmsHealthCheck", "id-1");
    world.client.health(health).await.unwrap();
    let metadata = world.client.key_metadata(&key(), origin.for_key_metadata()).await;
    assert_eq!(metadata.unwrap().value.key_spec, "AES_256");
    let mut request = encrypt_request(b"inner");
    request.metadata = origin.for_crypto(KEY_ARN);
    let encrypted = world.client.encrypt(&key(), request).await.unwrap();
    let mut request = decrypt_request(&encrypted.value);
    request.metadata = ORIGIN.for_crypto(KEY_ARN);
    let decrypted = world.client.decrypt(&key(), &request).await.unwrap();
    assert_eq!(decrypted.value.plaintext.expose(), b"inner");

    let seen = world.proxy.seen();
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
    let base = format!("{PREFIX}/kms/xks/v1");
    let expected = [
        "/health",
        "/keys/key-1/metadata",
        "/keys/key-1/encrypt",
        "/keys/key-1/decrypt",
    ];
    assert_eq!(paths, expected.map(|path| format!("{base}{path}")));
    let sent: Vec<_> = seen
        .iter()
        .map(|seen| seen.body["requestMetadata"].clone())
        .collect();
    let (id, alice) = (ORIGIN.request_id, ORIGIN.principal);
    assert_eq!(
        sent[0],
        json!({"kmsOperation": "KmsHealthCheck", "kmsRequestId": "id-1"})
    );
    // No KMS key yet, and no service in between.
    assert_eq!(
        sent[1],
        json!({"awsPrincipalArn": alice, "awsSourceVpc": "vpc-1", "awsSourceVpce": "vpce-2",
               "kmsOperation": "Encrypt", "kmsRequestId": id})
    );
    assert_eq!(
        sent[2],
        json!({"awsPrincipalArn": alice, "awsSourceVpc": "vpc-1", "awsSourceVpce": "vpce-2",
               "kmsKeyArn": KEY_ARN, "kmsOperation": "Encrypt", "kmsRequestId": id, "kmsViaService": "ebs"})
    );
    assert_eq!(
        sent[3],
        json!({"awsPrincipalArn": alice, "kmsKeyArn": KEY_ARN, "kmsOperation": "Encrypt", "kmsRequestId": id})
    );
}

#[tokio::test]
async fn xks_auth_02_requests_are_signed_over_host_and_date_for_kms_xks_proxy() {
    let world = world();
    world.encrypt().await.unwrap();
    let seen = &world.proxy.seen()[0];
    assert_eq!(seen.headers["host"], HOST);
    assert_eq!(seen.headers["content-type"], "application/json");
    let authorization = seen.headers["authorization"].to_str().unwrap();
    let scope = format!("Credential={ACCESS_KEY_ID}/20261121/eu-central-1/kms-xks-proxy/aws4_request, ");
    let start = format!("AWS4-HMAC-SHA256 {scope}SignedHeaders=host;x-amz-date, Signature=");
    assert!(authorization.starts_with(&start), "{authorization}");
}

#[tokio::test]
async fn the_cdiv_is_demanded_whatever_the_request_says() {
    let world = world();
    world.encrypt().await.unwrap();
    let seen = &world.proxy.seen()[0];
    assert_eq!(seen.body["ciphertextDataIntegrityValueAlgorithm"], "SHA_256");
    assert_eq!(seen.body["encryptionAlgorithm"], "AES_GCM");
}

#[tokio::test]
async fn the_largest_message_fits() {
    let world = world();
    let mut request = encrypt_request(&[7; 4_300]);
    request.aad = Some(vec![9; 8_192]);
    let encrypted = world.client.encrypt(&key(), request).await.unwrap();
    let mut request = decrypt_request(&encrypted.value);
    request.aad = Some(vec![9; 8_192]);
    let decrypted = world.client.decrypt(&key(), &request).await.unwrap();
    assert_eq!(decrypted.value.plaintext.expose(), [7; 4_300]);
    // Another AAD is another message.
    request.aad = Some(AAD.to_vec());
    assert!(world.client.decrypt(&key(), &request).await.is_err());
}
