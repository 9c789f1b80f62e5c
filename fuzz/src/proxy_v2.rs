//! Headers of the PROXY protocol, version 2.

use listener::proxy_protocol::{MAX_LEN, Parsed, parse};

/// A header lies within the bytes given and within the limit, what follows it changes nothing,
/// and no shorter prefix is taken for a whole header or refused; asking for more never asks for
/// what is there already.
pub fn proxy_v2(data: &[u8]) {
    match parse(data) {
        Ok(Parsed::Header { len, addresses }) => {
            assert!(
                len <= data.len() && len <= MAX_LEN,
                "header of {len} bytes in {}",
                data.len()
            );
            let (header, _) = data.split_at(len);
            assert_eq!(parse(header), Ok(Parsed::Header { len, addresses }));
            for shorter in 0..len {
                let (prefix, _) = header.split_at(shorter);
                assert!(matches!(parse(prefix), Ok(Parsed::NeedMore(more)) if more > shorter && more <= len));
            }
        }
        Ok(Parsed::NeedMore(more)) => assert!(more > data.len() && more <= MAX_LEN, "asks for {more} bytes"),
        Err(_) => {}
    }
}
