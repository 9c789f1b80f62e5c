//! How additional data and metadata become the AAD of AES-GCM, and what metadata says.

use crate::{AdditionalData, CiphertextMetadata, VersionTag};

/// First byte of format 1's metadata.
pub const FORMAT_1: u8 = 0x01;
/// First byte of format 2's metadata.
pub const FORMAT_2: u8 = 0x02;
/// Length of format 1's metadata in bytes: format, version tag, nonce extension.
pub const FORMAT_1_LEN: usize = 17;
/// Length of format 2's metadata in bytes: format, version tag.
pub const FORMAT_2_LEN: usize = 5;

/// Framing `spec` (XKS-AAD-02): `len16(AAD) ‖ AAD ‖ len8(metadata) ‖ metadata`, lengths of the raw
/// bytes, big-endian. Without the lengths a caller could move bytes from one to the other.
pub fn spec(aad: AdditionalData<'_>, metadata: &CiphertextMetadata) -> Vec<u8> {
    let (aad, metadata) = (aad.bytes(), metadata.as_bytes());
    let mut framed = Vec::with_capacity(3 + aad.len() + metadata.len());
    // Both casts are exact: the types hold at most 65,535 and 20 bytes.
    framed.extend_from_slice(&(aad.len() as u16).to_be_bytes());
    framed.extend_from_slice(aad);
    framed.push(metadata.len() as u8);
    framed.extend_from_slice(metadata);
    framed
}

/// How additional data and metadata become the AAD of AES-GCM; fixed when a key version is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Framing {
    /// XKS-AAD-02, see [`spec`].
    Spec,
    /// As AWS's sample proxy does, see [`aws_sample`]. Legacy versions alone.
    AwsSample,
    /// The additional data alone; there must be no metadata. Legacy versions alone: nothing tells an
    /// absent from an empty AAD.
    Raw,
}

impl Framing {
    /// As stored, and as people write it: `spec`, `aws-sample`, `danger_raw`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::AwsSample => "aws-sample",
            Self::Raw => "danger_raw",
        }
    }

    /// Reads what [`Framing::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Spec, Self::AwsSample, Self::Raw]
            .into_iter()
            .find(|framing| framing.as_str() == text)
    }

    /// The AAD for AES-GCM. `None` if this framing has no place for the metadata.
    pub fn frame(self, aad: AdditionalData<'_>, metadata: &CiphertextMetadata) -> Option<Vec<u8>> {
        match self {
            Self::Spec => Some(spec(aad, metadata)),
            Self::AwsSample => Some(aws_sample(aad, metadata)),
            Self::Raw => metadata.as_bytes().is_empty().then(|| aad.bytes().to_vec()),
        }
    }
}

/// Framing `aws-sample`: `len16` of the additional data; then, if there are any, even empty ones,
/// their SHA-256; then `len8(metadata) ‖ metadata`.
pub fn aws_sample(aad: AdditionalData<'_>, metadata: &CiphertextMetadata) -> Vec<u8> {
    let metadata = metadata.as_bytes();
    let mut framed = Vec::with_capacity(35 + metadata.len());
    // Both casts are exact: the types hold at most 65,535 and 20 bytes.
    framed.extend_from_slice(&(aad.bytes().len() as u16).to_be_bytes());
    if let Some(aad) = aad.get() {
        framed.extend_from_slice(&crypto::sha256(&[aad]));
    }
    framed.push(metadata.len() as u8);
    framed.extend_from_slice(metadata);
    framed
}

/// What ciphertext metadata says about the version that encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A virtual HSM's version, and the nonce's first 12 bytes.
    One {
        /// Which version.
        tag: VersionTag,
        /// The nonce extension; nonce = extension ‖ IV.
        extension: [u8; 12],
    },
    /// A version that is an object in an HSM.
    Two {
        /// Which version.
        tag: VersionTag,
    },
    /// Written by another product: belongs to the key's legacy version, if it has one.
    Legacy,
}

impl Format {
    /// Exactly 17 bytes starting with 1 are format 1, exactly 5 starting with 2 are format 2,
    /// everything else is legacy.
    pub fn of(metadata: &CiphertextMetadata) -> Self {
        match metadata.as_bytes() {
            [FORMAT_1, a, b, c, d, rest @ ..] => match rest.try_into() {
                Ok(extension) => Self::One {
                    tag: VersionTag([*a, *b, *c, *d]),
                    extension,
                },
                Err(_) => Self::Legacy,
            },
            [FORMAT_2, a, b, c, d] => Self::Two {
                tag: VersionTag([*a, *b, *c, *d]),
            },
            _ => Self::Legacy,
        }
    }

