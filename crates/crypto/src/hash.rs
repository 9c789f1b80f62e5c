//! SHA-256, HMAC-SHA-256, constant-time comparison, hexadecimal.

use std::mem;

use aws_lc_rs::{digest, hmac};
use subtle::ConstantTimeEq;

use crate::{Fields, Key256};

/// Parts that have no more bytes together are hashed as one piece: to make and to wipe a context
/// takes longer than to hash 200 bytes.
const ONE_PIECE: usize = 512;

/// SHA-256 of the parts in a row (FIPS 180-4). Not for secrets: short parts are put together in a
/// buffer that is not wiped.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    if let [whole] = parts {
        return first_32(digest::digest(&digest::SHA256, whole).as_ref());
    }
    let mut piece = [0; ONE_PIECE];
    let mut free = piece.as_mut_slice();
    let fits = parts.iter().all(|part| {
        let Some((target, rest)) = mem::take(&mut free).split_at_mut_checked(part.len()) else {
            return false;
        };
        target.copy_from_slice(part);
        free = rest;
        true
    });
    if fits {
        let used = ONE_PIECE - free.len();
        return sha256(&[piece.get(..used).unwrap_or_default()]);
    }
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finish()
}

/// SHA-256 fed piece by piece.
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything.
    pub fn finish(self) -> [u8; 32] {
        first_32(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// HMAC-SHA-256 of the parts in a row, under a key of any length (RFC 2104).
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    HmacKey::new(key).tag(parts)
}

/// A key ready for HMAC-SHA-256; cheaper than [`hmac_sha256`] when it serves more than once.
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Makes the key ready.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag over the parts in a row.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        first_32(context.sign().as_ref())
    }
}

/// Authenticates rows that may change but decide security (states, bindings, blocks).
pub struct MacKey(HmacKey);

impl MacKey {
    /// A MAC under `key`, which serves nothing else.
    pub fn new(key: &Key256) -> Self {
        Self(HmacKey::new(key.expose()))
    }

    /// The 32-byte tag of a domain and fields.
    pub fn tag(&self, fields: &Fields) -> [u8; 32] {
        self.0.tag(&[fields.as_bytes()])
    }

    /// Whether `tag` is right, compared without an early exit.
    pub fn verify(&self, fields: &Fields, tag: &[u8]) -> bool {
        constant_time_eq(&self.tag(fields), tag)
    }
}

/// Whether both are equal, in time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    text.extend(bytes.iter().flat_map(|byte| hex_byte(*byte)).map(char::from));
    text
}

/// A byte's two digits in lower-case hexadecimal.
pub const fn hex_byte(byte: u8) -> [u8; 2] {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        }
    }
    [digit(byte >> 4), digit(byte & 15)]
}

/// Bytes from hexadecimal in either case; `None` for anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?))
        .collect()
}

fn first_32(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_fips_180_4_abc() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(&[b"a", b"", b"bc"])), expected);
    }

    #[test]
    fn sha256_is_the_same_however_it_is_cut() {
        let bytes: Vec<u8> = (0..1100_u32).map(|n| n.to_le_bytes()[0]).collect();
        for len in [0, 1, 511, 512, 513, 1100] {
            let whole = sha256(&[&bytes[..len]]);
            let mut piecewise = Sha256::new();
            bytes[..len].chunks(7).for_each(|part| piecewise.update(part));
            assert_eq!(whole, piecewise.finish(), "{len}");
            for cut in [0, len / 3, len] {
                let (a, b) = bytes[..len].split_at(cut);
                assert_eq!(whole, sha256(&[a, b"", b]), "{len} {cut}");
            }
        }
        assert_eq!(sha256(&[]), sha256(&[b""]));
    }

    #[test]
    fn hmac_rfc_4231_case_2() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            expected
        );
    }

    #[test]
    fn hexadecimal_round_trips_and_refuses_the_rest() {
        assert_eq!(unhex(&hex(&[0, 15, 255])).unwrap(), [0, 15, 255]);
        assert_eq!(unhex("0G"), None);
        assert_eq!(unhex("abc"), None);
    }
}
