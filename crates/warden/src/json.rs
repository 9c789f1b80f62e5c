//! JSON objects of texts, written straight into bytes: the record of a key use is on the request
//! path, and has nothing else in it.

/// A JSON object on its way into a buffer.
pub(crate) struct Object<'a>(&'a mut Vec<u8>);

impl<'a> Object<'a> {
    /// Starts over in `buffer`, with the member `type`.
    pub(crate) fn begin(buffer: &'a mut Vec<u8>, kind: &str) -> Self {
        buffer.clear();
        buffer.extend_from_slice(b"{\"type\":\"");
        buffer.extend_from_slice(kind.as_bytes());
        buffer.push(b'"');
        Self(buffer)
    }

    /// Adds a text. `key` needs no escape.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        let plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
        // Without an early exit, so that the compiler looks at 16 bytes at a time.
        if text.bytes().fold(true, |all, byte| all & plain(byte)) {
            self.0.push(b'"');
            self.0.extend_from_slice(text.as_bytes());
            self.0.push(b'"');
        } else {
            // A text always serialises, and writing to a Vec does not fail.
            let _ = serde_json::to_writer(&mut *self.0, text);
        }
    }

    /// Adds a text if there is one.
    pub(crate) fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// Adds a member that is true.
    pub(crate) fn truth(&mut self, key: &str) {
        self.key(key);
        self.0.extend_from_slice(b"true");
    }

    /// The whole object.
    pub(crate) fn end(self) -> &'a [u8] {
        self.0.push(b'}');
        self.0
    }

    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_reads_back(text in any::<String>(), other in any::<Option<String>>()) {
            let mut buffer = b"left over".to_vec();
            let mut object = Object::begin(&mut buffer, "key-use");
            object.text("a", &text);
            object.optional("b", other.as_deref());
            object.truth("c");
            let read: serde_json::Value = serde_json::from_slice(object.end()).unwrap();
            prop_assert_eq!(&read["type"], "key-use");
            prop_assert_eq!(&read["a"], &text);
            prop_assert_eq!(read.get("b").and_then(|b| b.as_str()), other.as_deref());
            prop_assert_eq!(&read["c"], true);
        }
    }
}
