//! Format 1, bit by bit, and against an independent implementation.

use ambient::SeededRandom;
use crypto::Key256;
use key_manager::framing::Format;
use key_manager::{CiphertextMetadata, EncryptOutput, Iv, KeyManagerError, VersionTag};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use xaes_256_gcm::Xaes256Gcm;
use xaes_256_gcm::aead::{Aead, KeyInit, Payload};

use super::aad;
use crate::format1::Version;

const TAG: VersionTag = VersionTag([0xa1, 0xb2, 0xc3, 0xd4]);

fn version(key: [u8; 32]) -> Version {
    Version::new(TAG, &Key256::from_slice(&key).unwrap())
}

fn encrypt(version: &Version, plaintext: &[u8], data: Option<&[u8]>, seed: u64) -> EncryptOutput {
    version
        .encrypt(&SeededRandom::new(seed), plaintext, aad(data))
        .unwrap()
}

/// As a virtual HSM does it: the metadata selects, here among one version.
fn decrypt(
    version: &Version,
    encrypted: &EncryptOutput,
    data: Option<&[u8]>,
) -> Result<Vec<u8>, KeyManagerError> {
    let Format::One { tag, extension } = Format::of(&encrypted.metadata) else {
        return Err(KeyManagerError::NotAuthentic);
    };
    if tag != version.tag() {
        return Err(KeyManagerError::NotAuthentic);
    }
    let plaintext = version.decrypt(extension, encrypted.as_ref(), aad(data))?;
    Ok(plaintext.expose().to_vec())
}

/// Nonce and AAD of AES-GCM, put together by hand.
fn independent(encrypted: &EncryptOutput, data: Option<&[u8]>) -> ([u8; 24], Vec<u8>) {
    let metadata = encrypted.metadata.as_bytes();
    let nonce = [&metadata[5..], encrypted.iv.as_bytes()].concat();
    let data = data.unwrap_or_default();
    let (high, low) = ((data.len() >> 8) as u8, data.len() as u8);
    let aad = [&[high, low][..], data, &[17], metadata].concat();
    (nonce.try_into().unwrap(), aad)
}

proptest! {
    #[test]
    fn xks_enc_04_the_aad_is_the_aad_of_an_independent_implementation(
        key in any::<[u8; 32]>(), plaintext in vec(any::<u8>(), 0..300),
        data in proptest::option::of(vec(any::<u8>(), 0..300)), seed in any::<u64>(),
    ) {
        let encrypted = encrypt(&version(key), &plaintext, data.as_deref(), seed);
        let (nonce, framed) = independent(&encrypted, data.as_deref());
        let text = [encrypted.ciphertext.as_slice(), &encrypted.tag].concat();
        let opened = Xaes256Gcm::new((&key).into())
            .decrypt((&nonce).into(), Payload { msg: &text, aad: &framed });
        prop_assert_eq!(opened.unwrap(), plaintext);
    }

    #[test]
    fn xks_dec_03_any_flipped_bit_is_refused(
        key in any::<[u8; 32]>(), plaintext in vec(any::<u8>(), 1..100),
        data in vec(any::<u8>(), 1..100), flip in any::<Index>(), seed in any::<u64>(),
    ) {
        let version = version(key);
        let good = encrypt(&version, &plaintext, Some(&data), seed);
        let parts = [&good.ciphertext[..], good.iv.as_bytes(), &good.tag, good.metadata.as_bytes(), &data];
        let lengths = parts.map(<[u8]>::len);
        let mut all = parts.concat();
        let bit = flip.index(all.len() * 8);
        all[bit / 8] ^= 1 << (bit % 8);
        let mut rest = all.as_slice();
        let [text, iv, tag, metadata, data] = lengths.map(|len| {
            let (part, after) = rest.split_at(len);
            rest = after;
            part
        });
        let wrong = EncryptOutput {
            ciphertext: text.to_vec(),
            iv: Iv::from_slice(iv).unwrap(),
            tag: tag.try_into().unwrap(),
            metadata: CiphertextMetadata::from_slice(metadata).unwrap(),
        };
        prop_assert!(matches!(decrypt(&version, &wrong, Some(data)), Err(KeyManagerError::NotAuthentic)));
    }

    #[test]
    fn xks_aad_02_bytes_moved_between_aad_and_metadata_are_refused(
        key in any::<[u8; 32]>(), data in vec(any::<u8>(), 0..40), moved in 1_usize..18, seed in any::<u64>(),
    ) {
        let version = version(key);
        let good = encrypt(&version, b"plaintext", Some(&data), seed);
        let (kept, over) = good.metadata.as_bytes().split_at(17 - moved);
        for more in [[&data[..], over].concat(), [over, &data[..]].concat()] {
            let metadata = CiphertextMetadata::from_slice(kept).unwrap();
            let wrong = EncryptOutput { metadata, ..good.clone() };
            prop_assert!(matches!(decrypt(&version, &wrong, Some(&more)), Err(KeyManagerError::NotAuthentic)));
        }
        // The other way: bytes of the AAD appended to the metadata, as far as they fit.
        if let Some((last, less)) = data.split_last() {
            let longer = [good.metadata.as_bytes(), &[*last]].concat();
            let metadata = CiphertextMetadata::from_slice(&longer).unwrap();
            let wrong = EncryptOutput { metadata, ..good.clone() };
            prop_assert!(matches!(decrypt(&version, &wrong, Some(less)), Err(KeyManagerError::NotAuthentic)));
        }
    }

    #[test]
    fn another_key_decrypts_nothing(a in any::<[u8; 32]>(), b in any::<[u8; 32]>(), seed in any::<u64>()) {
        prop_assume!(a != b);
        let encrypted = encrypt(&version(a), b"plaintext", None, seed);
        prop_assert!(decrypt(&version(b), &encrypted, None).is_err());
    }
}

