//! The ciphertext format of keys in clusters: golden vectors made from its description by an independent
//! program (`tests/vectors/make_hsm.py`), and every byte of a blob changed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kms::clusters::Encrypted;
use kms::inspect::{HsmVector, parse_ciphertext};
use kms_api::EncryptionContext;
use proptest::prelude::*;
use serde::Deserialize;

use super::kit::Stage;

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

#[derive(Deserialize)]
struct Golden {
    name: String,
    key_arn: String,
    backing_key_id: String,
    context: BTreeMap<String, String>,
    aad: String,
    iv: String,
    tag: String,
    ciphertext: String,
    blob: String,
}

fn unhex(text: &str) -> Vec<u8> {
    crypto::unhex(text).unwrap()
}

fn golden() -> Vec<Golden> {
    let directory = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = std::path::Path::new(&directory).join("tests/vectors/ciphertext-v1-hsm.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Promise: what any released version encrypted decrypts in every later one, and what this version
/// writes is what its description says.
#[test]
fn golden_vectors_of_hsm_keys() {
    let golden = golden();
    assert_eq!(golden.len(), 3);
    for case in golden {
        let id = unhex(&case.backing_key_id).try_into().unwrap();
        let context = EncryptionContext::new(case.context).unwrap();
        let vector = HsmVector::new(&case.key_arn, id, &context).unwrap();
        let encrypted = Encrypted {
            iv: unhex(&case.iv),
            tag: unhex(&case.tag).try_into().unwrap(),
            ciphertext: unhex(&case.ciphertext),
        };
        let blob = unhex(&case.blob);
        parse_ciphertext(&blob);
        assert_eq!(crypto::hex(&vector.aad()), case.aad, "{}", case.name);
        assert_eq!(vector.blob(&encrypted).unwrap(), blob, "{}", case.name);
        assert_eq!(
            vector.parse(&blob).unwrap(),
            (encrypted, unhex(&case.aad)),
            "{}",
            case.name
        );
    }
}

fn encrypted(iv: usize, ciphertext: usize) -> Encrypted {
    Encrypted {
        iv: vec![1; iv],
        tag: [2; 16],
        ciphertext: vec![3; ciphertext],
    }
}

/// One byte too few, one too many, at every place where a length is looked at.
#[test]
fn lengths_of_hsm_blobs_are_exact() {
    let context = EncryptionContext::new(BTreeMap::new()).unwrap();
    let vector = HsmVector::new(ARN, [1; 32], &context).unwrap();
    let fits = |iv, ciphertext| vector.blob(&encrypted(iv, ciphertext)).is_some();
    assert_eq!(
        [0, 11, 12, 13, 15, 16, 17].map(|iv| fits(iv, 1)),
        [false, false, true, false, false, true, false]
    );
    assert_eq!(
        [0, 1, 4096, 4097].map(|len| fits(12, len)),
        [false, true, true, false]
    );
    let blob = vector.blob(&encrypted(12, 1)).unwrap();
    for len in 0..blob.len() {
        assert!(vector.parse(&blob[..len]).is_none(), "{len}");
    }
    let most = vector.blob(&encrypted(16, 4096)).unwrap();
    assert!(most.len() <= 6144);
    assert!(vector.parse(&[most, vec![0]].concat()).is_none());
}

/// Every bit of a whole blob, through the endpoint: header, check, IV, tag and ciphertext.
#[tokio::test]
async fn one_flipped_bit_anywhere_is_refused() {
    let (stage, store) = Stage::connected().await;
    let key = stage.key(&store).await;
    let blob = STANDARD.decode(stage.encrypt(&key, "SGVsbG8=").await).unwrap();
    for bit in 0..blob.len() * 8 {
        let mut flipped = blob.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        parse_ciphertext(&flipped);
        let refused = stage.decrypted(&STANDARD.encode(&flipped)).await.unwrap_err();
        assert_eq!(refused, "InvalidCiphertextException", "bit {bit}");
    }
}

/// A blob whose body is of another key, or of another origin's form, is nobody's.
#[tokio::test]
async fn parts_of_two_blobs_are_no_blob() {
    let (stage, store) = Stage::connected().await;
    let own = stage.world.create_key(serde_json::json!({})).await;
    let mut blobs = Vec::new();
    for key in [stage.key(&store).await, stage.key(&store).await, own] {
        blobs.push(STANDARD.decode(stage.encrypt(&key, "SGVsbG8=").await).unwrap());
    }
    let header = 36 + ARN.len() + 4;
    for (head, tail) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
        let mixed = [&blobs[head][..header], &blobs[tail][header..]].concat();
        let refused = stage.decrypted(&STANDARD.encode(mixed)).await.unwrap_err();
        assert_eq!(refused, "InvalidCiphertextException");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        id in any::<[u8; 32]>(), tag in any::<[u8; 16]>(), long in any::<bool>(),
        ciphertext in prop::collection::vec(any::<u8>(), 1..4097), value in "[a-z]{0,20}",
    ) {
        let context = EncryptionContext::new([("k".to_owned(), value)].into()).unwrap();
        let vector = HsmVector::new(ARN, id, &context).unwrap();
        let encrypted = Encrypted { iv: vec![7; if long { 16 } else { 12 }], tag, ciphertext };
        let blob = vector.blob(&encrypted).unwrap();
        parse_ciphertext(&blob);
        prop_assert_eq!(vector.parse(&blob).unwrap(), (encrypted, vector.aad()));
    }
}
