//! The ciphertext format: golden vectors made from its description by an independent program
//! (`tests/vectors/make.py`), and what the parser refuses.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ambient::{Random, RandomUnavailable, SeededRandom};
use crypto::Key256;
use kms::inspect::{Vector, parse_ciphertext};
use kms_api::EncryptionContext;
use proptest::prelude::*;
use serde::Deserialize;

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

#[derive(Deserialize)]
struct Golden {
    name: String,
    key_arn: String,
    material_id: String,
    material: String,
    nonce: String,
    context: BTreeMap<String, String>,
    plaintext: String,
    inner: String,
    blob: String,
    outer_aad: Option<String>,
    metadata: Option<String>,
    iv: Option<String>,
    tag: Option<String>,
    ciphertext: Option<String>,
}

fn unhex(text: &str) -> Vec<u8> {
    crypto::unhex(text).unwrap()
}

fn golden() -> Vec<Golden> {
    let directory = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = std::path::Path::new(&directory).join("tests/vectors/ciphertext-v1.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Golden {
    fn vector(&self) -> Vector {
        let material = Key256::from_slice(&unhex(&self.material)).unwrap();
        let id = unhex(&self.material_id).try_into().unwrap();
        let context = EncryptionContext::new(self.context.clone()).unwrap();
        Vector::new(self.iv.is_some(), &self.key_arn, id, &material, &context).unwrap()
    }

    fn bytes(&self, part: &Option<String>) -> Vec<u8> {
        unhex(part.as_ref().unwrap())
    }
}

/// Gives these bytes, once.
struct Fixed(Mutex<Option<Vec<u8>>>);

impl Random for Fixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        let bytes = self.0.lock().unwrap().take().ok_or(RandomUnavailable)?;
        buffer.copy_from_slice(&bytes);
        Ok(())
    }
}

fn fixed(hex: &str) -> Fixed {
    Fixed(Mutex::new(Some(unhex(hex))))
}

/// Promise: what any released version encrypted decrypts in every later one, and what this version
/// writes is what its description says.
#[test]
fn golden_vectors() {
    let golden = golden();
    assert_eq!(golden.len(), 5);
    for case in golden {
        let vector = case.vector();
        let (plaintext, blob) = (unhex(&case.plaintext), unhex(&case.blob));
        parse_ciphertext(&blob);
        let inner = vector.inner(&fixed(&case.nonce), &plaintext).unwrap();
        assert_eq!(crypto::hex(&inner), case.inner, "{}", case.name);
        let (written, opened) = if case.iv.is_some() {
            assert_eq!(vector.outer_aad(), case.bytes(&case.outer_aad), "{}", case.name);
            let written = vector.blob_over(
                case.bytes(&case.metadata).as_slice().try_into().unwrap(),
                case.bytes(&case.iv).as_slice().try_into().unwrap(),
                case.bytes(&case.tag).try_into().unwrap(),
                case.bytes(&case.ciphertext),
            );
            (written, vector.open(&blob, Some(&unhex(&case.inner))))
        } else {
            let written = vector.blob(&fixed(&case.nonce), &plaintext);
            (written, vector.open(&blob, None))
        };
        assert_eq!(written.unwrap(), blob, "{}", case.name);
        assert_eq!(opened.unwrap().expose(), plaintext, "{}", case.name);
    }
}

fn of(pairs: &[(&str, &str)]) -> EncryptionContext {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    EncryptionContext::new(pairs.iter().map(pair).collect()).unwrap()
}

fn vector(external: bool, arn: &str, id: u8, material: u8, context: &EncryptionContext) -> Vector {
    let material = Key256::from_slice(&[material; 32]).unwrap();
    Vector::new(external, arn, [id; 32], &material, context).unwrap()
}

