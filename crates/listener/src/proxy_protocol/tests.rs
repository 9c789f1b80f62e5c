use proptest::prelude::*;

use super::*;

fn header(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([version_command, family]);
    bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    bytes.extend(rest);
    bytes
}

const IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb];

fn ipv4_addresses() -> Addresses {
    Addresses {
        source: "192.0.2.1:12345".parse().unwrap(),
        destination: "198.51.100.2:443".parse().unwrap(),
    }
}

#[test]
fn ipv4_with_and_without_tlvs() {
    let plain = header(0x21, 0x11, &IPV4);
    let expected = Parsed::Header {
        len: 28,
        addresses: Some(ipv4_addresses()),
    };
    assert_eq!(parse(&plain), Ok(expected));

    let mut rest = IPV4.to_vec();
    rest.extend([0x03, 0, 4, 1, 2, 3, 4, 0xea, 0, 0]);
    let with_tlvs = header(0x21, 0x11, &rest);
    let expected = Parsed::Header {
        len: 38,
        addresses: Some(ipv4_addresses()),
    };
    assert_eq!(parse(&with_tlvs), Ok(expected));
}

#[test]
fn ipv6() {
    let mut rest = Vec::new();
    rest.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    rest.extend("2001:db8::2".parse::<Ipv6Addr>().unwrap().octets());
    rest.extend([0, 80, 1, 187]);
    let Ok(Parsed::Header {
        len: 52,
        addresses: Some(addresses),
    }) = parse(&header(0x21, 0x21, &rest))
    else {
        panic!("not parsed");
    };
    assert_eq!(addresses.source, "[2001:db8::1]:80".parse().unwrap());
    assert_eq!(addresses.destination, "[2001:db8::2]:443".parse().unwrap());
}

#[test]
fn local_and_families_without_an_address_leave_the_sockets_own() {
    let unix = [0; 216];
    for (bytes, len) in [
        (header(0x20, 0x00, &[]), 16),
        (header(0x20, 0x11, &IPV4), 28),
        (header(0x20, 0xff, &[1, 2, 3]), 19),
        (header(0x21, 0x00, &[9, 9]), 18),
        (header(0x21, 0x31, &unix), 232),
    ] {
        assert_eq!(parse(&bytes), Ok(Parsed::Header { len, addresses: None }));
    }
}

#[test]
fn what_is_not_version_2_is_refused() {
    for (bytes, error) in [
        (
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(),
            Malformed::Signature,
        ),
        (b"GET / HTTP/1.1\r\n".to_vec(), Malformed::Signature),
        (header(0x11, 0x11, &IPV4), Malformed::Version),
        (header(0x31, 0x11, &IPV4), Malformed::Version),
        (header(0x22, 0x11, &IPV4), Malformed::Command),
        (header(0x21, 0x13, &IPV4), Malformed::Family),
        (header(0x21, 0x41, &IPV4), Malformed::Family),
        (header(0x21, 0x11, &IPV4[..11]), Malformed::TooShort),
        (header(0x21, 0x21, &IPV4), Malformed::TooShort),
        (header(0x21, 0x31, &IPV4), Malformed::TooShort),
    ] {
        assert_eq!(parse(&bytes), Err(error));
    }
    for tlvs in [&[1][..], &[1, 0], &[1, 0, 1], &[1, 0, 1, 9, 2]] {
        let mut rest = IPV4.to_vec();
        rest.extend(tlvs);
        assert_eq!(parse(&header(0x21, 0x11, &rest)), Err(Malformed::Tlv), "{tlvs:?}");
    }
}

#[test]
fn the_length_is_bounded_before_anything_is_read() {
    let mut rest = IPV4.to_vec();
    rest.extend([0x04, 0x01, 0xf9]);
    rest.resize(MAX_LEN - FIXED_LEN, 0);
    let longest = header(0x21, 0x11, &rest);
    assert_eq!(longest.len(), MAX_LEN);
    assert!(matches!(parse(&longest), Ok(Parsed::Header { len: MAX_LEN, .. })));
    rest.push(0);
    let longer = header(0x21, 0x11, &rest);
    assert_eq!(parse(&longer[..FIXED_LEN]), Err(Malformed::TooLong));
}

proptest! {
    #[test]
    fn any_prefix_needs_more_and_no_suffix_matters(cut in 0usize..28, suffix: Vec<u8>) {
        let mut bytes = header(0x21, 0x11, &IPV4);
        let needed = if cut < FIXED_LEN { FIXED_LEN } else { 28 };
        prop_assert_eq!(parse(&bytes[..cut]), Ok(Parsed::NeedMore(needed)));
        bytes.extend(suffix);
        let whole = Parsed::Header { len: 28, addresses: Some(ipv4_addresses()) };
        prop_assert_eq!(parse(&bytes), Ok(whole));
    }

    #[test]
    fn nothing_makes_it_panic_or_ask_for_too_much(tail: Vec<u8>, signed: bool) {
        let mut bytes = if signed { SIGNATURE.to_vec() } else { Vec::new() };
        bytes.extend(tail);
        match parse(&bytes) {
            Ok(Parsed::NeedMore(needed)) => prop_assert!(needed > bytes.len() && needed <= MAX_LEN),
            Ok(Parsed::Header { len, .. }) => prop_assert!(len <= bytes.len() && len <= MAX_LEN),
            Err(_) => {}
        }
    }
}