const LENGTHS: [usize; 8] = [0, 1, 15, 16, 17, 4096, 4300, 65_536];

#[test]
fn xks_enc_09_the_ciphertext_is_as_long_as_the_plaintext() {
    for len in LENGTHS {
        let encrypted = encrypt(&version([7; 32]), &vec![0x5a; len], None, 1);
        assert_eq!(encrypted.ciphertext.len(), len);
    }
}

#[test]
fn xks_dec_06_the_plaintext_is_as_long_as_the_ciphertext() {
    let version = version([7; 32]);
    for len in LENGTHS {
        let plaintext = vec![0x5a; len];
        let encrypted = encrypt(&version, &plaintext, None, 1);
        assert_eq!(decrypt(&version, &encrypted, None).unwrap(), plaintext);
    }
}

/// The tag covers the metadata: under another framing of the same bytes it does not verify.
#[test]
fn xks_aad_01_metadata_is_authenticated() {
    let version = version([7; 32]);
    let good = encrypt(&version, b"plaintext", Some(b"aad"), 1);
    let (nonce, framed) = independent(&good, Some(b"aad"));
    let text = [good.ciphertext.as_slice(), &good.tag].concat();
    let cipher = Xaes256Gcm::new((&[7; 32]).into());
    let open = |aad: &[u8]| {
        cipher
            .decrypt((&nonce).into(), Payload { msg: &text, aad })
            .is_ok()
    };
    assert!(open(&framed));
    for byte in 0..framed.len() {
        let mut wrong = framed.clone();
        wrong[byte] ^= 1;
        assert!(!open(&wrong), "{byte}");
    }
    assert!(!open(b"aad"));
}

#[test]
fn xks_enc_11_metadata_is_17_bytes_and_holds_format_version_and_extension() {
    let encrypted = encrypt(&version([7; 32]), b"x", None, 1);
    let metadata = encrypted.metadata.as_bytes();
    assert_eq!(metadata.len(), 17);
    assert_eq!(metadata[..5], [0x01, 0xa1, 0xb2, 0xc3, 0xd4]);
}

#[test]
fn xks_enc_13_the_tag_is_16_bytes_and_all_of_it_counts() {
    let version = version([7; 32]);
    let good = encrypt(&version, b"x", None, 1);
    for byte in 0..16 {
        let mut wrong = good.clone();
        wrong.tag[byte] ^= 0x80;
        assert!(decrypt(&version, &wrong, None).is_err(), "{byte}");
    }
}

#[test]
fn xks_aad_03_absent_and_empty_aad_are_framed_alike() {
    let version = version([7; 32]);
    for (one, other) in [(None, Some(&b""[..])), (Some(&b""[..]), None)] {
        let encrypted = encrypt(&version, b"x", one, 1);
        assert_eq!(decrypt(&version, &encrypted, other).unwrap(), b"x");
    }
    let encrypted = encrypt(&version, b"x", None, 1);
    assert!(decrypt(&version, &encrypted, Some(&[0])).is_err());
}

#[test]
fn xks_dec_05_an_iv_of_16_bytes_is_none_of_ours() {
    let version = version([7; 32]);
    let good = encrypt(&version, b"x", None, 1);
    let mut longer = good.iv.as_bytes().to_vec();
    longer.extend_from_slice(&[0; 4]);
    let wrong = EncryptOutput {
        iv: Iv::from_slice(&longer).unwrap(),
        ..good
    };
    assert!(matches!(
        decrypt(&version, &wrong, None),
        Err(KeyManagerError::NotAuthentic)
    ));
}

#[test]
fn xks_enc_05_aad_of_8192_and_of_65535_bytes_works() {
    let version = version([7; 32]);
    for len in [8192, 65_535] {
        let data = vec![1; len];
        let encrypted = encrypt(&version, b"x", Some(&data), 1);
        assert_eq!(decrypt(&version, &encrypted, Some(&data)).unwrap(), b"x");
        assert!(decrypt(&version, &encrypted, Some(&data[1..])).is_err());
    }
}
