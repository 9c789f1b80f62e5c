//! PROXY protocol version 2, the binary header by which a load balancer tells the client's
//! address (haproxy, `doc/proxy-protocol.txt`, section 2.2). Pure; version 1 is not accepted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What every header begins with.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes before the addresses: signature, version and command, family, length.
pub const FIXED_LEN: usize = 16;
/// Largest header accepted, in bytes: the specification's own bound for a header with addresses
/// and TLVs that fits the smallest TCP segment (536). Network load balancers send under 200.
pub const MAX_LEN: usize = 536;

/// What the bytes so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// At least this many bytes in all are needed to go on; more than were given.
    NeedMore(usize),
    /// A whole header.
    Header {
        /// Its length in bytes; the connection's own data begins there.
        len: usize,
        /// Client and destination as the load balancer saw them. `None` for `LOCAL` (the load
        /// balancer's own health check) and for families that carry no IP address: then the
        /// socket's own addresses hold.
        addresses: Option<Addresses>,
    },
}

/// The two ends of a proxied connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// What the client connected to.
    pub destination: SocketAddr,
}

/// Not a header of version 2. The receiver must close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Other bytes than the signature.
    #[error("no PROXY protocol v2 signature")]
    Signature,
    /// A version other than 2.
    #[error("not version 2 of the PROXY protocol")]
    Version,
    /// A command other than `LOCAL` and `PROXY`.
    #[error("unknown PROXY protocol command")]
    Command,
    /// A family or transport that the specification does not define.
    #[error("unknown PROXY protocol address family or transport")]
    Family,
    /// Longer than [`MAX_LEN`].
    #[error("PROXY protocol header is too long")]
    TooLong,
    /// Shorter than its address family needs.
    #[error("PROXY protocol header is too short for its addresses")]
    TooShort,
    /// Type-length-value fields that do not fill the rest.
    #[error("PROXY protocol TLVs are malformed")]
    Tlv,
}

/// Reads the header at the start of `bytes`. Bytes behind it are not looked at.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes.get(..seen) != SIGNATURE.get(..seen) {
        return Err(Malformed::Signature);
    }
    let Some((
        [
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            version_command,
            family,
            high,
            low,
        ],
        rest,
    )) = bytes.split_first_chunk::<FIXED_LEN>()
    else {
        return Ok(Parsed::NeedMore(FIXED_LEN));
    };
    let local = match (version_command >> 4, version_command & 0x0f) {
        (2, 0) => true,
        (2, 1) => false,
        (2, _) => return Err(Malformed::Command),
        _ => return Err(Malformed::Version),
    };
    let rest_len = usize::from(u16::from_be_bytes([*high, *low]));
    let len = FIXED_LEN + rest_len;
    if len > MAX_LEN {
        return Err(Malformed::TooLong);
    }
    let Some(rest) = rest.get(..rest_len) else {
        return Ok(Parsed::NeedMore(len));
    };
    // LOCAL: the receiver must accept it and skip all of the rest.
    let addresses = if local { None } else { proxied(*family, rest)? };
    Ok(Parsed::Header { len, addresses })
}

fn proxied(family: u8, rest: &[u8]) -> Result<Option<Addresses>, Malformed> {
    // High nibble: family; low nibble: transport (0 unspecified, 1 stream, 2 datagram).
    if family & 0x0f > 2 {
        return Err(Malformed::Family);
    }
    match family >> 4 {
        // UNSPEC: the rest is to be ignored.
        0 => Ok(None),
        1 => {
            let (addresses, tlvs) = rest.split_first_chunk::<12>().ok_or(Malformed::TooShort)?;
            skip_tlvs(tlvs)?;
            Ok(Some(ipv4(addresses)))
        }
        2 => {
            let (addresses, tlvs) = rest.split_first_chunk::<36>().ok_or(Malformed::TooShort)?;
            skip_tlvs(tlvs)?;
            Ok(Some(ipv6(addresses)))
        }
        // UNIX: two paths of 108 bytes, no IP address.
        3 => {
            let tlvs = rest.get(216..).ok_or(Malformed::TooShort)?;
            skip_tlvs(tlvs).map(|()| None)
        }
        _ => Err(Malformed::Family),
    }
}

fn ipv4([a, b, c, d, e, f, g, h, sp, sq, dp, dq]: &[u8; 12]) -> Addresses {
    Addresses {
        source: at(Ipv4Addr::new(*a, *b, *c, *d), [*sp, *sq]),
        destination: at(Ipv4Addr::new(*e, *f, *g, *h), [*dp, *dq]),
    }
}

fn ipv6(bytes: &[u8; 36]) -> Addresses {
    let address = |from: usize| {
        let mut octets = [0; 16];
        let source = bytes.iter().skip(from);
        octets.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
        Ipv6Addr::from(octets)
    };
    let [.., sp, sq, dp, dq] = *bytes;
    Addresses {
        source: at(address(0), [sp, sq]),
        destination: at(address(16), [dp, dq]),
    }
}

fn at(address: impl Into<IpAddr>, port: [u8; 2]) -> SocketAddr {
    SocketAddr::new(address.into(), u16::from_be_bytes(port))
}

/// Each TLV: type (1), length (2), value. None is used; all must be whole.
fn skip_tlvs(mut rest: &[u8]) -> Result<(), Malformed> {
    while !rest.is_empty() {
        let ([_, high, low], behind) = rest.split_first_chunk::<3>().ok_or(Malformed::Tlv)?;
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        rest = behind.get(len..).ok_or(Malformed::Tlv)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
