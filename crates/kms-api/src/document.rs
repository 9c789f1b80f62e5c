//! A request body as a tree of JSON.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::error::{ErrorName, KmsError};

/// The deepest nesting of objects and arrays. The API's own shapes need five.
pub const MAX_DEPTH: usize = 32;

/// The most values and names in one body, objects and arrays themselves included: an array of small
/// numbers takes twenty times its text. No request that AWS KMS accepts has a tenth of them.
pub const MAX_VALUES: u32 = 50_000;

/// The body of a request: a JSON object. Its strings, which may be plaintext or passwords, are
/// wiped when it is dropped; hence no `Debug`. (A string that was written with escapes also passed
/// through a buffer of the JSON reader's, which is not ours to wipe.)
pub struct Document(Vec<(Text, Value)>);

/// A string that is wiped when dropped.
pub type Text = Zeroizing<String>;

/// A JSON value.
pub enum Value {
    /// `null`; AWS treats such a member as absent.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number without fraction and exponent that fits 64 bits.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A string.
    Text(Text),
    /// An array.
    List(Vec<Value>),
    /// An object; its members in the order of the text, no name twice.
    Object(Vec<(Text, Value)>),
}

impl Document {
    /// Reads a body. Not JSON, not an object, a name twice in one object, nested deeper than
    /// [`MAX_DEPTH`] or more than [`MAX_VALUES`]: `SerializationException`. An empty body is an object
    /// without members, for operations that need none.
    ///
    /// The size of the body is bounded by whoever received it; the tree takes a small multiple.
    pub fn parse(body: &[u8]) -> Result<Self, KmsError> {
        if body.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let refused = || KmsError::bare(ErrorName::SerializationException);
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let left = Cell::new(MAX_VALUES);
        let root = Tree {
            depth: 0,
            left: &left,
        };
        let value = root.deserialize(&mut deserializer).map_err(|_| refused())?;
        deserializer.end().map_err(|_| refused())?;
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(refused()),
        }
    }

    /// The members in the order of the text.
    pub fn members(&self) -> &[(Text, Value)] {
        &self.0
    }

    /// The member of this name, unless it is absent or `null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        member(&self.0, name)
    }
}

impl Value {
    /// The member of this name of an object, unless it is absent or `null`.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => member(members, name),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

fn member<'a>(members: &'a [(Text, Value)], name: &str) -> Option<&'a Value> {
    members
        .iter()
        .find(|(its, _)| its.as_str() == name)
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

/// Reads one value below so many others.
#[derive(Clone, Copy)]
struct Tree<'b> {
    depth: usize,
    /// How many more values and names the body may have.
    left: &'b Cell<u32>,
}

impl Tree<'_> {
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| E::custom("too many values"))?);
        Ok(())
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        // Beyond 63 bits no member of the API has a use for exactness.
        #[expect(clippy::cast_precision_loss, reason = "said above")]
        let real = || Value::Real(value as f64);
        Ok(i64::try_from(value).map_or_else(|_| real(), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let below = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(below)? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.deeper()?;
        let mut list: Vec<(Text, Value)> = Vec::new();
        while let Some(name) = members.next_key_seed(Name)? {
            self.count()?;
            list.push((name, members.next_value_seed(below)?));
        }
        refuse_duplicates(&list)?;
        Ok(Value::Object(list))
    }
}

/// Sorted first: a hostile object may have many members.
fn refuse_duplicates<E: serde::de::Error>(members: &[(Text, Value)]) -> Result<(), E> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(E::custom("a name twice"))
    }
}

/// Reads a member's name.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new)
    }
}
