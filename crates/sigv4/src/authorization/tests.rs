use proptest::prelude::*;

use super::*;

const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKID/20240515/us-east-1/kms-xks-proxy/aws4_request, \
    SignedHeaders=host;x-amz-date, \
    Signature=45adcf03093952f71fffbd919f89895baef0725898ccf67bb11072e19de1423f";

fn edited(from: &str, to: &str) -> Result<(), MalformedAuthorization> {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from} {to}");
    Authorization::parse(text.as_bytes()).map(drop)
}

#[test]
fn a_header_is_taken_apart() {
    let parsed = Authorization::parse(GOOD.as_bytes()).unwrap();
    assert_eq!(parsed.access_key_id(), "AKID");
    assert_eq!(parsed.scope().date, *b"20240515");
    assert_eq!(parsed.scope().region, "us-east-1");
    assert_eq!(parsed.scope().service, "kms-xks-proxy");
    assert_eq!(
        parsed.signed_headers().collect::<Vec<_>>(),
        ["host", "x-amz-date"]
    );
    assert!(parsed.signs("host") && !parsed.signs("hos"));
    let digits = GOOD.rsplit('=').next().unwrap();
    assert_eq!(crypto::hex(parsed.signature()), digits);
}

#[test]
fn one_space_after_a_comma_is_optional() {
    assert_eq!(edited(", Sign", ",Sign"), Ok(()));
    assert_eq!(edited(", Signature", ",Signature"), Ok(()));
    for (from, to) in [
        (", SignedHeaders", ",  SignedHeaders"),
        (", SignedHeaders", ",\tSignedHeaders"),
        (", SignedHeaders", " SignedHeaders"),
        (", Signature", " , Signature"),
    ] {
        assert!(edited(from, to).is_err(), "{to:?}");
    }
}

#[test]
fn only_a_space_stands_after_the_algorithm() {
    for to in ["256, Cred", "256  Cred", "256\tCred", "256Cred", "257 Cred"] {
        let error = edited("256 Cred", to).unwrap_err();
        let expected = [MalformedAuthorization::Algorithm, MalformedAuthorization::Parts];
        assert!(expected.contains(&error), "{to}");
    }
    assert_eq!(edited("AWS4-", "aws4-"), Err(MalformedAuthorization::Algorithm));
    assert_eq!(edited("AWS4-", " AWS4-"), Err(MalformedAuthorization::Algorithm));
    assert_eq!(
        edited("AWS4-HMAC", "AWS4-ECDSA-P256"),
        Err(MalformedAuthorization::Algorithm)
    );
}

#[test]
fn three_parts_in_order_and_nothing_else() {
    for (from, to) in [
        ("Credential=", "credential="),
        ("Credential=", "Credential ="),
        ("Credential=AKID", "Credential=A,KID"),
        ("SignedHeaders=", "Signedheaders="),
        ("Signature=", "Signature"),
        ("Credential=", "X=1, Credential="),
        (", Signature=", ", X=1, Signature="),
    ] {
        assert_eq!(edited(from, to), Err(MalformedAuthorization::Parts), "{to}");
    }
    let swapped =
        "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Credential=A/20240515/r/s/aws4_request, Signature=0";
    assert_eq!(
        Authorization::parse(swapped.as_bytes()),
        Err(MalformedAuthorization::Parts)
    );
}

#[test]
fn a_credential_has_five_parts_of_their_alphabets() {
    let long = "A".repeat(limits::ACCESS_KEY_ID_LEN + 1);
    let region = "r".repeat(limits::REGION_LEN + 1);
    let service = "s".repeat(limits::SERVICE_LEN + 1);
    for (from, to) in [
        ("AKID/", "/"),
        ("AKID/", "AK ID/"),
        ("AKID/", "AK-ID/"),
        ("AKID", &long),
        ("/2024", "/02024"),
        ("/2024", "/+024"),
        ("/us-east-1", "/"),
        ("/us-east-1", ""),
        ("us-east-1", "US-EAST-1"),
        ("us-east-1", &region),
        ("kms-xks-proxy", "kms_xks"),
        ("kms-xks-proxy", ""),
        ("kms-xks-proxy", &service),
        ("aws4_request", "aws4_Request"),
        ("aws4_request", "aws4_request/"),
        ("/aws4_request", ""),
    ] {
        assert_eq!(edited(from, to), Err(MalformedAuthorization::Credential), "{to}");
    }
}

