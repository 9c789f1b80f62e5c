//! Whatever is signed cannot be changed: any single bit, anywhere.

use http::HeaderValue;
use proptest::prelude::*;

use super::support::{BODY, Request};

fn signed_with_headers() -> Request {
    Request::unsigned()
        .with("content-type", "application/json")
        .with("x-amzn-extra", "one")
        .with("x-amzn-extra", "two")
        .sign(&super::support::secret())
}

/// Every single-bit change of `text` that stays text.
fn flips(text: &str) -> Vec<String> {
    (0..text.len() * 8)
        .filter_map(|bit| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            String::from_utf8(bytes).ok()
        })
        .collect()
}

#[test]
fn xks_auth_01_any_flipped_bit_of_the_body_is_refused() {
    let request = signed_with_headers();
    assert!(request.verify().is_ok());
    for bit in 0..BODY.len() * 8 {
        let mut other = request.clone();
        other.body[bit / 8] ^= 1 << (bit % 8);
        assert!(other.verify().is_err(), "bit {bit}");
    }
    for end in 0..BODY.len() {
        let mut other = request.clone();
        other.body.truncate(end);
        assert!(other.verify().is_err(), "cut at {end}");
    }
}

#[test]
fn xks_auth_01_any_flipped_bit_of_method_or_path_is_refused() {
    let request = signed_with_headers();
    for method in flips(&request.method) {
        let other = Request {
            method,
            ..request.clone()
        };
        assert!(other.verify().is_err(), "{}", other.method);
    }
    for path in flips(&request.path) {
        let other = Request {
            path,
            ..request.clone()
        };
        assert!(other.verify().is_err(), "{}", other.path);
    }
    let query = "a=1".to_owned();
    assert!(Request { query, ..request }.verify().is_err());
}

#[test]
fn xks_auth_04_any_flipped_bit_of_a_signed_header_is_refused() {
    let request = signed_with_headers();
    for name in ["host", "x-amz-date", "content-type", "x-amzn-extra"] {
        for value in flips(request.headers[name].to_str().unwrap()) {
            let Ok(value) = HeaderValue::from_str(&value) else {
                continue;
            };
            let mut other = request.clone();
            *other.headers.get_mut(name).unwrap() = value;
            assert!(other.verify().is_err(), "{name}: {:?}", other.headers[name]);
        }
        assert!(request.clone().without(name).verify().is_err(), "{name}");
        assert!(request.clone().with(name, "more").verify().is_err(), "{name}");
    }
}

#[test]
fn xks_auth_01_any_flipped_bit_of_the_authorization_header_is_refused() {
    let request = signed_with_headers();
    for value in flips(&request.authorization()) {
        let Ok(value) = HeaderValue::from_str(&value) else {
            continue;
        };
        let mut other = request.clone();
        other.headers.insert("authorization", value);
        assert!(other.verify().is_err(), "{}", other.authorization());
    }
}

#[test]
fn xks_auth_04_the_order_of_values_of_a_signed_header_counts() {
    let request = signed_with_headers().without("x-amzn-extra");
    let swapped = request
        .clone()
        .with("x-amzn-extra", "two")
        .with("x-amzn-extra", "one");
    assert!(swapped.verify().is_err());
    let joined = request.with("x-amzn-extra", " one,two ");
    assert!(joined.verify().is_ok(), "AWS cannot tell joined values apart");
}

#[test]
fn headers_that_are_not_signed_may_change() {
    assert!(
        signed_with_headers()
            .with("x-forwarded-for", "192.0.2.1")
            .verify()
            .is_ok()
    );
}

proptest! {
    #[test]
    fn xks_auth_01_a_signature_of_other_bytes_never_fits(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let request = Request { body, ..signed_with_headers() };
        prop_assert_eq!(request.verify().is_ok(), request.body == BODY);
    }
}