/// Texts that only differ in where one ends and the next begins are different contexts, and header,
/// layer and context are all part of what a layer is bound to.
#[test]
fn additional_data_are_different_for_different_meanings() {
    let other_key = ARN.replace("1234abcd", "4321dcba");
    let other_region = ARN.replace("eu-central-1", "eu-west-1");
    let same = of(&[("ab", "c"), ("d", "e")]);
    let all = [
        vector(true, ARN, 1, 1, &same).outer_aad(),
        vector(false, ARN, 1, 1, &same).outer_aad(),
        vector(true, ARN, 2, 1, &same).outer_aad(),
        vector(true, &other_key, 1, 1, &same).outer_aad(),
        vector(true, &other_region, 1, 1, &same).outer_aad(),
        vector(true, ARN, 1, 1, &of(&[("a", "bc"), ("d", "e")])).outer_aad(),
        vector(true, ARN, 1, 1, &of(&[("abc", ""), ("d", "e")])).outer_aad(),
        vector(true, ARN, 1, 1, &of(&[("ab", "cd"), ("e", "")])).outer_aad(),
        vector(true, ARN, 1, 1, &of(&[("ab", "c")])).outer_aad(),
        vector(true, ARN, 1, 1, &of(&[])).outer_aad(),
    ];
    for (index, aad) in all.iter().enumerate() {
        assert!(!all[..index].contains(aad), "case {index}");
    }
    // The material does not show.
    assert_eq!(vector(true, ARN, 1, 2, &same).outer_aad(), all[0]);
}

/// Design: a context of 8192 bytes never breaks a strict proxy, and 4096 bytes of plaintext stay
/// within the 4300 that every proxy takes.
#[test]
fn what_a_proxy_is_given_stays_small() {
    let largest = of(&[("k", &"v".repeat(EncryptionContext::MAX_BYTES - 1))]);
    let longest_region = format!("{}-1", "abcdefghij-".repeat(2) + "abcdefgh");
    assert_eq!(longest_region.len(), 32);
    let arn = ARN.replace("eu-central-1", &longest_region);
    let vector = vector(true, &arn, 1, 1, &largest);
    let random = SeededRandom::new(1);
    assert_eq!(vector.inner(&random, &[0; 4096]).unwrap().len(), 4096 + 40);
    assert!(vector.outer_aad().len() < 300);
    let blob = vector.blob_over(
        [0; 20].as_slice().try_into().unwrap(),
        [0; 16].as_slice().try_into().unwrap(),
        [0; 16],
        vec![0; 4136],
    );
    assert!(blob.unwrap().len() <= 6144);
}

#[test]
fn a_failing_source_of_randomness_encrypts_nothing() {
    let vector = vector(false, ARN, 1, 1, &of(&[]));
    assert!(vector.blob(&ambient::FailingRandom, b"x").is_none());
    assert!(vector.inner(&ambient::FailingRandom, b"x").is_none());
}

/// One byte too few, one too many, at every place where a length is looked at.
#[test]
fn lengths_are_exact() {
    let vector = vector(false, ARN, 1, 1, &of(&[]));
    let random = SeededRandom::new(1);
    let blob = vector.blob(&random, b"x").unwrap();
    assert!(vector.open(&blob, None).is_some());
    for len in 0..blob.len() {
        assert!(vector.open(&blob[..len], None).is_none(), "{len}");
    }
    let mut longer = blob;
    longer.push(0);
    assert!(vector.open(&longer, None).is_none());
    let over = |len: usize| {
        let external = self::vector(true, ARN, 1, 1, &of(&[]));
        let blob = external
            .blob_over(
                [].as_slice().try_into().unwrap(),
                [0; 12].as_slice().try_into().unwrap(),
                [0; 16],
                vec![0; len],
            )
            .unwrap();
        let inner = external.inner(&random, b"x").unwrap();
        external.open(&blob, Some(&inner)).is_some()
    };
    assert_eq!([40, 41, 4136, 4137].map(over), [false, true, true, false]);
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        parse_ciphertext(&bytes);
    }

    #[test]
    fn a_changed_blob_is_refused_or_another_one(
        case in 0_usize..5, at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let case = &golden()[case];
        let mut blob = unhex(&case.blob);
        let at = at.index(blob.len());
        prop_assume!(blob[at] != to);
        blob[at] = to;
        parse_ciphertext(&blob);
        let inner = case.iv.is_some().then(|| unhex(&case.inner));
        let opened = case.vector().open(&blob, inner.as_deref());
        // Behind a proxy, what follows the header is the proxy's to judge.
        prop_assert!(opened.is_none() || case.iv.is_some());
    }
}
