//! Reads JSON strictly: objects only where objects belong, strings only where strings belong, no
//! `null` for "absent", no member twice. Members that we do not know are skipped (XKS-GEN-09).

mod plain;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64_simd::{Out, STANDARD};
use crypto::SecretBytes;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::error::{ErrorMessage, ErrorName, XksError};
use crate::json::base64_len;
use crate::{CiphertextMetadata, Iv, error_message};

/// A response that cannot be interpreted (XKS-ERR-03). Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response of the XKS proxy cannot be interpreted")]
pub struct MalformedResponse;

/// Reads a request body.
pub(crate) fn request<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, XksError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| XksError::validation(error_message!("the request body is not UTF-8")))?;
    if let Some(object) = plain::read::<Object<T>>(text) {
        return Ok(object.0);
    }
    serde_json::from_str::<Object<T>>(text)
        .map(|object| object.0)
        .map_err(|error| XksError::validation(describe(&error)))
}

/// Reads a response body.
pub(crate) fn response<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, MalformedResponse> {
    request(body).map_err(|_| MalformedResponse)
}

/// Where the fault is, and of what kind. Serde's own text would quote the input.
fn describe(error: &serde_json::Error) -> ErrorMessage {
    let fault = match error.classify() {
        Category::Data => "a member of the request body has the wrong type or is there twice",
        Category::Syntax | Category::Eof | Category::Io => "the request body is not valid JSON",
    };
    let (line, column) = (error.line(), error.column());
    ErrorMessage::new(format!("{fault} (line {line}, column {column})"))
        .unwrap_or(error_message!("the request body is not valid"))
}

/// A JSON object; serde's derived types would accept an array in its place too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Object)
    }
}

/// For `deserialize_with`: a member that holds an object.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|object| Some(object.0))
}

/// For `deserialize_with`: an optional member that, once there, is no `null`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A JSON string: borrowed from the body, or a copy where the string has escapes. The copy may be
/// of a plaintext, hence it is wiped.
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Owned(Zeroizing<String>),
}

