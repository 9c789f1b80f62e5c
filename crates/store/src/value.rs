//! Parameters and rows, in the three types that both databases share.

use crate::StoreError;

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// `BIGINT`.
    Int(i64),
    /// `TEXT`.
    Text(&'a str),
    /// `{{BLOB}}`.
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

/// Both databases have signed 64-bit integers; a larger value saturates. Timestamps in
/// microseconds, generations and counters stay far below.
impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// 0 or 1.
impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One column of a row as it was read.
#[derive(Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
    /// A type that we never write, so somebody else did.
    Foreign,
}

/// A row. Columns are counted from 0 in the order of the SELECT. A column of another type than
/// asked for is an error of that row alone, so that one edited row does not hide the others.
#[derive(Debug)]
pub struct Row(pub(crate) Vec<Cell>);

impl Row {
    /// A `BIGINT` that is not NULL.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or(missing(column))
    }

    /// A `BIGINT` that is not NULL and not negative.
    pub fn unsigned(&self, column: usize) -> Result<u64, StoreError> {
        let expected = "a non-negative integer";
        u64::try_from(self.int(column)?).map_err(|_| StoreError::Column { column, expected })
    }

    /// 0 or 1.
    pub fn boolean(&self, column: usize) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(StoreError::Column {
                column,
                expected: "0 or 1",
            }),
        }
    }

    /// A `TEXT` that is not NULL.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or(missing(column))
    }

    /// Bytes that are not NULL.
    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.opt_blob(column)?.ok_or(missing(column))
    }

    /// Exactly `N` bytes.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        let expected = "bytes of the right length";
        let bytes = self.blob(column)?;
        bytes
            .try_into()
            .map_err(|_| StoreError::Column { column, expected })
    }

    /// A `BIGINT` or NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Cell::Int(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(StoreError::Column {
                column,
                expected: "an integer",
            }),
        }
    }

    /// A `TEXT` or NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(StoreError::Column {
                column,
                expected: "text",
            }),
        }
    }

    /// Bytes or NULL.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(column) {
            Some(Cell::Blob(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            _ => Err(StoreError::Column {
                column,
                expected: "bytes",
            }),
        }
    }
}

fn missing(column: usize) -> StoreError {
    StoreError::Column {
        column,
        expected: "a value (it is NULL)",
    }
}
