//! What each client sees of a failing proxy: the whole table of AWS's documents (XKS specification,
//! "Error codes"; AWS KMS Developer Guide, external key stores), every row by every operation, with a
//! proxy that really fails so.

use std::sync::Arc;
use std::time::Duration;

use kms_api::{ErrorName, KmsError};
use serde_json::{Value, json};
use testkit::xks_proxy::{Behaviour, CertificateKind, Edit};
use xks_api::ErrorName as Xks;

use super::kit::{Site, credential, one, public, with};
use crate::support::{OTHER_ACCOUNT, REGION};

/// How the proxy is made to fail.
enum Order {
    Behaves(Behaviour),
    Shows(CertificateKind),
    /// Not the proxy: the key store is disconnected.
    Disconnected,
}

/// Which cryptographic operations fail, always with `KMSInvalidStateException`.
#[derive(Clone, Copy, PartialEq)]
enum Crypto {
    All,
    /// Those that decrypt.
    Decrypting,
    None,
}

/// A row: the failure; the exception of Create- and UpdateCustomKeyStore; the code of
/// ConnectCustomKeyStore; the exception of CreateKey; the cryptographic operations; words that only
/// this failure's message has. `None` is success.
struct Row {
    order: Order,
    key_store: Option<ErrorName>,
    connect: Option<&'static str>,
    create_key: Option<ErrorName>,
    crypto: Crypto,
    message: &'static str,
}

const MALFORMED: &str = "response of the external key store proxy cannot be interpreted";
const TOO_SLOW: &str = "did not respond in the time allotted";
const NO_KEY_MANAGER: &str = "cannot reach its external key manager";

fn rows() -> Vec<Row> {
    use ErrorName as K;
    let invalid_state = Some(K::CustomKeyStoreInvalidStateException);
    let invalid_response = Some(K::XksProxyInvalidResponseException);
    let unreachable = Some(K::XksProxyUriUnreachableException);
    let invalid_key = Some(K::XksKeyInvalidConfigurationException);
    let response = Some("XKS_PROXY_INVALID_RESPONSE");
    let not_reachable = Some("XKS_PROXY_NOT_REACHABLE");
    let timed_out = Some("XKS_PROXY_TIMED_OUT");
    let answers = |name, key_store, connect, create_key, message| Row {
        order: Order::Behaves(Behaviour::Answers(name)),
        key_store,
        connect,
        create_key,
        crypto: Crypto::All,
        message,
    };
    let fails = |order, key_store, connect, message| Row {
        order,
        key_store,
        connect,
        create_key: invalid_state,
        crypto: Crypto::All,
        message,
    };
    vec![
        answers(
            Xks::ValidationException,
            invalid_response,
            response,
            invalid_state,
            MALFORMED,
        ),
        answers(
            Xks::InvalidStateException,
            invalid_response,
            response,
            invalid_key,
            "is not enabled in its external key manager",
        ),
        answers(
            Xks::InvalidCiphertextException,
            invalid_response,
            response,
            invalid_state,
            "rejected the request: the ciphertext or the encryption context is corrupted",
        ),
        answers(
            Xks::InvalidKeyUsageException,
            invalid_response,
            response,
            invalid_key,
            "does not support the requested operation. Allow it in the external key manager",
        ),
        answers(
            Xks::AuthenticationFailedException,
            Some(K::XksProxyIncorrectAuthenticationCredentialException),
            Some("INVALID_CREDENTIALS"),
            invalid_state,
            "could not authenticate",
        ),
        answers(
            Xks::AccessDeniedException,
            invalid_response,
            Some("XKS_PROXY_ACCESS_DENIED"),
            invalid_state,
            "denied access",
        ),
        answers(
            Xks::KeyNotFoundException,
            invalid_response,
            response,
            Some(K::XksKeyNotFoundException),
            "was not found in its external key manager",
        ),
        answers(
            Xks::InvalidUriPathException,
            Some(K::XksProxyInvalidConfigurationException),
            Some("XKS_PROXY_INVALID_CONFIGURATION"),
            invalid_state,
            "the URI path is invalid",
        ),
        answers(
            Xks::ThrottlingException,
            unreachable,
            not_reachable,
            invalid_state,
            "request rate is too high",
        ),
        answers(
            Xks::InternalException,
            invalid_response,
            response,
            invalid_state,
            NO_KEY_MANAGER,
        ),
        answers(
            Xks::UnsupportedOperationException,
            invalid_response,
            response,
            invalid_state,
            "does not support the requested operation. If this repeats",
        ),
        answers(
            Xks::DependencyTimeoutException,
            unreachable,
            timed_out,
            invalid_state,
            TOO_SLOW,
        ),
        fails(
            Order::Behaves(Behaviour::Unreachable),
            unreachable,
            not_reachable,
            "cannot communicate",
        ),
        fails(
            Order::Shows(CertificateKind::Untrusted),
            unreachable,
            Some("XKS_PROXY_INVALID_TLS_CONFIGURATION"),
            "cannot establish a TLS connection",
        ),
        fails(
            Order::Behaves(Behaviour::Silent),
            unreachable,
            timed_out,
            TOO_SLOW,
        ),
        fails(
            Order::Behaves(Behaviour::Status(200, b"{}".to_vec())),
            invalid_response,
            response,
            MALFORMED,
        ),
        // A CDIV that does not match is a malformed answer of those that encrypt.
        Row {
            key_store: None,
            connect: None,
            create_key: None,
            ..fails(
                Order::Behaves(Behaviour::Edits(corrupt_plaintext())),
                None,
                None,
                "What the external key store proxy decrypted",
            )
        }
        .decrypting(),
        Row {
            create_key: None,
            crypto: Crypto::None,
            ..fails(
                Order::Behaves(Behaviour::Edits(unavailable())),
                unreachable,
                not_reachable,
                NO_KEY_MANAGER,
            )
        },
        Row {
            key_store: None,
            connect: None,
            ..fails(
                Order::Disconnected,
                None,
                None,
                "not connected to its external key store proxy",
            )
        },
    ]
}

