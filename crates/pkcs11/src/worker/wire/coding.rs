//! The encoding's primitives.

use super::{Outgoing, WireError};

/// Longest text of an error, in bytes.
const MAX_SAID: usize = 1024;

/// Writes a message's parts.
pub struct Encoder<'a>(&'a mut Outgoing);

/// Reads a message's parts.
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Encoder<'a> {
    pub(super) const fn new(to: &'a mut Outgoing) -> Self {
        Self(to)
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.append(bytes);
    }

    pub(super) fn u8(&mut self, number: u8) {
        self.raw(&[number]);
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.raw(&number.to_be_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.raw(&number.to_be_bytes());
    }

    pub(super) fn size(&mut self, number: usize) {
        self.u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    pub(super) fn bool(&mut self, is: bool) {
        self.u8(u8::from(is));
    }

    /// A length beyond 4 GiB is cut to a wrong one: such a frame is longer than any and never sent.
    pub(super) fn count(&mut self, count: usize) {
        self.raw(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// What a token or the system said, for people: cut to 1024 bytes, control characters replaced.
    pub(super) fn said(&mut self, text: &str) {
        let mut clean = String::with_capacity(text.len().min(MAX_SAID));
        for char in text.chars() {
            let char = if char.is_control() { ' ' } else { char };
            if clean.len() + char.len_utf8() > MAX_SAID {
                break;
            }
            clean.push(char);
        }
        self.text(&clean);
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(frame: &'a [u8]) -> Self {
        Self(frame)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(WireError::Malformed("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], WireError> {
        let taken = self.take(LEN)?;
        taken
            .try_into()
            .map_err(|_| WireError::Malformed("it ends too early"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn size(&mut self) -> Result<usize, WireError> {
        usize::try_from(self.u64()?).map_err(|_| WireError::Malformed("a number is too great"))
    }

    pub(super) fn bool(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::Malformed("neither 0 nor 1")),
        }
    }

    pub(super) fn count(&mut self) -> Result<usize, WireError> {
        usize::try_from(u32::from_be_bytes(self.array()?))
            .map_err(|_| WireError::Malformed("a number is too great"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.count()?;
        self.take(len)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Malformed("a text is not UTF-8"))
    }

    pub(super) fn said(&mut self) -> Result<String, WireError> {
        let text = self.text()?;
        if text.len() > MAX_SAID || text.chars().any(char::is_control) {
            return Err(WireError::Malformed("a text is too long or not printable"));
        }
        Ok(text.to_owned())
    }

    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        self.bool()?.then(|| read(self)).transpose()
    }

    /// A list; memory is spent on what is there, not on what its length says.
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        (0..self.count()?).map(|_| read(self)).collect()
    }

    pub(super) const fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(WireError::Malformed("something follows its end"))
        }
    }
}
