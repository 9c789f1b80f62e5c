//! Reads members of validated bodies.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::SecretBytes;

use crate::context::EncryptionContext;
use crate::document::{Document, Text, Value};
use crate::name::RequestedKey;

/// The members of an object.
#[derive(Clone, Copy)]
pub struct Fields<'a>(&'a [(Text, Value)]);

impl<'a> Fields<'a> {
    pub(crate) fn of_document(document: &'a Document) -> Self {
        Self(document.members())
    }

    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// Reads a member; `None` if it is missing or has another type.
    pub(crate) fn read<T: FromValue>(&self, name: &str) -> Option<T> {
        let found = self.0.iter().find(|(its, _)| its.as_str() == name);
        T::from_value(found.map(|(_, value)| value).filter(|value| !value.is_null()))
    }
}

/// What a member may be read as.
pub(crate) trait FromValue: Sized {
    /// Reads the value, which is absent if the member is; `None` if it does not fit.
    fn from_value(value: Option<&Value>) -> Option<Self>;
}

/// The bytes that this Base64 text stands for, in a buffer that is wiped.
pub(crate) fn decode(text: &str) -> Option<SecretBytes> {
    let len = decoded_len(text)?;
    let mut bytes = SecretBytes::zeroed(len);
    let written = STANDARD.decode_slice(text, bytes.expose_mut());
    (written == Ok(len)).then_some(bytes)
}

/// How many bytes they are, if it is Base64.
pub(crate) fn decoded_len(text: &str) -> Option<usize> {
    let padding = text.bytes().rev().take(2).take_while(|byte| *byte == b'=');
    (text.len() / 4 * 3).checked_sub(padding.count())
}

/// The whole number of 32 bits that this value is; `7.0` is one.
pub(crate) fn integer(value: &Value) -> Option<i32> {
    match value {
        Value::Integer(number) => i32::try_from(*number).ok(),
        Value::Real(number) if number.fract() == 0.0 => {
            let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number);
            #[expect(clippy::cast_possible_truncation, reason = "checked: whole and within bounds")]
            fits.then_some(*number as i32)
        }
        _ => None,
    }
}

impl FromValue for String {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        value?.as_str().map(str::to_owned)
    }
}

impl FromValue for Text {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        value?.as_str().map(|text| Self::new(text.to_owned()))
    }
}

impl FromValue for RequestedKey {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        value?.as_str().map(Self::new)
    }
}

impl FromValue for SecretBytes {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        decode(value?.as_str()?)
    }
}

impl FromValue for Box<[u8]> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        decode(value?.as_str()?).map(|bytes| bytes.expose().into())
    }
}

impl FromValue for u32 {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        integer(value?)?.try_into().ok()
    }
}

/// Absent is `false`.
impl FromValue for bool {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(false),
            Some(Value::Boolean(value)) => Some(*value),
            Some(_) => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// Absent is empty.
impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(Self::new()),
            Some(Value::List(values)) => values.iter().map(|value| T::from_value(Some(value))).collect(),
            Some(_) => None,
        }
    }
}

/// Absent is empty.
impl FromValue for EncryptionContext {
    fn from_value(value: Option<&Value>) -> Option<Self> {
        let Some(value) = value else {
            return Some(Self::default());
        };
        let Value::Object(members) = value else {
            return None;
        };
        let pair = |(name, value): &(Text, Value)| Some((name.to_string(), value.as_str()?.to_owned()));
        let pairs: Option<BTreeMap<_, _>> = members.iter().map(pair).collect();
        Self::new(pairs?)
    }
}

/// Enumerations, by their words.
macro_rules! words {
    ($($kind:ident),+ $(,)?) => {
        $(impl FromValue for crate::$kind {
            fn from_value(value: Option<&Value>) -> Option<Self> {
                value?.as_str()?.parse().ok()
            }
        })+
    };
}

words!(
    CustomKeyStoreType,
    DataKeySpec,
    DryRunModifier,
    EncryptionAlgorithm,
    GrantOperation,
    IncludeKeyMaterial,
    KeyEncryptionMechanism,
    KeySpec,
    KeyUsage,
    Origin,
    ResourceOwner,
    XksProxyConnectivity,
);
