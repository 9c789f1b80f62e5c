//! The canonical request, hashed as it is formed.

use crypto::Sha256;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use crate::authorization::header_names;
use crate::{PathForm, Refusal, limits, uri};

/// What goes into a canonical request.
pub(crate) struct CanonicalRequest<'r> {
    pub(crate) method: &'r str,
    pub(crate) path: &'r str,
    pub(crate) path_form: PathForm,
    pub(crate) query: &'r str,
    pub(crate) headers: &'r HeaderMap,
    /// Plays the header `host`.
    pub(crate) host: &'r str,
    /// Names joined by semicolons: lower case, sorted, unique.
    pub(crate) signed_headers: &'r str,
    /// SHA-256 of the body, in hexadecimal.
    pub(crate) payload_hash: &'r [u8; 64],
}

impl CanonicalRequest<'_> {
    /// SHA-256 of the canonical request:
    /// `method \n path \n query \n (name:values \n)* \n names \n payload hash`.
    pub(crate) fn hash(&self) -> Result<[u8; 32], Refusal> {
        let mut out = Hashing::new();
        self.write(&mut |bytes| out.write(bytes))?;
        Ok(out.finish())
    }

    fn write(&self, out: &mut impl FnMut(&[u8])) -> Result<(), Refusal> {
        // The method is the one part that no encoding keeps from containing a line feed.
        let letters = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_';
        if self.method.is_empty()
            || self.method.len() > limits::METHOD_LEN
            || !self.method.bytes().all(letters)
        {
            return Err(Refusal::MalformedTarget);
        }
        out(self.method.as_bytes());
        out(b"\n");
        out(self.path_form.apply(self.path)?.as_bytes());
        out(b"\n");
        if !self.query.is_empty() {
            out(uri::canonical_query(self.query)?.as_bytes());
        }
        out(b"\n");
        for name in header_names(self.signed_headers) {
            out(name.as_bytes());
            self.write_values(name, out)?;
            out(b"\n");
        }
        out(b"\n");
        out(self.signed_headers.as_bytes());
        out(b"\n");
        out(self.payload_hash);
        Ok(())
    }

    /// A colon and the values in the order received, joined by commas.
    fn write_values(&self, name: &str, out: &mut impl FnMut(&[u8])) -> Result<(), Refusal> {
        if name == "host" {
            out(b":");
            out(self.host.as_bytes());
            return Ok(());
        }
        let mut separator = b":";
        for value in self.headers.get_all(name) {
            out(separator);
            write_folded(value.as_bytes(), out);
            separator = b",";
        }
        if separator == b":" {
            return Err(Refusal::SignedHeaderAbsent);
        }
        Ok(())
    }
}

/// A header value without spaces around it and with runs of spaces as one, in quotes too. Spaces
/// only: other white space stays as it is, as in AWS's signers.
fn write_folded(value: &[u8], out: &mut impl FnMut(&[u8])) {
    let mut first = true;
    for word in value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        if !first {
            out(b" ");
        }
        first = false;
        out(word);
    }
}

/// The only value of a header; none if it is absent, a refusal if there are several.
pub(crate) fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'h HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Refusal::DuplicateHeader(shown));
    }
    Ok(value)
}

/// 32 bytes in lower-case hexadecimal, without an allocation.
pub(crate) fn hex_32(bytes: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    let (pairs, _) = out.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = crypto::hex_byte(*byte);
    }
    out
}

/// SHA-256 behind a small buffer: a canonical request is written in dozens of tiny pieces. One that
/// fits into the buffer, as KMS's do, needs no context.
struct Hashing {
    hash: Option<Sha256>,
    buffer: [u8; 1024],
    used: usize,
}

impl Hashing {
    fn new() -> Self {
        Self {
            hash: None,
            buffer: [0; 1024],
            used: 0,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        if let Some(free) = self.buffer.get_mut(self.used..end) {
            free.copy_from_slice(bytes);
            self.used = end;
        } else {
            let hash = self.hash.get_or_insert_default();
            hash.update(self.buffer.get(..self.used).unwrap_or_default());
            hash.update(bytes);
            self.used = 0;
        }
    }

    fn finish(self) -> [u8; 32] {
        let rest = self.buffer.get(..self.used).unwrap_or_default();
        match self.hash {
            None => crypto::sha256(&[rest]),
            Some(mut hash) => {
                hash.update(rest);
                hash.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(value: &str) -> String {
        let mut out = Vec::new();
        write_folded(value.as_bytes(), &mut |bytes| out.extend_from_slice(bytes));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_trimmed_and_folded() {
        for (value, expected) in [
            ("", ""),
            ("   ", ""),
            ("a", "a"),
            ("  a  b   c ", "a b c"),
            ("\"a   b\"", "\"a b\""),
            ("a \t b", "a \t b"),
        ] {
            assert_eq!(folded(value), expected);
        }
    }

    #[test]
    fn the_canonical_request_is_written_line_by_line() {
        let mut headers = HeaderMap::new();
        headers.append("x-b", HeaderValue::from_static("2  2"));
        headers.append("x-b", HeaderValue::from_static("1"));
        let request = CanonicalRequest {
            method: "POST",
            path: "/p",
            path_form: PathForm::AsReceived,
            query: "b&a=1",
            headers: &headers,
            host: "h:1",
            signed_headers: "host;x-b",
            payload_hash: &[b'0'; 64],
        };
        let mut out = Vec::new();
        request.write(&mut |bytes| out.extend_from_slice(bytes)).unwrap();
        let zeros = "0".repeat(64);
        let expected = format!("POST\n/p\na=1&b=\nhost:h:1\nx-b:2 2,1\n\nhost;x-b\n{zeros}");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(request.hash().unwrap(), crypto::sha256(&[expected.as_bytes()]));
    }

    #[test]
    fn a_method_cannot_carry_another_line() {
        let long = "A".repeat(limits::METHOD_LEN + 1);
        for method in ["", "POST\n/other", "P OST", &long] {
            let request = CanonicalRequest {
                method,
                path: "/",
                path_form: PathForm::AsReceived,
                query: "",
                headers: &HeaderMap::new(),
                host: "h",
                signed_headers: "host",
                payload_hash: &[b'0'; 64],
            };
            assert_eq!(request.hash(), Err(Refusal::MalformedTarget));
        }
    }

    proptest! {
        #[test]
        fn buffered_hashing_is_plain_hashing(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..8)) {
            let mut hashing = Hashing::new();
            pieces.iter().for_each(|piece| hashing.write(piece));
            prop_assert_eq!(hashing.finish(), crypto::sha256(&[&pieces.concat()]));
        }

        #[test]
        fn hexadecimal_is_that_of_crypto(bytes in any::<[u8; 32]>()) {
            let expected = crypto::hex(&bytes);
            prop_assert_eq!(&hex_32(&bytes)[..], expected.as_bytes());
        }
    }
}