impl Row {
    fn decrypting(mut self) -> Self {
        self.crypto = Crypto::Decrypting;
        self
    }
}

/// 200, and another plaintext than was encrypted.
fn corrupt_plaintext() -> Edit {
    Arc::new(|operation, body| {
        if operation == "decrypt" {
            let text = body["plaintext"].as_str().unwrap();
            let first = if text.starts_with('A') { "B" } else { "A" };
            body["plaintext"] = json!(format!("{first}{}", &text[1..]));
        }
    })
}

/// 200, and every external key manager is unavailable.
fn unavailable() -> Edit {
    Arc::new(|operation, body| {
        if operation == "health" {
            for instance in body["ekmFleetDetails"].as_array_mut().unwrap() {
                instance["healthStatus"] = json!("UNAVAILABLE");
            }
        }
    })
}

/// A connected store with a key, a key of KMS's own, and a ciphertext of each.
struct Scene {
    site: Site,
    store: String,
    key: String,
    plain: String,
    blob: Value,
    plain_blob: Value,
}

impl Scene {
    async fn new() -> Self {
        // Long enough for a busy machine, short enough to wait for a silent proxy.
        let site = Site::with(|config| config.key_stores.proxy_deadline = Duration::from_secs(1)).await;
        let store = site.connected("store").await;
        let key = site.key(&store, "key-1").await;
        let created = site.call("CreateKey", json!({})).await.unwrap();
        let plain = created["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        let encrypt = async |key: &str| {
            let answer = site
                .call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}))
                .await;
            answer.unwrap()["CiphertextBlob"].clone()
        };
        let (blob, plain_blob) = (encrypt(&key).await, encrypt(&plain).await);
        Self {
            site,
            store,
            key,
            plain,
            blob,
            plain_blob,
        }
    }

    async fn make(&self, order: &Order) {
        match order {
            Order::Behaves(behaviour) => {
                if matches!(behaviour, Behaviour::Unreachable) {
                    self.site.proxy.close_idle().await;
                }
                self.site.proxy.behave(behaviour.clone());
            }
            Order::Shows(certificate) => {
                self.site.proxy.show(*certificate);
                self.site.proxy.close_idle().await;
            }
            Order::Disconnected => {
                self.site.disconnect(&self.store).await;
                self.site.until(&self.store, "DISCONNECTED").await;
            }
        }
    }

    /// Every cryptographic operation, and whether it has the proxy decrypt.
    fn cryptographic(&self) -> [(&'static str, Value, bool); 6] {
        let Self {
            key,
            plain,
            blob,
            plain_blob,
            ..
        } = self;
        [
            ("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}), false),
            ("Decrypt", json!({ "CiphertextBlob": blob }), true),
            (
                "ReEncrypt",
                json!({"CiphertextBlob": blob, "DestinationKeyId": plain}),
                true,
            ),
            (
                "ReEncrypt",
                json!({"CiphertextBlob": plain_blob, "DestinationKeyId": key}),
                false,
            ),
            (
                "GenerateDataKey",
                json!({"KeyId": key, "KeySpec": "AES_256"}),
                false,
            ),
            (
                "GenerateDataKeyWithoutPlaintext",
                json!({"KeyId": key, "KeySpec": "AES_256"}),
                false,
            ),
        ]
    }
}

fn check(at: &str, result: Result<Value, KmsError>, expected: Option<ErrorName>, message: &str) {
    match (result, expected) {
        (Ok(_), None) => {}
        (Err(error), Some(name)) => {
            assert_eq!(error.name(), name, "{at}: {error:?}");
            let text = error.message().unwrap_or_default();
            assert!(text.contains(message), "{at}: {text}");
        }
        (Ok(answer), Some(name)) => panic!("{at}: {name} was expected, and it is {answer}"),
        (Err(error), None) => panic!("{at}: success was expected, and it is {error:?}"),
    }
}

#[tokio::test]
async fn xks_err_02_every_failure_by_every_operation() {
    let rows = rows();
    assert_eq!(rows.len(), xks_api::kms_exception::ProxyFailure::ALL.len());
    for (number, row) in rows.iter().enumerate() {
        let scene = Scene::new().await;
        let site = &scene.site;
        scene.make(&row.order).await;
        // Nobody waits for a proxy that says nothing: no call below touches the database then.
        let silent = matches!(row.order, Order::Behaves(Behaviour::Silent));
        if silent {
            tokio::time::pause();
        }
        for (operation, body, decrypts) in scene.cryptographic() {
            let fails = row.crypto == Crypto::All || row.crypto == Crypto::Decrypting && decrypts;
            let expected = fails.then_some(ErrorName::KmsInvalidStateException);
            let at = format!("row {number}, {operation}");
            check(&at, site.call(operation, body).await, expected, row.message);
        }
        let created = site.create_key(&scene.store, "key-2").await;
        check(
            &format!("row {number}, CreateKey"),
            created,
            row.create_key,
            row.message,
        );
        // Another account may have a store at the same address.
        let created = site.call_as(OTHER_ACCOUNT, REGION, "CreateCustomKeyStore", public("other"));
        check(
            &format!("row {number}, CreateCustomKeyStore"),
            created.await,
            row.key_store,
            row.message,
        );
        let body = with(
            one(&scene.store),
            "XksProxyAuthenticationCredential",
            credential(),
        );
        let updated = site.call("UpdateCustomKeyStore", body).await;
        check(
            &format!("row {number}, UpdateCustomKeyStore"),
            updated,
            row.key_store,
            row.message,
        );
        if silent {
            tokio::time::resume();
        }
        connects(&scene, number, row).await;
    }
}

async fn connects(scene: &Scene, number: usize, row: &Row) {
    let (site, store) = (&scene.site, &scene.store);
    if !matches!(row.order, Order::Disconnected) {
        site.disconnect(store).await;
        site.until(store, "DISCONNECTED").await;
    }
    site.connect(store).await;
    let state = if row.connect.is_some() {
        "FAILED"
    } else {
        "CONNECTED"
    };
    site.until(store, state).await;
    let entry = site.entry(store).await;
    let code = entry.get("ConnectionErrorCode").and_then(Value::as_str);
    assert_eq!(code, row.connect, "row {number}, ConnectCustomKeyStore");
}

/// What is wrong with the external key itself: three messages, each with the proxy's own word.
#[tokio::test]
async fn xks_meta_07_an_external_key_that_does_not_do_is_refused_by_name() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    for (member, value, shown) in [
        ("keySpec", json!("RSA_2048"), "RSA_2048"),
        ("keyStatus", json!("DISABLED"), "DISABLED"),
        ("keyUsage", json!(["ENCRYPT", "SIGN"]), "ENCRYPT, SIGN"),
        ("keyUsage", json!(["DECRYPT"]), "must include ENCRYPT"),
        ("keyUsage", json!([]), "must include ENCRYPT"),
    ] {
        site.proxy.behave(Behaviour::Edits(Arc::new(move |_, body| {
            body[member] = value.clone();
        })));
        let (name, message) = super::kit::refusal(site.create_key(&store, "key-1").await);
        assert_eq!(name, ErrorName::XksKeyInvalidConfigurationException);
        assert!(message.contains(shown), "{message}");
    }
    site.proxy.behave(Behaviour::Works);
    let missing = super::kit::refusal(site.create_key(&store, "missing").await);
    assert_eq!(missing.0, ErrorName::XksKeyNotFoundException);
    site.create_key(&store, "key-1").await.unwrap();
}