#[test]
fn every_limit_holds_at_its_value() {
    assert_eq!(edited("AKID", &"A".repeat(limits::ACCESS_KEY_ID_LEN)), Ok(()));
    assert_eq!(edited("us-east-1", &"r".repeat(limits::REGION_LEN)), Ok(()));
    assert_eq!(edited("kms-xks-proxy", &"s".repeat(limits::SERVICE_LEN)), Ok(()));
    let names = |count: usize| {
        (0..count)
            .map(|n| format!("h{n:03}"))
            .collect::<Vec<_>>()
            .join(";")
    };
    let all = names(limits::SIGNED_HEADERS);
    assert_eq!(edited("host;x-amz-date", &all), Ok(()));
    let more = names(limits::SIGNED_HEADERS + 1);
    assert_eq!(
        edited("host;x-amz-date", &more),
        Err(MalformedAuthorization::SignedHeaders)
    );
    assert_eq!(
        edited("host;x-amz-date", &"h".repeat(limits::HEADER_NAME_LEN)),
        Ok(())
    );
    let long = "h".repeat(limits::HEADER_NAME_LEN + 1);
    assert_eq!(
        edited("host;x-amz-date", &long),
        Err(MalformedAuthorization::SignedHeaders)
    );

    let base = GOOD.len() - "host;x-amz-date".len();
    let many = (0..34)
        .map(|n| format!("h{n:02}{}", "x".repeat(110)))
        .collect::<Vec<_>>()
        .join(";");
    let fill = |len: usize| format!("{many};z{}", "z".repeat(len - base - many.len() - 2));
    assert_eq!(
        edited("host;x-amz-date", &fill(limits::AUTHORIZATION_LEN)),
        Ok(())
    );
    let long = fill(limits::AUTHORIZATION_LEN + 1);
    assert_eq!(
        edited("host;x-amz-date", &long),
        Err(MalformedAuthorization::Text)
    );
}

#[test]
fn xks_auth_04_signed_headers_are_sorted_unique_and_lower_case() {
    for to in [
        "x-amz-date;host",
        "host;host;x-amz-date",
        "Host;x-amz-date",
        "host;x-amz-date;",
        ";host;x-amz-date",
        "host;;x-amz-date",
        "host; x-amz-date",
        "host;x-amz:date",
        ":authority;x-amz-date",
        "authorization;host;x-amz-date",
        "",
    ] {
        assert_eq!(
            edited("host;x-amz-date", to),
            Err(MalformedAuthorization::SignedHeaders),
            "{to}"
        );
    }
}

#[test]
fn a_signature_is_64_lower_case_hexadecimal_digits() {
    for (from, to) in [
        ("1423f", "1423F"),
        ("1423f", "1423"),
        ("1423f", "1423ff"),
        ("1423f", "1423g"),
        ("1423f", "142 f"),
        ("=45", "=+5"),
        ("1423f", "1423f "),
        ("1423f", "1423f, "),
    ] {
        assert_eq!(edited(from, to), Err(MalformedAuthorization::Signature), "{to}");
    }
}

#[test]
fn text_that_is_not_ascii_is_refused() {
    assert_eq!(edited("AKID", "AKÏD"), Err(MalformedAuthorization::Text));
    assert_eq!(
        Authorization::parse(b"AWS4-HMAC-SHA256 \xff"),
        Err(MalformedAuthorization::Text)
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Authorization::parse(&bytes);
    }

    #[test]
    fn nothing_close_to_a_header_makes_it_panic(at in 0..GOOD.len(), len in 0_usize..9, with in "[ -~]{0,9}") {
        let end = (at + len).min(GOOD.len());
        let _ = Authorization::parse([&GOOD[..at], &with, &GOOD[end..]].concat().as_bytes());
    }
}

proptest! {
    #[test]
    fn names_are_those_between_semicolons(text in "[a-c;é]{0,12}") {
        let expected: Vec<&str> = text.split(';').collect();
        prop_assert_eq!(header_names(&text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_signature_is_64_digits_in_lower_case(bytes in any::<[u8; 32]>(), at in 0_usize..64, other in any::<u8>()) {
        let digits = crypto::hex(&bytes);
        prop_assert_eq!(parse_signature(&digits), Some(bytes));
        let mut changed = digits.into_bytes();
        changed[at] = other;
        let fine = matches!(other, b'0'..=b'9' | b'a'..=b'f');
        let read = str::from_utf8(&changed).ok().and_then(parse_signature);
        prop_assert_eq!(read.is_some(), fine);
        if let Some(read) = read {
            prop_assert_eq!(crypto::hex(&read).into_bytes(), changed);
        }
    }
}

#[test]
fn names_are_tokens_in_lower_case() {
    for byte in 0..=u8::MAX {
        let name = char::from(byte).to_string();
        let allowed =
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert_eq!(is_header_name(&name), allowed, "{name:?}");
    }
}
