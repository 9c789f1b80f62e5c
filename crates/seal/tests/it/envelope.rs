//! The envelope opens for its own row and key, and for nothing else.

use ambient::{CountingRandom, FailingRandom, SeededRandom};
use crypto::{Fields, Key256};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use seal::{Envelope, EnvelopeError, Keyring, SealingFailed, SealingKey, SealingKeyId};

fn key(byte: u8) -> SealingKey {
    SealingKey::new(
        SealingKeyId::from_bytes([byte; 8]),
        Key256::from_slice(&[byte; 32]).unwrap(),
    )
}

fn row(fields: &[Vec<u8>]) -> Fields {
    fields
        .iter()
        .fold(Fields::new("test row"), |row, field| row.bytes(field))
}

proptest! {
    #[test]
    fn opens_what_it_sealed_for_the_same_row(
        fields in vec(vec(any::<u8>(), 0..20), 0..5), secret in vec(any::<u8>(), 0..200), seed in any::<u64>(),
    ) {
        let random = SeededRandom::new(seed);
        let envelope = key(1).seal(&random, &row(&fields), &secret).unwrap();
        prop_assert_eq!(envelope.len(), secret.len() + 49);
        prop_assert_eq!(envelope[0], 1);
        let opened = key(1).open(&row(&fields), &envelope).unwrap();
        prop_assert_eq!(opened.expose(), secret);
    }

    #[test]
    fn any_flipped_bit_is_refused(
        secret in vec(any::<u8>(), 0..100), flip in any::<Index>(), seed in any::<u64>(),
    ) {
        let context = row(&[b"a".to_vec()]);
        let mut envelope = key(1).seal(&SeededRandom::new(seed), &context, &secret).unwrap();
        let bit = flip.index(envelope.len() * 8);
        envelope[bit / 8] ^= 1 << (bit % 8);
        let keyring = Keyring::new(key(1), vec![key(2)]);
        prop_assert!(keyring.open(&context, &envelope).is_err());
    }

    #[test]
    fn any_other_row_is_refused(
        fields in vec(vec(any::<u8>(), 0..4), 0..4), other in vec(vec(any::<u8>(), 0..4), 0..4), seed in any::<u64>(),
    ) {
        prop_assume!(fields != other);
        let envelope = key(1).seal(&SeededRandom::new(seed), &row(&fields), b"secret").unwrap();
        let opened = key(1).open(&row(&other), &envelope).map(drop);
        prop_assert_eq!(opened, Err(EnvelopeError::NotAuthentic));
    }

    #[test]
    fn anything_cut_short_or_made_longer_is_refused(cut in any::<Index>(), more in vec(any::<u8>(), 1..20)) {
        let context = row(&[]);
        let envelope = key(1).seal(&SeededRandom::new(1), &context, b"secret").unwrap();
        prop_assert!(key(1).open(&context, &envelope[..cut.index(envelope.len())]).is_err());
        prop_assert!(key(1).open(&context, &[envelope, more].concat()).is_err());
    }

    #[test]
    fn any_bytes_at_all_have_an_answer(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Envelope::parse(&bytes);
        let keyring = Keyring::new(key(1), Vec::new());
        prop_assert!(keyring.open(&row(&[]), &bytes).is_err());
    }
}

#[test]
fn the_keyring_opens_by_id_and_tries_nothing_else() {
    let context = row(&[b"a".to_vec()]);
    let random = SeededRandom::new(1);
    let old = key(1).seal(&random, &context, b"old").unwrap();
    let keyring = Keyring::new(key(2), vec![key(1)]);
    let new = keyring.seal(&random, &context, b"new").unwrap();
    assert_eq!(
        Envelope::parse(&new).unwrap().key_id(),
        SealingKeyId::from_bytes([2; 8])
    );
    assert_eq!(keyring.open(&context, &old).unwrap().expose(), b"old");
    assert!(keyring.is_outdated(&old));
    assert!(!keyring.is_outdated(&new));
    // The right id, but another key: what a forged id leads to.
    let mut forged = old.clone();
    forged[1..9].copy_from_slice(&[2; 8]);
    let opened = keyring.open(&context, &forged).map(drop);
    assert_eq!(opened, Err(EnvelopeError::NotAuthentic));
    let without = Keyring::new(key(2), Vec::new());
    let unknown = SealingKeyId::from_bytes([1; 8]);
    assert_eq!(
        without.open(&context, &old).map(drop),
        Err(EnvelopeError::UnknownKey(unknown))
    );
}

#[test]
fn one_id_with_two_keys_does_not_open() {
    let context = row(&[]);
    let other = SealingKey::new(
        SealingKeyId::from_bytes([1; 8]),
        Key256::from_slice(&[9; 32]).unwrap(),
    );
    let envelope = other.seal(&SeededRandom::new(1), &context, b"x").unwrap();
    assert_eq!(
        key(1).open(&context, &envelope).map(drop),
        Err(EnvelopeError::NotAuthentic)
    );
}

#[test]
fn each_envelope_takes_24_fresh_random_bytes_and_none_without() {
    let random = CountingRandom::new(SeededRandom::new(1));
    let first = key(1).seal(&random, &row(&[]), b"x").unwrap();
    assert_eq!(random.count(), 24);
    assert_ne!(first, key(1).seal(&random, &row(&[]), b"x").unwrap());
    assert!(matches!(
        key(1).seal(&FailingRandom, &row(&[]), b"x"),
        Err(SealingFailed::Random(_))
    ));
}

#[test]
fn an_id_has_one_text() {
    let id = SealingKeyId::from_bytes([0xab; 8]);
    assert_eq!(SealingKeyId::from_hex(&id.to_string()), Some(id));
    for bad in ["ABABABABABABABAB", "abab", "", "abababababababababab"] {
        assert_eq!(SealingKeyId::from_hex(bad), None, "{bad}");
    }
}

/// What was sealed by the first release opens for ever: format, AAD and derivation are fixed.
#[test]
fn an_envelope_of_format_1_made_by_the_first_release_opens() {
    let context = Fields::new("golden").text("row").number(7);
    let envelope = crypto::unhex(GOLDEN).unwrap();
    assert_eq!(
        key(1).open(&context, &envelope).unwrap().expose(),
        b"golden secret"
    );
    let tag = crypto::unhex(GOLDEN_TAG).unwrap();
    let mac = Keyring::new(key(1), Vec::new()).row_mac("golden");
    assert_eq!(mac.verify(&context, &tag), Ok(()));
}

const GOLDEN: &str = "010101010101010101c15c0289ec2d0a9167ec8e65a18debbe5e5532fbeea293f86ad09ce7e4ffa6e6b023f3bf6df73d576bb873dc950069267926f1b03d";
const GOLDEN_TAG: &str = "0101010101010101ce797de88e50ccff065b804df977418bac6458ccd72c9d2ab355957a0359bca8";

#[test]
#[ignore = "prints new golden values"]
fn make() {
    let context = Fields::new("golden").text("row").number(7);
    let envelope = key(1)
        .seal(&SeededRandom::new(1), &context, b"golden secret")
        .unwrap();
    let mac = Keyring::new(key(1), Vec::new()).row_mac("golden");
    println!("{} {}", crypto::hex(&envelope), crypto::hex(&mac.tag(&context)));
}