#[tokio::test]
async fn xks_uri_06_two_kms_keys_of_a_store_do_not_share_an_external_key() {
    let site = Site::new().await;
    let store = site.connected("store").await;
    let (one, two) = tokio::join!(site.create_key(&store, "key-1"), site.create_key(&store, "key-1"));
    let (made, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    made.unwrap();
    assert_eq!(
        super::kit::refusal(refused).0,
        ErrorName::XksKeyAlreadyInUseException
    );
    // Ids are compared as they are.
    site.create_key(&store, "KEY-1").await.unwrap();
}

/// Neither side's state moves the other's; both have to allow a use.
#[tokio::test]
async fn xks_meta_08_kms_keys_and_external_keys_have_states_of_their_own() {
    let scene = Scene::new().await;
    let site = &scene.site;
    let key = json!({ "KeyId": scene.key });
    let state = async || {
        let answer = site.call("DescribeKey", key.clone()).await.unwrap();
        answer["KeyMetadata"]["KeyState"].clone()
    };
    let encrypt = json!({"KeyId": scene.key, "Plaintext": "AAAA"});
    site.proxy.behave(Behaviour::Answers(Xks::InvalidStateException));
    assert_eq!(
        site.refused("Encrypt", encrypt.clone()).await.0,
        ErrorName::KmsInvalidStateException
    );
    assert_eq!(state().await, "Enabled");
    let asked = site.proxy.seen().len();
    site.call("DisableKey", key.clone()).await.unwrap();
    assert_eq!(
        site.refused("Encrypt", encrypt.clone()).await.0,
        ErrorName::DisabledException
    );
    site.call("EnableKey", key.clone()).await.unwrap();
    assert_eq!(site.proxy.seen().len(), asked, "the proxy is told nothing");
    site.proxy.behave(Behaviour::Works);
    site.call("Encrypt", encrypt).await.unwrap();
}

/// A ciphertext that the proxy finds wrong is `KMSInvalidStateException`, for KMS takes its word.
#[tokio::test]
async fn a_wrong_encryption_context_is_the_proxys_to_find() {
    let scene = Scene::new().await;
    let body = json!({"CiphertextBlob": scene.blob, "EncryptionContext": {"a": "b"}});
    let (name, message) = scene.site.refused("Decrypt", body).await;
    assert_eq!(name, ErrorName::KmsInvalidStateException);
    assert!(
        message.contains("the ciphertext or the encryption context"),
        "{message}"
    );
}

/// What the proxy is told of a caller.
#[tokio::test]
async fn the_proxy_is_told_who_asks_for_what_with_which_key() {
    let scene = Scene::new().await;
    let seen = scene.site.proxy.seen();
    let encrypt = seen.iter().find(|seen| seen.path.ends_with("/encrypt")).unwrap();
    let metadata = &encrypt.body["requestMetadata"];
    assert_eq!(metadata["awsPrincipalArn"], "arn:aws:iam::111122223333:root");
    assert_eq!(metadata["kmsOperation"], "Encrypt");
    let arn = metadata["kmsKeyArn"].as_str().unwrap();
    assert!(arn.ends_with(&format!("key/{}", scene.key)), "{arn}");
    let metadata = seen.iter().find(|seen| seen.path.ends_with("/metadata")).unwrap();
    let metadata = metadata.body["requestMetadata"].as_object().unwrap();
    assert_eq!(metadata["kmsOperation"], "CreateKey");
    assert!(!metadata.contains_key("kmsKeyArn"));
    let re_encrypt = json!({"CiphertextBlob": scene.blob, "DestinationKeyId": scene.key});
    scene.site.call("ReEncrypt", re_encrypt).await.unwrap();
    let seen = scene.site.proxy.seen();
    let ids: Vec<&Value> = seen[seen.len() - 2..]
        .iter()
        .map(|seen| &seen.body["requestMetadata"]["kmsRequestId"])
        .collect();
    assert_eq!(ids[0], ids[1], "one call, one id");
}
