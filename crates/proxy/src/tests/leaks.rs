//! Nothing that is written anywhere holds a plaintext, a ciphertext, a secret or a key.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ambient::{Random, RandomUnavailable, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::Method;

use super::logging::Capture;
use super::world::{World, every_operation, health_body};
use crate::Settings;

/// Remembers all 32-byte values that it gave: root keys, key-encryption keys and keys are made of
/// those, and nothing that is meant to be seen is.
#[derive(Default)]
struct Remembering(Mutex<Vec<Vec<u8>>>);

impl Random for Remembering {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        SystemRandom.fill(buffer)?;
        if buffer.len() == 32 {
            self.0.lock().unwrap().push(buffer.to_vec());
        }
        Ok(())
    }
}

/// A secret in every form in which it could be found: itself or as Base64, each raw, as hexadecimal
/// or as Rust prints a slice.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = vec![secret.to_vec()];
    // Base64 of something that the secret is a part of, at any of the three offsets: its middle.
    for offset in 0..3 {
        let shifted = [vec![0; offset], secret.to_vec()].concat();
        let text = STANDARD_NO_PAD.encode(&shifted).into_bytes();
        texts.push(text[offset * 2..text.len() - 2].to_vec());
    }
    let written = |text: &Vec<u8>| {
        let hex = crypto::hex(text);
        let listed = text.iter().map(u8::to_string).collect::<Vec<_>>();
        let texts = [hex.to_uppercase(), hex, listed.join(", "), listed.join(",")];
        texts
            .map(String::into_bytes)
            .into_iter()
            .chain([text.clone()])
            .collect::<Vec<_>>()
    };
    texts.iter().flat_map(written).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    text(haystack).contains(&text(needle))
}

/// Bytes as characters of the same numbers, for `str` searches fast and slices do not.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn files(directory: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let secret = b"\x00\x01secret\xff\xfe of some length";
    for (prefix, suffix) in [("", ""), ("a", "b"), ("ab", "cde"), ("abc", "")] {
        let text = [prefix.as_bytes(), secret, suffix.as_bytes()].concat();
        let base64 = STANDARD_NO_PAD.encode(&text).into_bytes();
        for bytes in [&text, &base64] {
            let debug = format!("{bytes:?}").into_bytes();
            let hex = crypto::hex(bytes).into_bytes();
            assert!(forms(secret).iter().any(|form| contains(bytes, form)));
            assert!(forms(secret).iter().any(|form| contains(&debug, form)));
            assert!(forms(secret).iter().any(|form| contains(&hex, form)));
        }
    }
}

#[tokio::test]
async fn xks_enc_02_nothing_written_holds_a_secret() {
    let everywhere = Capture::begin_everywhere();
    let random = Arc::new(Remembering::default());
    let world = World::with_random(&Settings::default(), random.clone()).await;
    let plaintext = b"the plaintext of a data key, 42 bytes long";
    let aad = b"the additional data of that data key here";
    let encrypted = world.encrypt(plaintext, Some(aad)).await;
    world.decrypt(&encrypted).await.is_success();
    let mut written: Vec<(String, Vec<u8>)> = Vec::new();

    // Every operation, well and ill: broken bodies, truncations, other methods.
    let mut operations = every_operation(&world).await.to_vec();
    operations.push((
        "/keys/both/encrypt",
        super::world::encrypt_body(plaintext, Some(aad)),
    ));
    operations.push(("/keys/both/decrypt", encrypted.body()));
    for (path, body) in &operations {
        let good = world.request(path, body);
        world.send(&good).await.is_success();
        for cut in (0..good.body.len()).step_by(41) {
            let mut bad = good.clone();
            bad.body.truncate(cut);
            written.push((format!("{path} cut"), world.send(&bad).await.body.to_vec()));
            world.sign(&mut bad);
            written.push((
                format!("{path} cut, signed"),
                world.send(&bad).await.body.to_vec(),
            ));
        }
        for member in [
            "plaintext",
            "ciphertext",
            "additionalAuthenticatedData",
            "encryptionAlgorithm",
        ] {
            let mut body = body.clone();
            let Some(text) = body[member].as_str().map(|text| format!("{text}*")) else {
                continue;
            };
            body[member] = text.into();
            written.push((
                format!("{path} {member}"),
                world.ask(path, &body).await.body.to_vec(),
            ));
            body["requestMetadata"]["kmsViaService"] = body[member].take();
        }
        let mut get = good.clone();
        get.method = Method::GET;
        written.push((format!("GET {path}"), world.send(&get).await.body.to_vec()));
    }
    for (name, how, reply) in super::errors::all(&world).await {
        written.push((format!("{name}: {how}"), reply.body.to_vec()));
    }
    world.ask("/health", &health_body()).await.is_success();
    written.push((
        "metrics".to_owned(),
        world.proxy.metrics().snapshot().to_prometheus().into_bytes(),
    ));
    world.warden.shutdown().await;
    written.push(("the log".to_owned(), everywhere.take()));
    assert!(
        written
            .iter()
            .any(|(place, bytes)| place == "the log" && contains(bytes, b"AccessDenied"))
    );
    files(world.directory.path(), &mut written);
    written.retain(|(place, _)| !place.ends_with("/seal.key"));

    let keys = random.0.lock().unwrap().clone();
    assert!(
        keys.len() >= 6,
        "a root key, a key-encryption key and four keys at least"
    );
    let mut secrets: Vec<(&str, Vec<u8>)> = vec![
        ("plaintext", plaintext.to_vec()),
        ("ciphertext", encrypted.ciphertext.clone()),
        ("AAD", aad.to_vec()),
        ("SigV4 secret", world.credential.secret.clone().into_bytes()),
    ];
    secrets.extend(keys.into_iter().map(|key| ("key", key)));
    let forms: Vec<(&str, String)> = secrets
        .iter()
        .flat_map(|(what, secret)| forms(secret).into_iter().map(|form| (*what, text(&form))))
        .collect();
    for (place, bytes) in &written {
        let bytes = text(bytes);
        for (what, form) in &forms {
            assert!(!bytes.contains(form), "{what} in {place}");
        }
    }
}

#[tokio::test]
async fn xks_dec_07_no_line_holds_the_plaintext() {
    let world = World::new().await;
    let plaintext = b"the plaintext of a data key, 42 bytes long";
    let encrypted = world.encrypt(plaintext, None).await;
    let (capture, guard) = Capture::begin();
    world.decrypt(&encrypted).await.is_success();
    world.set_key_state("both", key_manager::KeyState::Disabled).await;
    world.decrypt(&encrypted).await.is_error("InvalidStateException");
    drop(guard);
    assert!(contains(&capture.bytes(), b"\"operation\":\"Decrypt\""));
    for secret in [plaintext.as_slice(), &encrypted.ciphertext] {
        assert!(!forms(secret).iter().any(|form| contains(&capture.bytes(), form)));
    }
}
