//! The API's model as data: every operation with its members, their types and constraints, what it
//! answers and which errors it may answer with. Facts of the AWS KMS API, version 2014-11-01;
//! the example `model` prints it, and the clients' tests hold that against botocore's model.
//!
//! [`validate`](fn@validate) checks a request against it in AWS's words; [`parse`](fn@parse) does
//! so and reads the typed request.

mod operations;
pub mod pattern;
mod shapes;
mod validate;
mod violation;

use crate::{ErrorName, Operation};
pub use pattern::Pattern;
pub use shapes::SHAPES;
pub use validate::{parse, validate};

/// A named type of the model.
#[derive(Debug)]
pub struct Shape {
    /// The model's name for it.
    pub name: &'static str,
    /// What it is, with its constraints.
    pub kind: Kind,
    /// Whether its values may not be shown, not even to whoever sent them.
    pub sensitive: bool,
}

/// What a value is, on the wire and in meaning.
#[derive(Debug)]
pub enum Kind {
    /// A string; lengths are counted in Unicode characters.
    Text {
        /// How long it may be.
        length: Option<Length>,
        /// What the whole of it must match.
        pattern: Option<&'static Pattern>,
    },
    /// A string that is one of these.
    Word(&'static [&'static str]),
    /// Bytes, as a string of Base64; lengths are counted in bytes.
    Blob(Length),
    /// A whole number of 32 bits within these bounds.
    Integer(Length),
    /// `true` or `false`.
    Boolean,
    /// A moment, as a number of seconds since the Unix epoch.
    Timestamp,
    /// An array of such values; its length counts them.
    List(&'static Shape, Option<Length>),
    /// An object with any names.
    Map {
        /// What its names are.
        key: &'static Shape,
        /// What its values are.
        value: &'static Shape,
    },
    /// An object with these names.
    Structure(&'static [Member]),
}

/// Inclusive bounds of a length or of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// The least.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type.
    pub shape: &'static Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// What the model says of one operation.
#[derive(Debug)]
pub struct OperationSchema {
    /// The members of a request.
    pub input: &'static [Member],
    /// The members of an answer; `None` if the operation answers with an empty body.
    pub output: Option<&'static [Member]>,
    /// The errors that the model lists, in its order. Those that any operation may answer with
    /// (`ValidationException`, `AccessDeniedException`, `ThrottlingException`, …) are in no list.
    pub errors: &'static [ErrorName],
}

impl Operation {
    /// What the model says of this operation.
    pub const fn schema(self) -> &'static OperationSchema {
        operations::of(self)
    }
}

const fn shape(name: &'static str, kind: Kind) -> Shape {
    Shape {
        name,
        kind,
        sensitive: false,
    }
}

/// A string of any length.
const fn any_text(name: &'static str) -> Shape {
    shape(
        name,
        Kind::Text {
            length: None,
            pattern: None,
        },
    )
}

const fn text(name: &'static str, min: u32, max: u32) -> Shape {
    let length = Some(Length { min, max });
    shape(
        name,
        Kind::Text {
            length,
            pattern: None,
        },
    )
}

const fn matching(name: &'static str, min: u32, max: u32, pattern: &'static Pattern) -> Shape {
    let (length, pattern) = (Some(Length { min, max }), Some(pattern));
    shape(name, Kind::Text { length, pattern })
}

const fn word(name: &'static str, words: &'static [&'static str]) -> Shape {
    shape(name, Kind::Word(words))
}

const fn blob(name: &'static str, min: u32, max: u32) -> Shape {
    shape(name, Kind::Blob(Length { min, max }))
}

const fn integer(name: &'static str, min: u32, max: u32) -> Shape {
    shape(name, Kind::Integer(Length { min, max }))
}

const fn list(name: &'static str, element: &'static Shape) -> Shape {
    shape(name, Kind::List(element, None))
}

const fn bounded_list(name: &'static str, element: &'static Shape, min: u32, max: u32) -> Shape {
    shape(name, Kind::List(element, Some(Length { min, max })))
}

const fn structure(name: &'static str, members: &'static [Member]) -> Shape {
    shape(name, Kind::Structure(members))
}

const fn sensitive(shape: Shape) -> Shape {
    Shape {
        name: shape.name,
        kind: shape.kind,
        sensitive: true,
    }
}

const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        shape,
        required: true,
    }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        shape,
        required: false,
    }
}
