//! The canonical path and query string.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{Refusal, limits};

/// How a service forms the canonical path. A signature made for one form fails under the other
/// wherever they differ, so each service has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathForm {
    /// The raw path, exactly as on the wire; anything but visible ASCII is refused. For XKS,
    /// whose paths have nothing to normalise, and for S3.
    AsReceived,
    /// Dot segments and repeated slashes removed, then every byte but unreserved ones
    /// (RFC 3986 section 2.3) and slashes percent-encoded once more. All other AWS services.
    Normalised,
}

impl PathForm {
    /// The canonical form of `path`.
    pub(crate) fn apply(self, path: &str) -> Result<Cow<'_, str>, Refusal> {
        if path.len() > limits::PATH_LEN || !path.starts_with('/') {
            return Err(Refusal::MalformedTarget);
        }
        match self {
            Self::AsReceived => as_received(path),
            Self::Normalised => Ok(normalised(path)),
        }
    }
}

fn as_received(path: &str) -> Result<Cow<'_, str>, Refusal> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
    if path.bytes().all(plain) {
        Ok(Cow::Borrowed(path))
    } else {
        Err(Refusal::MalformedTarget)
    }
}

fn normalised(path: &str) -> Cow<'_, str> {
    let plain = |byte: u8| unreserved(byte) || byte == b'/';
    if !path.contains("//") && !path.contains("/.") && path.bytes().all(plain) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len() + 1);
    for segment in &kept {
        out.push('/');
        segment.bytes().for_each(|byte| push_encoded(&mut out, byte));
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if kept.is_empty() || matches!(last, "" | "." | "..") {
        out.push('/');
    }
    Cow::Owned(out)
}

/// The canonical query string: parameters decoded, encoded one way, sorted by name, then value.
/// Refuses a signature in the query string (presigned URLs) and broken percent-encoding.
pub(crate) fn canonical_query(query: &str) -> Result<String, Refusal> {
    if query.len() > limits::QUERY_LEN {
        return Err(Refusal::MalformedTarget);
    }
    let mut parameters = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            Ok((recoded(name)?, recoded(value)?))
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    if parameters.iter().any(|(name, _)| authenticates(name)) {
        return Err(Refusal::QueryAuthentication);
    }
    parameters.sort_unstable();
    let mut out = String::with_capacity(query.len());
    for (name, value) in &parameters {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
    Ok(out)
}

/// Parameters of query-string authentication.
fn authenticates(name: &str) -> bool {
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"]
        .iter()
        .any(|parameter| name.eq_ignore_ascii_case(parameter))
}

/// Percent-decoded (and `+` as a space), then percent-encoded the canonical way.
fn recoded(text: &str) -> Result<String, Refusal> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    let nibble = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (nibble(bytes.next()), nibble(bytes.next()));
                high.zip(low)
                    .and_then(|(high, low)| u8::try_from(high << 4 | low).ok())
                    .ok_or(Refusal::MalformedTarget)?
            }
            byte => byte,
        };
        push_encoded(&mut out, byte);
    }
    Ok(out)
}

fn push_encoded(out: &mut String, byte: u8) {
    if unreserved(byte) {
        out.push(char::from(byte));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "%{byte:02X}");
    }
}

/// RFC 3986 section 2.3.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_then_encoded_once_more() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/../../a", "/a"),
            ("//a//b//", "/a/b/"),
            ("/a.b/..c", "/a.b/..c"),
            ("/a%2Fb c", "/a%252Fb%20c"),
            ("/ሴ", "/%E1%88%B4"),
        ] {
            assert_eq!(PathForm::Normalised.apply(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn the_raw_form_takes_the_path_as_it_is_or_not_at_all() {
        for path in ["/", "//a/../b%2f", "/kms/xks/v1/keys/a.b_c-1/encrypt"] {
            assert_eq!(PathForm::AsReceived.apply(path).unwrap(), path);
        }
        for path in ["", "a", "/ ", "/a\n", "/a\0", "/ሴ", "/a?b", "/a#b", "*"] {
            assert_eq!(PathForm::AsReceived.apply(path), Err(Refusal::MalformedTarget));
        }
    }

    #[test]
    fn a_path_and_a_query_have_limits() {
        for form in [PathForm::AsReceived, PathForm::Normalised] {
            let fits = format!("/{}", "a".repeat(limits::PATH_LEN - 1));
            assert!(form.apply(&fits).is_ok());
            assert_eq!(form.apply(&format!("{fits}a")), Err(Refusal::MalformedTarget));
        }
        assert!(canonical_query(&"a".repeat(limits::QUERY_LEN)).is_ok());
        let long = "a".repeat(limits::QUERY_LEN + 1);
        assert_eq!(canonical_query(&long), Err(Refusal::MalformedTarget));
    }

    #[test]
    fn queries_are_sorted_by_name_then_value_and_encoded_one_way() {
        for (query, expected) in [
            ("", ""),
            ("&&", ""),
            ("b=2&a=1&a=0", "a=0&a=1&b=2"),
            ("a-b=1&a=1", "a=1&a-b=1"),
            ("a", "a="),
            ("a=b=c", "a=b%3Dc"),
            ("%61=%7e+%2f", "a=~%20%2F"),
            ("ሴ=bar", "%E1%88%B4=bar"),
        ] {
            assert_eq!(canonical_query(query).unwrap(), expected, "{query}");
        }
        for query in ["%", "%4", "%zz", "a=%G0"] {
            assert_eq!(canonical_query(query), Err(Refusal::MalformedTarget), "{query}");
        }
    }

    #[test]
    fn a_signature_in_the_query_is_refused_however_it_is_spelt() {
        for query in [
            "X-Amz-Signature=00",
            "a=1&x-amz-credential=b",
            "X%2DAmz%2DAlgorithm=AWS4-HMAC-SHA256",
        ] {
            assert_eq!(
                canonical_query(query),
                Err(Refusal::QueryAuthentication),
                "{query}"
            );
        }
    }
}