impl<'a> Text<'a> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }

    /// For what is not secret.
    pub(crate) fn into_cow(self) -> Cow<'a, str> {
        match self {
            Self::Borrowed(text) => Cow::Borrowed(text),
            Self::Owned(mut text) => Cow::Owned(std::mem::take(&mut *text)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text::Owned(Zeroizing::new(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// What may be wrong with a member, said without its content.
pub(crate) struct Faults {
    pub(crate) missing: ErrorMessage,
    pub(crate) not_base64: ErrorMessage,
    pub(crate) size: ErrorMessage,
    pub(crate) value: ErrorMessage,
}

/// The [`Faults`] of the member of this name.
macro_rules! faults {
    ($member:literal) => {
        $crate::wire::Faults {
            missing: $crate::error_message!(concat!($member, " is missing")),
            not_base64: $crate::error_message!(concat!($member, " is not canonical Base64 with padding")),
            size: $crate::error_message!(concat!($member, " has a size that is not supported")),
            value: $crate::error_message!(concat!($member, " has a value that is not supported")),
        }
    };
}
pub(crate) use faults;

impl Faults {
    pub(crate) fn missing(&self) -> XksError {
        XksError::validation(self.missing.clone())
    }

    pub(crate) fn not_base64(&self) -> XksError {
        XksError::validation(self.not_base64.clone())
    }

    pub(crate) fn value(&self) -> XksError {
        XksError::validation(self.value.clone())
    }

    pub(crate) fn size(&self, name: ErrorName) -> XksError {
        XksError::new(name, self.size.clone())
    }
}

/// Bytes that this Base64 text holds, from its length and padding alone; `None` if no text of this
/// length is Base64.
pub(crate) fn decoded_len(text: &str) -> Option<usize> {
    let padding = text
        .bytes()
        .rev()
        .take(2)
        .take_while(|byte| *byte == b'=')
        .count();
    text.len()
        .is_multiple_of(4)
        .then(|| (text.len() / 4 * 3).saturating_sub(padding))
}

/// The decoded size, refused above the limit before anything is decoded: 501, on every operation
/// (specification, `UnsupportedOperationException`).
fn size_within(text: &str, limit: usize, faults: &Faults) -> Result<usize, XksError> {
    let too_large = || faults.size(ErrorName::UnsupportedOperationException);
    if text.len() > base64_len(limit) {
        return Err(too_large());
    }
    match decoded_len(text) {
        None => Err(faults.not_base64()),
        Some(size) if size > limit => Err(too_large()),
        Some(size) => Ok(size),
    }
}

/// Decodes into exactly this buffer; whether the text is Base64 that fills it. Strict: padding is
/// required, unused bits are zero, nothing but the alphabet of RFC 4648 section 4 is accepted.
pub(crate) fn decode_to(text: &str, buffer: &mut [u8]) -> bool {
    // The decoder panics if the buffer is shorter than it needs.
    decoded_len(text) == Some(buffer.len())
        && STANDARD.decode(text.as_bytes(), Out::from_slice(buffer)).is_ok()
}

/// Decodes a value of at most `limit` bytes.
pub(crate) fn bytes(text: &str, limit: usize, faults: &Faults) -> Result<Vec<u8>, XksError> {
    let mut buffer = vec![0; size_within(text, limit, faults)?];
    if decode_to(text, &mut buffer) {
        Ok(buffer)
    } else {
        Err(faults.not_base64())
    }
}

/// As [`bytes`], for what is secret.
pub(crate) fn secret(text: &str, limit: usize, faults: &Faults) -> Result<SecretBytes, XksError> {
    let mut buffer = SecretBytes::zeroed(size_within(text, limit, faults)?);
    if decode_to(text, buffer.expose_mut()) {
        Ok(buffer)
    } else {
        Err(faults.not_base64())
    }
}

/// Decodes a value of exactly `N` bytes; `None` if it has another size or is not Base64.
pub(crate) fn array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut buffer = [0; N];
    (decoded_len(text) == Some(N) && decode_to(text, &mut buffer)).then_some(buffer)
}

/// Decodes an IV of 12 or 16 bytes.
pub(crate) fn iv(text: &str) -> Option<Iv> {
    array(text)
        .map(Iv::Bytes12)
        .or_else(|| array(text).map(Iv::Bytes16))
}

/// Decodes ciphertext metadata of at most 20 bytes.
pub(crate) fn ciphertext_metadata(text: &str) -> Option<CiphertextMetadata> {
    let mut buffer = [0; CiphertextMetadata::MAX_BYTES];
    let target = buffer.get_mut(..decoded_len(text)?)?;
    decode_to(text, target)
        .then(|| CiphertextMetadata::try_from(&*target).ok())
        .flatten()
}

/// Decodes a response's value of exactly `len` bytes.
pub(crate) fn exact(text: &str, len: usize) -> Result<Vec<u8>, MalformedResponse> {
    if decoded_len(text) != Some(len) {
        return Err(MalformedResponse);
    }
    let mut buffer = vec![0; len];
    if decode_to(text, &mut buffer) {
        Ok(buffer)
    } else {
        Err(MalformedResponse)
    }
}

/// As [`exact`], for what is secret.
pub(crate) fn exact_secret(text: &str, len: usize) -> Result<SecretBytes, MalformedResponse> {
    if decoded_len(text) != Some(len) {
        return Err(MalformedResponse);
    }
    let mut buffer = SecretBytes::zeroed(len);
    if decode_to(text, buffer.expose_mut()) {
        Ok(buffer)
    } else {
        Err(MalformedResponse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as PLAIN;
    use proptest::prelude::*;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        let mut buffer = vec![0; decoded_len(text)?];
        decode_to(text, &mut buffer).then_some(buffer)
    }

    /// The decoder reads many characters at a time; an independent one reads one after the other.
    fn agrees(text: &str) {
        assert_eq!(decoded(text), PLAIN.decode(text).ok(), "{text:?}");
    }

    #[test]
    fn only_canonical_base64_with_padding_is_read() {
        for text in [
            "",
            "=",
            "==",
            "====",
            "A===",
            "AA==",
            "AB==",
            "AAA=",
            "AAB=",
            "AAAA",
            "AAA",
            "AA=A",
            "A=AA",
            "=AAA",
            "AAAA====",
            "AAAA=",
            "AA A",
            "AA\nA",
            "AA-_",
            "AAAAé==",
            "AAAA\0AA=",
            "AAAAAA==AAAA",
        ] {
            agrees(text);
        }
    }

    proptest! {
        #[test]
        fn base64_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = PLAIN.encode(&bytes);
            prop_assert_eq!(decoded(&text), Some(bytes));
        }

        #[test]
        fn one_wrong_character_is_found_wherever_it_stands(
            bytes in prop::collection::vec(any::<u8>(), 1..200),
            at in any::<prop::sample::Index>(), other in 0_u8..128,
        ) {
            let mut text = PLAIN.encode(&bytes).into_bytes();
            let at = at.index(text.len());
            text[at] = other;
            agrees(str::from_utf8(&text).unwrap());
        }

        #[test]
        fn any_text_is_read_as_an_independent_decoder_does(text in "[A-Da/+=é -]{0,80}") {
            agrees(&text);
        }
    }
}
