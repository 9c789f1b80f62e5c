//! Ranges of IP addresses.

use std::net::IpAddr;

/// A range as a condition states it: an address and the number of its leading bits that count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `203.0.113.0/24`, `203.0.113.7`, `2001:db8::/32`. Bits behind the prefix do not count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) if (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()?
            }
            Some(_) => return None,
            None => bits,
        };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// Whether an address lies in the range. An IPv4 address in its IPv6 form is that IPv4 address.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let (range, address) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(address)) => (left(range.to_bits()), left(address.to_bits())),
            (IpAddr::V6(range), IpAddr::V6(address)) => (range.to_bits(), address.to_bits()),
            (IpAddr::V6(range), IpAddr::V4(address)) => (range.to_bits(), address.to_ipv6_mapped().to_bits()),
            (IpAddr::V4(_), IpAddr::V6(_)) => return false,
        };
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        (range ^ address) & mask == 0
    }
}

fn left(bits: u32) -> u128 {
    u128::from(bits) << 96
}
