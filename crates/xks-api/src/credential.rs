//! The SigV4 credentials of a key store (XKS specification, appendix A).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use ambient::{Random, RandomUnavailable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// RFC 4648 section 6.
const BASE32_UPPER: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The same in lower case.
pub(crate) const BASE32_LOWER: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Chance in a generated name, in bytes: 120 bits, so no two are alike, and 24 characters of Base32
/// without a remainder, so every character is drawn evenly.
const NAME_BYTES: usize = 15;

/// Chance in a generated secret, in bytes: 288 bits (at least 256 are asked for, XKS-CRED-01), and
/// 48 characters of Base64 without padding, so that no character is wasted or foreseeable.
const SECRET_BYTES: usize = 36;

/// 24 random characters of a Base32 alphabet.
pub(crate) fn random_base32(random: &dyn Random, alphabet: &[u8; 32]) -> Result<String, RandomUnavailable> {
    let bytes = random.bytes::<NAME_BYTES>()?;
    let mut text = String::with_capacity(NAME_BYTES * 8 / 5);
    let (groups, _) = bytes.as_chunks::<5>();
    for group in groups {
        let word = group
            .iter()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        for shift in (0..8).rev() {
            let index = (word >> (5 * shift)) & 31;
            // Unwrap safety: 5 bits index 32 letters.
            let letter = usize::try_from(index).ok().and_then(|index| alphabet.get(index));
            text.push(letter.map_or('2', |letter| char::from(*letter)));
        }
    }
    Ok(text)
}

/// Names a credential: 20 to 30 characters of `A-Z 2-7` (XKS-CRED-02). Not secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(Box<str>);

/// A text that is no access key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access key id has 20 to 30 characters of A-Z 2-7")]
pub struct InvalidAccessKeyId;

impl AccessKeyId {
    /// A fresh id: 24 characters, 120 bits of chance, drawn apart from the secret, of which it
    /// therefore says nothing (XKS-CRED-04).
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self(random_base32(random, BASE32_UPPER)?.into()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessKeyId {
    type Err = InvalidAccessKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidAccessKeyId> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7');
        if (20..=30).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccessKeyId)
        }
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for AccessKeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The secret of a credential: 43 to 64 characters of `A-Z a-z 0-9 + / =` (XKS-CRED-01). The text
/// itself is the key of SigV4's HMAC; it is not decoded. Wiped on drop, without `Debug` and `Clone`.
pub struct RawSecretAccessKey(Zeroizing<String>);

/// A text that is no secret access key. Does not hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret access key has 43 to 64 characters of A-Z a-z 0-9 + / =")]
pub struct InvalidSecretAccessKey;

impl RawSecretAccessKey {
    /// A fresh secret: 48 characters, 288 bits of chance.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random.fill(bytes.as_mut_slice())?;
        let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES.div_ceil(3) * 4));
        STANDARD.encode_string(*bytes, &mut text);
        Ok(Self(text))
    }

    /// Takes over a secret; it is wiped even if it is refused.
    pub fn new(text: String) -> Result<Self, InvalidSecretAccessKey> {
        let text = Zeroizing::new(text);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if (43..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidSecretAccessKey)
        }
    }

    /// The secret, for a signature or to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::{CountingRandom, FailingRandom, SeededRandom};
    use std::collections::HashSet;

    #[test]
    fn xks_cred_02_access_key_ids_have_20_to_30_characters_of_base32() {
        for (len, valid) in [(0, false), (19, false), (20, true), (30, true), (31, false)] {
            assert_eq!("A".repeat(len).parse::<AccessKeyId>().is_ok(), valid, "{len}");
        }
        assert!("ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse::<AccessKeyId>().is_ok());
        assert!("AAAAAAAAAAAAAAAAAAAA234567".parse::<AccessKeyId>().is_ok());
        for wrong in ['0', '1', '8', '9', 'a', '-', '/', ' ', 'Ä'] {
            let text = format!("AAAAAAAAAAAAAAAAAAAA{wrong}");
            assert_eq!(text.parse::<AccessKeyId>(), Err(InvalidAccessKeyId), "{wrong}");
        }
        let generated = AccessKeyId::generate(&SeededRandom::new(1)).unwrap();
        assert_eq!(generated.as_str().len(), 24);
        assert_eq!(generated.as_str().parse(), Ok(generated));
    }

    #[test]
    fn xks_cred_01_secrets_have_43_to_64_characters_of_base64() {
        for (len, valid) in [(0, false), (42, false), (43, true), (64, true), (65, false)] {
            assert_eq!(RawSecretAccessKey::new("a".repeat(len)).is_ok(), valid, "{len}");
        }
        assert!(RawSecretAccessKey::new("+/=0aZ".repeat(8)).is_ok());
        for wrong in ['-', '_', ' ', ':', '\n', 'é'] {
            assert!(
                RawSecretAccessKey::new(format!("{}{wrong}", "a".repeat(43))).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn xks_cred_01_generated_secrets_hold_at_least_256_bits() {
        let random = CountingRandom::new(SeededRandom::new(2));
        let secret = RawSecretAccessKey::generate(&random).unwrap();
        assert!(random.count() * 8 >= 256);
        // No bit of chance is lost on the way to the text.
        assert_eq!(
            STANDARD.decode(secret.expose()).unwrap().len() as u64,
            random.count()
        );
        assert!(RawSecretAccessKey::new(secret.expose().to_owned()).is_ok());
        assert!(RawSecretAccessKey::generate(&FailingRandom).is_err());
        assert!(AccessKeyId::generate(&FailingRandom).is_err());
    }

    #[test]
    fn xks_cred_04_the_access_key_id_is_drawn_apart_from_the_secret() {
        let random = CountingRandom::new(SeededRandom::new(3));
        let id = AccessKeyId::generate(&random).unwrap();
        let drawn = random.count();
        let secret = RawSecretAccessKey::generate(&random).unwrap();
        assert_eq!((drawn, random.count()), (15, 15 + 36));
        assert!(!secret.expose().contains(id.as_str()));
    }

    #[test]
    fn generated_ids_differ_and_use_the_whole_alphabet() {
        let random = SeededRandom::new(4);
        let ids: HashSet<String> = (0..200)
            .map(|_| AccessKeyId::generate(&random).unwrap().to_string())
            .collect();
        assert_eq!(ids.len(), 200);
        assert_eq!(
            ids.iter().flat_map(|id| id.chars()).collect::<HashSet<_>>().len(),
            32
        );
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        struct Fixed;
        impl Random for Fixed {
            fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
                for (to, from) in buffer.iter_mut().zip(b"foobarfoobarfoo") {
                    *to = *from;
                }
                Ok(())
            }
        }
        // RFC 4648 section 10 has "foobar" = MZXW6YTBOI======; its first five bytes are MZXW6YTB.
        assert_eq!(
            random_base32(&Fixed, BASE32_UPPER).unwrap(),
            "MZXW6YTBOJTG633CMFZGM33P"
        );
    }
}
