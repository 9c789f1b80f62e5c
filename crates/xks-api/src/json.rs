//! Writes JSON into one buffer of exactly the right size, so that nothing is reallocated (which
//! would leave copies of a plaintext behind) and little is spent.

use std::fmt;

use base64_simd::{Out, STANDARD};
use crypto::SecretBytes;

/// What a member may hold.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A string of Base64 (RFC 4648 section 4, padded).
    Base64(&'a [u8]),
    /// A string, escaped where needed.
    Text(&'a str),
    Number(u32),
    Object(&'a [Option<Member<'a>>]),
    Array(&'a [Value<'a>]),
}

/// A name that needs no escapes, and its value.
pub(crate) type Member<'a> = (&'static str, Value<'a>);

/// A JSON document that holds a secret: wiped on drop, printed by nobody.
///
/// `AsRef<[u8]>` lets an HTTP body own it until it is sent (`Bytes::from_owner`).
pub struct SecretJson(SecretBytes);

impl SecretJson {
    /// The document.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// The document in its wiping buffer.
    pub fn into_secret(self) -> SecretBytes {
        self.0
    }
}

impl AsRef<[u8]> for SecretJson {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// An object with those members that are there, in this order, without white space.
pub(crate) fn object(members: &[Option<Member<'_>>]) -> Vec<u8> {
    let value = Value::Object(members);
    let mut out = Vec::with_capacity(value.len());
    value.write(&mut out);
    debug_assert_eq!(out.len(), value.len(), "the size was computed wrongly");
    out
}

/// As [`object`], for members that are secret.
pub(crate) fn secret_object(members: &[Option<Member<'_>>]) -> SecretJson {
    SecretJson(SecretBytes::new(object(members)))
}

/// Characters of Base64 for so many bytes.
pub(crate) const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

impl Value<'_> {
    /// Bytes that [`Value::write`] appends.
    fn len(&self) -> usize {
        match self {
            Self::Base64(bytes) => 2 + base64_len(bytes.len()),
            Self::Text(text) => 2 + text.bytes().map(escaped_len).sum::<usize>(),
            Self::Number(number) => number.checked_ilog10().map_or(1, |log| log as usize + 1),
            Self::Object(members) => {
                let present = members.iter().flatten();
                // Each member: quotes, colon and the comma before it, which the first lacks.
                let sum: usize = present.map(|(name, value)| name.len() + 4 + value.len()).sum();
                1 + sum.max(1)
            }
            Self::Array(values) => {
                let sum: usize = values.iter().map(|value| 1 + value.len()).sum();
                1 + sum.max(1)
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Base64(bytes) => write_base64(bytes, out),
            Self::Text(text) => write_text(text, out),
            Self::Number(number) => write_display(number, out),
            Self::Object(members) => {
                out.push(b'{');
                for (index, (name, value)) in members.iter().flatten().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.push(b'"');
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(b"\":");
                    value.write(out);
                }
                out.push(b'}');
            }
            Self::Array(values) => {
                out.push(b'[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
        }
    }
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + base64_len(bytes.len()), b'=');
    if let Some(target) = out.get_mut(start..) {
        // It panics if the target is shorter than this encoding needs; it has exactly that size.
        let written = STANDARD.encode(bytes, Out::from_slice(target));
        debug_assert_eq!(written.len(), base64_len(bytes.len()));
    }
    out.push(b'"');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => write_display(&format_args!("\\u{byte:04x}"), out),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// RFC 8259 section 7: quote, backslash and control characters must be escaped, nothing else.
const fn escaped_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

fn write_display(value: &dyn fmt::Display, out: &mut Vec<u8>) {
    // Unwrap safety: writing to a Vec does not fail.
    let written = std::io::Write::write_fmt(out, format_args!("{value}"));
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as PLAIN;
    use proptest::prelude::*;

    #[test]
    fn objects_print_compactly() {
        let inner = [Value::Number(0), Value::Number(10), Value::Number(4_294_967_295)];
        let printed = object(&[
            Some(("a", Value::Array(&inner))),
            None,
            Some(("b", Value::Object(&[]))),
            Some(("c", Value::Array(&[]))),
            Some(("d", Value::Base64(b"Hello World!"))),
            Some(("e", Value::Text("\"\\\n"))),
        ]);
        let expected = r#"{"a":[0,10,4294967295],"b":{},"c":[],"d":"SGVsbG8gV29ybGQh","e":"\"\\\u000a"}"#;
        assert_eq!(String::from_utf8(printed).unwrap(), expected);
        assert_eq!(object(&[]), b"{}");
    }

    proptest! {
        #[test]
        fn any_text_survives_and_the_size_is_exact(text in any::<String>(), bytes in any::<Vec<u8>>(), number in any::<u32>()) {
            let members =
                [Some(("t", Value::Text(&text))), Some(("b", Value::Base64(&bytes))), Some(("n", Value::Number(number)))];
            let printed = object(&members);
            prop_assert_eq!(printed.capacity(), printed.len());
            let parsed: serde_json::Value = serde_json::from_slice(&printed).unwrap();
            prop_assert_eq!(parsed["t"].as_str(), Some(text.as_str()));
            prop_assert_eq!(parsed["n"].as_u64(), Some(u64::from(number)));
            prop_assert_eq!(PLAIN.decode(parsed["b"].as_str().unwrap()).unwrap(), bytes);
        }
    }
}
