//! Ciphertext metadata, and how it is framed together with the AAD.

use key_manager::framing::{self, FORMAT_1_LEN, FORMAT_2_LEN, Format};
use key_manager::{AdditionalData, CiphertextMetadata};

/// Up to 20 bytes are metadata; exactly 17 bytes starting with 1 and 5 starting with 2 have a
/// format, and format 1 is written as it was read. No byte can move between AAD and metadata:
/// every division of the same bytes is framed differently.
pub fn ciphertext_metadata(data: &[u8]) {
    if let Ok(metadata) = CiphertextMetadata::from_slice(data) {
        assert!(data.len() <= CiphertextMetadata::MAX_LEN);
        assert_eq!(metadata.as_bytes(), data);
        check_format(&metadata);
    } else {
        assert!(data.len() > CiphertextMetadata::MAX_LEN);
    }
    check_divisions(data);
}

fn check_format(metadata: &CiphertextMetadata) {
    let bytes = metadata.as_bytes();
    match Format::of(metadata) {
        Format::One { tag, extension } => {
            assert!(bytes.len() == FORMAT_1_LEN && bytes.first() == Some(&1));
            assert_eq!(Format::one(tag, &extension).as_bytes(), bytes);
        }
        Format::Two { .. } => assert!(bytes.len() == FORMAT_2_LEN && bytes.first() == Some(&2)),
        Format::Legacy => {
            assert!(bytes.len() != FORMAT_1_LEN || bytes.first() != Some(&1));
            assert!(bytes.len() != FORMAT_2_LEN || bytes.first() != Some(&2));
        }
    }
}

fn check_divisions(data: &[u8]) {
    let mut framed: Vec<Vec<u8>> = (0..=data.len().min(CiphertextMetadata::MAX_LEN))
        .filter_map(|from_end| {
            let (aad, metadata) = data.split_at(data.len() - from_end);
            let aad = AdditionalData::new(Some(aad)).ok()?;
            Some(framing::spec(
                aad,
                &CiphertextMetadata::from_slice(metadata).ok()?,
            ))
        })
        .collect();
    let divisions = framed.len();
    framed.sort();
    framed.dedup();
    assert_eq!(framed.len(), divisions, "two divisions are framed alike");
}
