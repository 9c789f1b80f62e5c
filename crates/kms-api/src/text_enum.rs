//! Enumerations whose values are words on the wire.

/// A word that is no value of the enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a value of this enumeration")]
pub struct UnknownValue;

/// Defines an enumeration with its words, in the order of the API's model: `ALL`, `NAMES`,
/// `as_str`, `Display`, `FromStr`.
macro_rules! text_enum {
    ($(#[$about:meta])* pub enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $word:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the API's model.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Every value's word, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownValue;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownValue> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownValue),
                }
            }
        }
    };
}
pub(crate) use text_enum;
