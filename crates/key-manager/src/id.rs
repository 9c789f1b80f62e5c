//! Identifiers of keys and key managers, and the names that people give them.

use std::fmt;
use std::sync::Arc;

use ambient::{Random, RandomUnavailable};

/// Text that is not an identifier or a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct IdError {
    what: &'static str,
    rule: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $type:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $type(Arc<str>);

        impl $type {
            /// A fresh random id: 96 random bits, so that ids of different nodes never meet.
            pub fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
                Ok(Self(format!(concat!($prefix, "{}"), crypto::hex(&random.bytes::<12>()?)).into()))
            }

            /// Reads an id: the prefix and 24 lower-case hexadecimal digits.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($prefix).filter(|digits| digits.len() == 24);
                match digits {
                    Some(digits) if digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                        Ok(Self(text.into()))
                    }
                    _ => Err(IdError {
                        what: stringify!($type),
                        rule: concat!($prefix, " and 24 lower-case hexadecimal digits"),
                    }),
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// Names one key for good, in every key manager: `key-` and 24 hexadecimal digits.
    KeyId,
    "key-"
);
identifier!(
    /// Names one key manager for good: `ekm-` and 24 hexadecimal digits.
    ManagerId,
    "ekm-"
);

/// What people call a key, a key manager or a key store: 1 to 64 characters of
/// `a-z A-Z 0-9 . _ -`, not starting with a hyphen (so that it is never taken for an option).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(IdError {
                what: "a name",
                rule: "1 to 64 characters of a-z A-Z 0-9 . _ - and not start with a hyphen",
            })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::SeededRandom;

    #[test]
    fn ids_read_back_and_nothing_else_does() {
        let id = KeyId::generate(&SeededRandom::new(3)).unwrap();
        assert_eq!(KeyId::parse(id.as_str()), Ok(id.clone()));
        for bad in [
            "",
            "key-",
            "key-0123456789abcdef0123456",
            "key-0123456789ABCDEF01234567",
        ] {
            assert!(KeyId::parse(bad).is_err(), "{bad}");
        }
        assert!(ManagerId::parse(id.as_str()).is_err());
    }

    #[test]
    fn names_are_bounded() {
        assert!(Name::parse(&"n".repeat(64)).is_ok());
        for bad in ["", "-x", "a b", "ä", &"n".repeat(65)] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }
}