    /// Format 1's metadata.
    pub fn one(tag: VersionTag, extension: &[u8; 12]) -> CiphertextMetadata {
        let mut bytes = [FORMAT_1; FORMAT_1_LEN];
        let fields = tag.0.iter().chain(extension);
        bytes
            .iter_mut()
            .skip(1)
            .zip(fields)
            .for_each(|(to, from)| *to = *from);
        // 17 bytes always fit into 20.
        CiphertextMetadata::from_slice(&bytes).unwrap_or_default()
    }

    /// Format 2's metadata.
    pub fn two(VersionTag([a, b, c, d]): VersionTag) -> CiphertextMetadata {
        // 5 bytes always fit into 20.
        CiphertextMetadata::from_slice(&[FORMAT_2, a, b, c, d]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(aad: Option<&[u8]>, metadata: &[u8]) -> Vec<u8> {
        spec(
            AdditionalData::new(aad).unwrap(),
            &CiphertextMetadata::from_slice(metadata).unwrap(),
        )
    }

    #[test]
    fn xks_aad_02_lengths_are_two_bytes_and_one_byte_big_endian() {
        let aad = b"project=nile,department=marketing";
        let expected = [&[0x00, 0x21][..], aad, &[0x0d], b"key_version=1"].concat();
        assert_eq!(framed(Some(aad), b"key_version=1"), expected);
        assert_eq!(framed(Some(&[0; 65_535]), b"")[..2], [0xff, 0xff]);
    }

    #[test]
    fn xks_aad_03_what_is_missing_has_length_zero() {
        assert_eq!(framed(None, b""), [0, 0, 0]);
        assert_eq!(framed(Some(b""), b""), [0, 0, 0]);
        assert_eq!(framed(None, b"m"), [0, 0, 1, b'm']);
    }

    #[test]
    fn the_sample_proxys_framing_hashes_what_is_present() {
        let framed = |aad: Option<&[u8]>, metadata: &[u8]| {
            let metadata = CiphertextMetadata::from_slice(metadata).unwrap();
            aws_sample(AdditionalData::new(aad).unwrap(), &metadata)
        };
        let hash = crypto::sha256(&[b"a=b"]);
        assert_eq!(framed(None, b""), [0, 0, 0]);
        assert_eq!(
            framed(Some(b"a=b"), b"m"),
            [&[0, 3], &hash[..], &[1, b'm']].concat()
        );
        assert_eq!(
            framed(Some(b""), b""),
            [&[0, 0], &crypto::sha256(&[])[..], &[0]].concat()
        );
    }

    #[test]
    fn raw_framing_has_no_place_for_metadata() {
        let aad = AdditionalData::new(Some(b"a=b")).unwrap();
        let some = CiphertextMetadata::from_slice(b"m").unwrap();
        assert_eq!(Framing::Raw.frame(aad, &some), None);
        let none = CiphertextMetadata::default();
        assert_eq!(Framing::Raw.frame(aad, &none).unwrap(), b"a=b");
        for framing in [Framing::Spec, Framing::AwsSample, Framing::Raw] {
            assert_eq!(Framing::parse(framing.as_str()), Some(framing));
        }
    }

    #[test]
    fn metadata_selects_a_format_by_exact_length_and_first_byte() {
        let tag = VersionTag([1, 2, 3, 4]);
        let one = Format::one(tag, &[9; 12]);
        assert_eq!(one.as_bytes().len(), FORMAT_1_LEN);
        assert_eq!(
            Format::of(&one),
            Format::One {
                tag,
                extension: [9; 12]
            }
        );
        let of = |bytes: &[u8]| Format::of(&CiphertextMetadata::from_slice(bytes).unwrap());
        assert_eq!(of(&[2, 1, 2, 3, 4]), Format::Two { tag });
        assert_eq!(Format::of(&Format::two(tag)), Format::Two { tag });
        for legacy in [
            &[][..],
            &[1; 16],
            &[1; 18],
            &[2; 4],
            &[2; 6],
            &[3; 17],
            b"key_version=1",
        ] {
            assert_eq!(of(legacy), Format::Legacy);
        }
    }
}
