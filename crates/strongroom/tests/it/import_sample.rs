//! From AWS's sample proxy to here: what it encrypted decrypts, under the same path, ids and credential.

use std::fs;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::hsm::{PIN, Product, SoftwareHsm};

use crate::support::hsm::{PATIENT, argument, decrypt_body, run, section};
use crate::support::node::Node;
use crate::support::text;
use crate::support::xks::{Access, Connection, tls};

const ACCESS_KEY_ID: &str = "SAMPLEACCESSKEYID2345";
const SECRET: &str = "SampleSecretSampleSecretSampleSecret0123456789";
const KEY: [u8; 32] = [0x42; 32];

/// The sample's settings for this token, with this line about ciphertext metadata.
fn settings(hsm: &SoftwareHsm, metadata: &str) -> String {
    format!(
        "[server]\nip = \"127.0.0.1\"\nport = 443\nregion = \"us-east-1\"\nservice = \"kms-xks-proxy\"\n{metadata}\n\
         [server.tcp_keepalive]\ntcp_keepalive_secs = 60\n\n\
         [security]\nis_sigv4_auth_enabled = true\nis_tls_enabled = false\nis_mtls_enabled = false\n\n\
         [tracing]\nis_stdout_writer_enabled = true\nis_file_writer_enabled = false\n\n\
         [[external_key_stores]]\nuri_path_prefix = \"/example/one\"\nsigv4_access_key_id = {ACCESS_KEY_ID:?}\n\
         sigv4_secret_access_key = {SECRET:?}\nxks_key_id_set = [\"foo\"]\n\n\
         [[external_key_stores]]\nuri_path_prefix = \"\"\nsigv4_access_key_id = \"\"\n\
         sigv4_secret_access_key = \"\"\nxks_key_id_set = [\"foo\"]\n\n\
         [pkcs11]\nsession_pool_max_size = 4\nsession_pool_timeout_milli = 0\nsession_eager_close = false\n\
         user_pin = {PIN:?}\nPKCS11_HSM_MODULE = {module:?}\ncontext_read_timeout_milli = 10\n\n\
         [limits]\nmax_plaintext_in_base64 = 8192\nmax_aad_in_base64 = 16384\n\n\
         [hsm_capabilities]\ncan_generate_iv = false\nis_zero_iv_required = false\n",
        module = hsm.product().module(),
    )
}

/// A key of known bytes under the label that the sample looks for.
fn known_key(hsm: &SoftwareHsm) {
    let file = hsm.path().join("key");
    fs::write(&file, KEY).unwrap();
    let arguments = [
        "--write-object",
        argument(&file),
        "--type",
        "secrkey",
        "--key-type",
        "AES:32",
        "--label",
        "foo",
        "--sensitive",
    ];
    hsm.pkcs11_tool("one", &arguments);
    fs::remove_file(file).unwrap();
}

/// As the sample encrypts: the length of the AAD; its SHA-256, if there is one, even an empty one; the length
/// of the metadata, and the metadata.
fn as_the_sample(plaintext: &[u8], aad: Option<&[u8]>, metadata: Option<&[u8]>) -> Value {
    let mut framed = u16::try_from(aad.map_or(0, <[u8]>::len))
        .unwrap()
        .to_be_bytes()
        .to_vec();
    if let Some(aad) = aad {
        framed.extend_from_slice(digest(&SHA256, aad).as_ref());
    }
    let written = metadata.unwrap_or_default();
    framed.push(u8::try_from(written.len()).unwrap());
    framed.extend_from_slice(written);
    let iv = *b"twelve bytes";
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let mut sealed = plaintext.to_vec();
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(framed), &mut sealed)
        .unwrap();
    let mut answer = json!({
        "ciphertext": BASE64.encode(sealed),
        "initializationVector": BASE64.encode(iv),
        "authenticationTag": BASE64.encode(tag.as_ref()),
    });
    if let Some(metadata) = metadata {
        answer["ciphertextMetadata"] = BASE64.encode(metadata).into();
    }
    answer
}

struct Moved {
    hsm: SoftwareHsm,
    node: Node,
    _server: crate::support::node::Running,
    access: Access,
}

/// A node that was configured as the plan says, and served what the sample did.
fn moved(metadata: &str, more: &[&str]) -> Moved {
    let hsm = SoftwareHsm::new(Product::SoftHsm, &["one"]);
    known_key(&hsm);
    let mut node = Node::new();
    node.set(hsm.environment());
    let file = node.path("settings.toml");
    fs::write(&file, settings(&hsm, metadata)).unwrap();
    node.configure(&format!(
        "{}{}",
        node.config("admin", PATIENT),
        section(&hsm, "sample", &["one"], "")
    ));
    let server = node.serve();
    let import = [&["import-sample-config", argument(&file), "--apply"], more].concat();
    let done = node.json(&import);
    let results: Vec<_> = done
        .as_array()
        .unwrap()
        .iter()
        .map(|act| text(act, "/result"))
        .collect();
    assert_eq!(results, ["done"; 7], "{done:#}");
    // Once more changes nothing.
    let again = node.json(&import);
    let results: Vec<_> = again
        .as_array()
        .unwrap()
        .iter()
        .map(|act| text(act, "/result"))
        .collect();
    assert_eq!(results, ["was there"; 7], "{again:#}");
    let access = Access {
        address: server.address,
        tls: tls(&node.ca.file, None),
        uri_path: "/example/one/kms/xks/v1".to_owned(),
        external_key_id: "foo".to_owned(),
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret: SECRET.to_owned(),
    };
    Moved {
        hsm,
        node,
        _server: server,
        access,
    }
}

