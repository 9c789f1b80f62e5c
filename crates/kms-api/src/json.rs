//! Writes JSON twice: once to count, once into a buffer of exactly that size, so that nothing is
//! reallocated (which would leave copies of a plaintext behind).

use ambient::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::SecretBytes;

use crate::context::EncryptionContext;

/// Where JSON goes.
pub(crate) struct Output {
    len: usize,
    /// Absent while counting.
    buffer: Option<Vec<u8>>,
}

impl Output {
    fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if let Some(buffer) = &mut self.buffer {
            buffer.extend_from_slice(bytes);
        }
    }
}

/// What can stand as a value in an answer.
pub(crate) trait ToJson {
    /// Writes itself.
    fn write(&self, out: &mut Output);

    /// Whether the member is left out altogether.
    fn is_absent(&self) -> bool {
        false
    }
}

/// An object being written.
pub(crate) struct Object<'a> {
    out: &'a mut Output,
    empty: bool,
}

impl Object<'_> {
    /// Writes a member, unless its value is absent. The name needs no escapes.
    pub(crate) fn member(&mut self, name: &str, value: &(impl ToJson + ?Sized)) {
        if !value.is_absent() {
            self.name(name);
            value.write(self.out);
        }
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.put(b",");
        }
        self.empty = false;
        name.write(self.out);
        self.out.put(b":");
    }
}

/// Writes an object with the members that this function adds, without white space.
pub(crate) fn write_object(out: &mut Output, members: impl FnOnce(&mut Object<'_>)) {
    out.put(b"{");
    let mut object = Object { out, empty: true };
    members(&mut object);
    out.put(b"}");
}

/// A value as a document of its own.
pub(crate) fn document(value: &impl ToJson) -> Vec<u8> {
    let mut counted = Output { len: 0, buffer: None };
    value.write(&mut counted);
    let mut out = Output {
        len: 0,
        buffer: Some(Vec::with_capacity(counted.len)),
    };
    value.write(&mut out);
    debug_assert_eq!(out.len, counted.len, "the size was computed wrongly");
    out.buffer.unwrap_or_default()
}

/// Characters of Base64 for so many bytes.
pub(crate) const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

impl ToJson for [u8] {
    fn write(&self, out: &mut Output) {
        out.put(b"\"");
        let encoded = base64_len(self.len());
        out.len += encoded;
        if let Some(buffer) = &mut out.buffer {
            let start = buffer.len();
            buffer.resize(start + encoded, b'=');
            if let Some(target) = buffer.get_mut(start..) {
                // The target has exactly the size of the encoding, and no other error exists.
                let written = STANDARD.encode_slice(self, target);
                debug_assert_eq!(written, Ok(encoded));
            }
        }
        out.put(b"\"");
    }
}

impl ToJson for Box<[u8]> {
    fn write(&self, out: &mut Output) {
        (**self).write(out);
    }
}

impl ToJson for SecretBytes {
    fn write(&self, out: &mut Output) {
        self.expose().write(out);
    }
}

impl ToJson for str {
    /// RFC 8259 section 7: quote, backslash and control characters must be escaped, nothing else.
    fn write(&self, out: &mut Output) {
        out.put(b"\"");
        for piece in self.split_inclusive(|c: char| c < ' ' || c == '"' || c == '\\') {
            match piece.as_bytes().split_last() {
                Some((last @ (b'"' | b'\\'), before)) => {
                    out.put(before);
                    out.put(&[b'\\', *last]);
                }
                Some((last @ 0..0x20, before)) => {
                    out.put(before);
                    out.put(format!("\\u{last:04x}").as_bytes());
                }
                _ => out.put(piece.as_bytes()),
            }
        }
        out.put(b"\"");
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write(&self, out: &mut Output) {
        (**self).write(out);
    }

    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }
}

impl ToJson for String {
    fn write(&self, out: &mut Output) {
        self.as_str().write(out);
    }
}

impl ToJson for bool {
    fn write(&self, out: &mut Output) {
        out.put(if *self { b"true" } else { b"false" });
    }
}

impl ToJson for u32 {
    fn write(&self, out: &mut Output) {
        out.put(self.to_string().as_bytes());
    }
}

/// Seconds since the Unix epoch, with milliseconds if there are any.
impl ToJson for Timestamp {
    fn write(&self, out: &mut Output) {
        let millis = self.as_micros() / 1000;
        let (secs, millis) = (millis / 1000, millis % 1000);
        out.put(secs.to_string().as_bytes());
        if millis > 0 {
            let fraction = format!(".{millis:03}");
            out.put(fraction.trim_end_matches('0').as_bytes());
        }
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, out: &mut Output) {
        match self {
            Some(value) => value.write(out),
            None => out.put(b"null"),
        }
    }

    fn is_absent(&self) -> bool {
        self.as_ref().is_none_or(T::is_absent)
    }
}

/// A list is always written, an empty one too.
impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, out: &mut Output) {
        out.put(b"[");
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.put(b",");
            }
            value.write(out);
        }
        out.put(b"]");
    }
}

impl ToJson for EncryptionContext {
    fn write(&self, out: &mut Output) {
        write_object(out, |object| {
            for (key, value) in self {
                object.member(key, value);
            }
        });
    }
}

/// Writes what has a `Display` as a string.
macro_rules! displayed {
    ($($kind:ty),+ $(,)?) => {
        $(impl ToJson for $kind {
            fn write(&self, out: &mut Output) {
                self.to_string().as_str().write(out);
            }
        })+
    };
}

displayed!(
    crate::ConnectionErrorCode,
    crate::ConnectionState,
    crate::CustomKeyStoreType,
    crate::EncryptionAlgorithm,
    crate::ExpirationModel,
    crate::GrantOperation,
    crate::ImportState,
    crate::KeyManager,
    crate::KeyMaterialState,
    crate::KeySpec,
    crate::KeyState,
    crate::KeyUsage,
    crate::Origin,
    crate::RotationType,
    crate::UsageOperation,
    crate::XksProxyConnectivity,
    crate::name::AccountId,
    crate::name::AliasArn,
    crate::name::AliasName,
    crate::name::KeyArn,
    crate::name::KeyId,
);
