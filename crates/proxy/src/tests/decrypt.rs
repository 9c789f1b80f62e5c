//! Decrypt: members, sizes, and that nothing altered decrypts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::world::{Encrypted, World};
use crate::Settings;

const PATH: &str = "/keys/both/decrypt";

#[tokio::test]
async fn xks_dec_01_a_ciphertext_of_4300_bytes_is_processed() {
    let world = World::new().await;
    let encrypted = world.encrypt(&[5; 4300], None).await;
    assert_eq!(world.decrypt(&encrypted).await.bytes("plaintext"), [5; 4300]);
}

#[tokio::test]
async fn a_ciphertext_is_taken_up_to_the_configured_limit() {
    for (settings, limit) in [
        (Settings::default(), 8192),
        (
            Settings {
                max_plaintext_bytes: 65_535,
                ..Settings::default()
            },
            65_535,
        ),
    ] {
        let world = World::with(&settings).await;
        let mut encrypted = world.encrypt(&vec![5; limit], None).await;
        world.decrypt(&encrypted).await.is_success();
        for _ in 0..3 {
            encrypted.ciphertext.push(0);
            world
                .decrypt(&encrypted)
                .await
                .is_error("UnsupportedOperationException");
        }
    }
}

#[tokio::test]
async fn xks_dec_02_the_metadata_has_at_most_20_bytes() {
    let world = World::new().await;
    let mut encrypted = world.encrypt(b"x", None).await;
    for len in 0..=20 {
        encrypted.metadata = vec![1; len];
        world
            .decrypt(&encrypted)
            .await
            .is_error("InvalidCiphertextException");
    }
    for len in [21, 22, 64] {
        encrypted.metadata = vec![1; len];
        world.decrypt(&encrypted).await.is_error("ValidationException");
    }
}

#[tokio::test]
async fn xks_dec_03_altered_metadata_is_detected() {
    let world = World::new().await;
    let good = world.encrypt(b"x", Some(b"aad")).await;
    for bit in 0..good.metadata.len() * 8 {
        let mut bad = good.clone();
        bad.metadata[bit / 8] ^= 1 << (bit % 8);
        world.decrypt(&bad).await.is_error("InvalidCiphertextException");
    }
}

#[tokio::test]
async fn xks_dec_04_aad_of_8192_bytes_is_handled_and_more_as_configured() {
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
        let mut encrypted = world.encrypt(b"x", Some(&vec![9; limit])).await;
        world.decrypt(&encrypted).await.is_success();
        for _ in 0..3 {
            encrypted.aad.as_mut().unwrap().push(9);
            world
                .decrypt(&encrypted)
                .await
                .is_error("UnsupportedOperationException");
        }
    }
}

#[tokio::test]
async fn xks_dec_05_the_iv_has_12_or_16_bytes_and_the_tag_16() {
    let world = World::new().await;
    let good = world.encrypt(b"x", None).await;
    for len in (0..=24).filter(|len| *len != 12) {
        let mut bad = good.clone();
        bad.iv.resize(len, 0);
        world.decrypt(&bad).await.is_error("InvalidCiphertextException");
    }
    for len in (0..=24).filter(|len| *len != 16) {
        let mut bad = good.clone();
        bad.tag.resize(len, 0);
        world.decrypt(&bad).await.is_error("InvalidCiphertextException");
    }
}

#[tokio::test]
async fn xks_dec_06_the_plaintext_is_as_long_as_the_ciphertext() {
    let world = World::new().await;
    for len in [0, 1, 16, 4300] {
        let encrypted = world.encrypt(&vec![1; len], None).await;
        assert_eq!(world.decrypt(&encrypted).await.bytes("plaintext").len(), len);
    }
}

#[tokio::test]
async fn missing_and_malformed_members_are_invalid() {
    let world = World::new().await;
    let good = world.encrypt(b"x", None).await.body();
    for member in [
        "ciphertext",
        "encryptionAlgorithm",
        "initializationVector",
        "authenticationTag",
    ] {
        for value in [None, Some(json!(null)), Some(json!(1)), Some(json!("*"))] {
            let mut body = good.clone();
            match value {
                Some(value) => body[member] = value,
                None => drop(body.as_object_mut().unwrap().remove(member)),
            }
            world.ask(PATH, &body).await.is_error("ValidationException");
        }
    }
    for member in ["ciphertextMetadata", "additionalAuthenticatedData"] {
        let mut body = good.clone();
        body[member] = "*".into();
        world.ask(PATH, &body).await.is_error("ValidationException");
    }
}

#[tokio::test]
async fn the_answer_has_the_plaintext_and_nothing_else() {
    let world = World::new().await;
    let reply = world.decrypt(&world.encrypt(b"Hello World!", None).await).await;
    assert_eq!(
        reply.json(),
        json!({"plaintext": STANDARD.encode("Hello World!")})
    );
    assert_eq!(reply.headers["cache-control"], "no-store");
}