impl Moved {
    async fn decrypts(&self, encrypted: &Value, aad: Option<&[u8]>) -> Result<Vec<u8>, String> {
        let mut connection = Connection::open(self.access.address, &self.access.tls)
            .await
            .unwrap();
        let aad = aad.map(|aad| BASE64.encode(aad));
        let body = decrypt_body(encrypted, aad.as_deref());
        let (code, answer) = connection
            .call(&self.access, "keys/foo/decrypt", &body)
            .await
            .unwrap();
        if code == StatusCode::OK {
            Ok(BASE64.decode(text(&answer, "/plaintext")).unwrap())
        } else {
            Err(text(&answer, "/errorName").to_owned())
        }
    }

    async fn encrypts(&self) -> Value {
        let mut connection = Connection::open(self.access.address, &self.access.tls)
            .await
            .unwrap();
        let (code, answer) = connection.encrypt(&self.access, "request").await.unwrap();
        assert_eq!(code, StatusCode::OK, "{answer}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sample_encrypted_decrypts_after_the_move() {
    let moved = moved("", &[]);
    for aad in [None, Some(&b""[..]), Some(b"context"), Some(&[7; 8192])] {
        let encrypted = as_the_sample(b"ledger", aad, None);
        assert_eq!(
            moved.decrypts(&encrypted, aad).await,
            Ok(b"ledger".to_vec()),
            "{aad:?}"
        );
        // An absent and an empty AAD are framed differently.
        let other = if aad.is_none() { Some(&b""[..]) } else { None };
        let refused = moved.decrypts(&encrypted, other).await;
        assert_eq!(refused, Err("InvalidCiphertextException".to_owned()), "{aad:?}");
    }
    let with_metadata = as_the_sample(b"ledger", None, Some(b"other"));
    assert!(moved.decrypts(&with_metadata, None).await.is_err());

    // From now on a new object encrypts; that is read back too.
    let fresh = moved.encrypts().await;
    let metadata = BASE64.decode(text(&fresh, "/ciphertextMetadata")).unwrap();
    assert_eq!((metadata.len(), metadata[0]), (5, 2));
    assert_eq!(moved.decrypts(&fresh, None).await, Ok(b"Hello World!".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_the_sample_wrote_is_part_of_what_is_authentic() {
    let line = format!("ciphertext_metadata_b64 = {:?}", BASE64.encode("v0.0.1"));
    let moved = moved(&line, &["--encrypt-with", "same-object"]);
    for aad in [None, Some(&b""[..]), Some(b"context")] {
        let encrypted = as_the_sample(b"ledger", aad, Some(b"v0.0.1"));
        assert_eq!(
            moved.decrypts(&encrypted, aad).await,
            Ok(b"ledger".to_vec()),
            "{aad:?}"
        );
    }
    for other in [None, Some(&b"v0.0.2"[..])] {
        let encrypted = as_the_sample(b"ledger", None, other);
        assert!(moved.decrypts(&encrypted, None).await.is_err(), "{other:?}");
    }
    let fresh = moved.encrypts().await;
    assert_eq!(moved.decrypts(&fresh, None).await, Ok(b"Hello World!".to_vec()));
    // The same key cannot stand for other settings.
    let other = moved.node.path("other.toml");
    fs::write(&other, settings(&moved.hsm, "")).unwrap();
    let data = moved.node.path("data").display().to_string();
    let again = [
        "--data-dir",
        &data,
        "import-sample-config",
        argument(&other),
        "--apply",
    ];
    let refused = run(&moved.hsm, &again);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("does not decrypt what the sample wrote"), "{said}");

    let key = moved.node.json(&["key", "show", "foo"]);
    assert!(key.to_string().contains("aws-sample"), "{key:#}");
}

#[test]
fn the_plan_shows_no_secret_and_changes_nothing() {
    let hsm = SoftwareHsm::new(Product::SoftHsm, &["one"]);
    let file = hsm.path().join("settings.toml");
    fs::write(&file, settings(&hsm, "")).unwrap();
    let pin = hsm.path().join("new.pin");
    let arguments = [
        "import-sample-config",
        argument(&file),
        "--write-pin-file",
        argument(&pin),
    ];
    let output = run(&hsm, &arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for word in [
        "[[hsm]]",
        "serial = \"",
        "profile = \"softhsm\"",
        "key adopt",
        "Not carried over",
        "/example/one",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains(PIN) && !said.contains(SECRET), "{said}");
    assert_eq!(fs::read_to_string(&pin).unwrap(), format!("{PIN}\n"));
    // What is there is not overwritten.
    assert_eq!(run(&hsm, &arguments).status.code(), Some(1));
}
