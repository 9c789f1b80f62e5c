//! Reads the JSON that KMS sends: objects of strings and of such objects, and no string with an
//! escape. For anything else it gives up and says nothing, and the general reader begins anew. So it
//! decides nothing on its own: what it reads, the general reader would read to the same.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Objects within objects: a request has two levels, a member that we do not know may have more.
const MAX_DEPTH: u8 = 8;

/// Reads a whole document; `None` if it is not plain, or not a `T`.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
    };
    let value = T::deserialize(&mut reader).ok()?;
    reader.peek().is_none().then_some(value)
}

/// Not for this reader.
#[derive(Debug)]
struct NotPlain;

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain")
    }
}

impl std::error::Error for NotPlain {}

impl Error for NotPlain {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
}

impl<'de> Reader<'de> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(byte) {
            return Err(NotPlain);
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<&'de str, NotPlain> {
        self.take(b'"')?;
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let end = self.at + plain_len(rest);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return Err(NotPlain);
        }
        let string = self.text.get(self.at..end).ok_or(NotPlain)?;
        self.at = end + 1;
        Ok(string)
    }
}

/// How many bytes stand before the first quote, backslash or control character.
fn plain_len(bytes: &[u8]) -> usize {
    let plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    let (chunks, _) = bytes.as_chunks::<16>();
    // Without an early exit within a chunk, so that the compiler looks at all of it at once.
    let whole = |chunk: &&[u8; 16]| chunk.iter().fold(true, |all, byte| all & plain(*byte));
    let start = chunks.iter().take_while(whole).count() * 16;
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| plain(**byte)).count()
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = NotPlain;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.peek() {
            Some(b'"') => visitor.visit_borrowed_str(self.string()?),
            Some(b'{') => self.deserialize_map(visitor),
            _ => Err(NotPlain),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        self.take(b'{')?;
        if self.depth == MAX_DEPTH {
            return Err(NotPlain);
        }
        self.depth += 1;
        let value = visitor.visit_map(Members {
            reader: self,
            first: true,
        })?;
        // Also where the visitor has not asked for all members: then this is none.
        self.take(b'}')?;
        self.depth -= 1;
        Ok(value)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct struct enum identifier ignored_any
    }
}

/// The members of an object.
struct Members<'r, 'de> {
    reader: &'r mut Reader<'de>,
    first: bool,
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = NotPlain;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NotPlain> {
        if self.reader.peek() == Some(b'}') {
            return Ok(None);
        }
        if !std::mem::replace(&mut self.first, false) {
            self.reader.take(b',')?;
        }
        seed.deserialize(BorrowedStrDeserializer::new(self.reader.string()?))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, NotPlain> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Whatever this reader reads, the general one reads to the same.
    fn agrees(text: &str) {
        if let Some(value) = read::<Value>(text) {
            assert_eq!(serde_json::from_str::<Value>(text).ok(), Some(value), "{text}");
        }
    }

    #[test]
    fn what_kms_sends_is_plain() {
        let text = r#" {"requestMetadata":{"kmsRequestId":"4112f4d6","é":""}, "plaintext" : "YQ==",
            "empty":{}} "#;
        let read = read::<Value>(text);
        assert!(read.is_some());
        assert_eq!(read, serde_json::from_str(text).ok());
    }

    #[test]
    fn anything_else_is_left_to_the_general_reader() {
        let deep = |levels: usize| "{\"a\":".repeat(levels) + "\"\"" + &"}".repeat(levels);
        assert!(read::<Value>(&deep(8)).is_some());
        for text in [
            "",
            "{",
            "}",
            "{}}",
            "{} {}",
            "[]",
            "null",
            "1",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":"b""#,
            r#"{"a":"b",}"#,
            r#"{,"a":"b"}"#,
            r#"{"a":"b""c":"d"}"#,
            r#"{"a":"b",,"c":"d"}"#,
            r#"{"a" "b"}"#,
            r#"{a:"b"}"#,
            r#"{"a":"\n"}"#,
            r#"{"a\u0062":""}"#,
            r#"{"a":"\""}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":true}"#,
            r#"{"a":["b"]}"#,
            "\u{feff}{}",
            "{\u{a0}}",
            "\u{c}{}",
            &deep(9),
        ] {
            assert_eq!(read::<Value>(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_read_otherwise(text in r#"[{}":,\\a \n\x01é]{0,24}"#) {
            agrees(&text);
        }

        #[test]
        fn no_document_is_read_otherwise(parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "\"a\"", "\"b\"", ":", ",", " ", "\"\"", "1", "[]", "\"sixteen and more of it\"", "\"\\n\"",
            "{\"a\":\"b\"}", "{}", "\"a\":\"x\"", "\"b\":{\"a\":\"\"}",
        ]), 0..12)) {
            agrees(&parts.concat());
            agrees(&format!("{{{}}}", parts.concat()));
        }

        #[test]
        fn the_end_of_the_plain_part_is_found_wherever_it_is(start in 0_usize..70, byte in any::<u8>(), more in 0_usize..40) {
            let mut bytes = vec![b'a'; start];
            bytes.push(byte);
            bytes.extend(vec![b'"'; more]);
            let plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
            prop_assert_eq!(plain_len(&bytes), start + usize::from(plain));
        }
    }
}