/// The first byte of the metadata names format and framing, so that another framing can come beside
/// this one; nothing is tried in turn.
#[tokio::test]
async fn xks_aad_04_the_metadata_tells_the_framing() {
    let world = World::new().await;
    let good = world.encrypt(b"x", Some(b"aad")).await;
    assert_eq!((good.metadata.len(), good.metadata[0]), (17, 1));
    for format in (0..=255_u8).filter(|format| *format != 1) {
        let mut bad = good.clone();
        bad.metadata[0] = format;
        world.decrypt(&bad).await.is_error("InvalidCiphertextException");
    }
}

/// Every single bit of one message, in each of its parts.
#[tokio::test]
async fn any_flipped_bit_is_an_invalid_ciphertext() {
    let world = World::new().await;
    let good = world.encrypt(b"a data key", Some(b"project=nile")).await;
    for part in Part::ALL {
        let bits = part.of(&mut good.clone()).len() * 8;
        for bit in 0..bits {
            let mut bad = good.clone();
            part.of(&mut bad)[bit / 8] ^= 1 << (bit % 8);
            world.decrypt(&bad).await.is_error("InvalidCiphertextException");
        }
    }
    world.decrypt(&good).await.is_success();
}

#[tokio::test]
async fn bytes_moved_between_aad_and_metadata_are_an_invalid_ciphertext() {
    let world = World::new().await;
    let good = world
        .encrypt(b"a data key", Some(b"0123456789abcdef0123456789"))
        .await;
    let (aad, metadata) = (good.aad.clone().unwrap(), good.metadata.clone());
    let joined = [aad.as_slice(), &metadata].concat();
    let swapped = [metadata.as_slice(), &aad].concat();
    for whole in [joined, swapped] {
        for split in 0..=whole.len() {
            let (left, right) = whole.split_at(split);
            for (aad, metadata) in [(left, right), (right, left)] {
                if metadata.len() > 20 || (aad == good.aad.as_deref().unwrap() && metadata == good.metadata) {
                    continue;
                }
                let bad = Encrypted {
                    aad: Some(aad.to_vec()),
                    metadata: metadata.to_vec(),
                    ..good.clone()
                };
                world.decrypt(&bad).await.is_error("InvalidCiphertextException");
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Ciphertext,
    Iv,
    Tag,
    Metadata,
    Aad,
}

impl Part {
    const ALL: [Self; 5] = [Self::Ciphertext, Self::Iv, Self::Tag, Self::Metadata, Self::Aad];

    fn of(self, encrypted: &mut Encrypted) -> &mut Vec<u8> {
        match self {
            Self::Ciphertext => &mut encrypted.ciphertext,
            Self::Iv => &mut encrypted.iv,
            Self::Tag => &mut encrypted.tag,
            Self::Metadata => &mut encrypted.metadata,
            Self::Aad => encrypted.aad.as_mut().unwrap(),
        }
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, prop::sample::Index),
    CutOff(usize, prop::sample::Index),
    Append(usize, u8),
    NoAad,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (0..5_usize, any::<prop::sample::Index>()).prop_map(|(part, bit)| Damage::Flip(part, bit)),
        1 => (0..5_usize, any::<prop::sample::Index>()).prop_map(|(part, at)| Damage::CutOff(part, at)),
        1 => (0..5_usize, any::<u8>()).prop_map(|(part, byte)| Damage::Append(part, byte)),
        1 => Just(Damage::NoAad),
    ]
}

fn damaged(good: &Encrypted, damage: &Damage) -> Encrypted {
    let mut bad = good.clone();
    match damage {
        Damage::Flip(part, bit) => {
            let part = Part::ALL[*part].of(&mut bad);
            if !part.is_empty() {
                let bit = bit.index(part.len() * 8);
                part[bit / 8] ^= 1 << (bit % 8);
            }
        }
        Damage::CutOff(part, at) => {
            let part = Part::ALL[*part].of(&mut bad);
            if !part.is_empty() {
                part.truncate(at.index(part.len()));
            }
        }
        Damage::Append(part, byte) => Part::ALL[*part].of(&mut bad).push(*byte),
        Damage::NoAad => bad.aad = None,
    }
    bad
}

#[test]
fn nothing_damaged_ever_decrypts() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new());
    let config = ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let inputs = (
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(any::<u8>(), 1..200),
        prop::collection::vec(damage(), 1..4),
    );
    proptest!(config, |((plaintext, aad, damages) in inputs)| {
        runtime.block_on(async {
            let good = world.encrypt(&plaintext, Some(&aad)).await;
            let bad = damages.iter().fold(good.clone(), |bad, damage| {
                if bad.aad.is_none() { bad } else { damaged(&bad, damage) }
            });
            if bad == good {
                prop_assert_eq!(world.decrypt(&good).await.bytes("plaintext"), plaintext);
            } else {
                let reply = world.decrypt(&bad).await;
                prop_assert_eq!(reply.status, 400);
                prop_assert_eq!(&reply.json()["errorName"], "InvalidCiphertextException");
            }
            Ok(())
        })?;
    });
}
