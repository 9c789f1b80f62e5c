//! Tags of rows that may change.

use crypto::{Fields, Key256};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use seal::{Keyring, RowRefusal, RowRefused, SealingKey, SealingKeyId};

fn root(byte: u8) -> SealingKey {
    SealingKey::new(
        SealingKeyId::from_bytes([byte; 8]),
        Key256::from_slice(&[byte; 32]).unwrap(),
    )
}

fn row(state: &str) -> Fields {
    Fields::new("key").text("key-1").text(state)
}

proptest! {
    #[test]
    fn any_flipped_bit_of_tag_or_row_is_refused(content in vec(any::<u8>(), 1..50), flip in any::<Index>()) {
        let mac = Keyring::new(root(1), vec![root(2)]).row_mac("keys");
        let fields = |content: &[u8]| Fields::new("row").bytes(content);
        let tag = mac.tag(&fields(&content));
        prop_assert_eq!(mac.verify(&fields(&content), &tag), Ok(()));
        let mut all = [&tag[..], &content].concat();
        let bit = flip.index(all.len() * 8);
        all[bit / 8] ^= 1 << (bit % 8);
        let (tag, content) = all.split_at(40);
        prop_assert!(mac.verify(&fields(content), tag).is_err());
    }
}

#[test]
fn a_tag_serves_one_purpose_and_one_root() {
    let keyring = Keyring::new(root(1), Vec::new());
    let tag = keyring.row_mac("keys").tag(&row("enabled"));
    assert_eq!(tag.len(), 40);
    let elsewhere = keyring.row_mac("blocks").verify(&row("enabled"), &tag);
    assert_eq!(elsewhere, Err(RowRefusal::NotAuthentic));
    let other = Keyring::new(root(2), Vec::new()).row_mac("keys");
    let unknown = SealingKeyId::from_bytes([1; 8]);
    assert_eq!(
        other.verify(&row("enabled"), &tag),
        Err(RowRefusal::UnknownKey(unknown))
    );
    for short in [&tag[..39], &tag[..8], &tag[..3], &[]] {
        assert!(other.verify(&row("enabled"), short).is_err());
        assert!(keyring.row_mac("keys").verify(&row("enabled"), short).is_err());
    }
}

#[test]
fn after_a_rotation_older_tags_verify_and_are_outdated() {
    let old = Keyring::new(root(1), Vec::new())
        .row_mac("keys")
        .tag(&row("enabled"));
    let mac = Keyring::new(root(2), vec![root(1)]).row_mac("keys");
    assert_eq!(mac.verify(&row("enabled"), &old), Ok(()));
    assert!(mac.verify(&row("disabled"), &old).is_err());
    assert!(mac.is_outdated(&old));
    assert!(!mac.is_outdated(&mac.tag(&row("enabled"))));
}

#[test]
fn an_alarm_is_printable_and_bounded() {
    let nasty = format!("key\u{1b}[31m\n{}", "x".repeat(1000));
    let text = RowRefused::new("keys", &nasty, RowRefusal::Stale).to_string();
    assert!(text.starts_with("table keys, row key?[31m?xxx"));
    assert!(text.len() < 300);
    assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
}
