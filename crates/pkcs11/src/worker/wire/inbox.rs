//! Frames as they are read.

use crypto::SecretBytes;

use super::{MAX_FRAME, WireError};

/// Room for a batch of usual frames.
const USUAL: usize = 64 << 10;

/// Bytes that were read, and the frames in them. What was taken out is wiped before the next read.
pub struct Inbox {
    bytes: SecretBytes,
    start: usize,
    end: usize,
}

impl Inbox {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self {
            bytes: SecretBytes::zeroed(USUAL),
            start: 0,
            end: 0,
        }
    }

    /// The frame that is complete next.
    ///
    /// # Errors
    /// [`WireError::Length`] for one that is longer than any, as soon as its length is there.
    pub fn frame(&mut self) -> Result<Option<&[u8]>, WireError> {
        let Some(len) = self.len()? else {
            return Ok(None);
        };
        let from = self.start + 4;
        let to = from + len;
        if to > self.end {
            return Ok(None);
        }
        self.start = to;
        Ok(self.bytes.expose().get(from..to))
    }

    /// The length of the next frame.
    fn len(&self) -> Result<Option<usize>, WireError> {
        let there = self.bytes.expose().get(self.start..self.end).unwrap_or_default();
        let Some(prefix) = there.first_chunk() else {
            return Ok(None);
        };
        let len = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if len > MAX_FRAME {
            return Err(WireError::Length(len));
        }
        Ok(Some(len))
    }

    /// Where the next bytes go; room for at least one, and for the frame that has begun.
    pub fn room(&mut self) -> &mut [u8] {
        let rest = self.end - self.start;
        let frame = 4 + self.len().ok().flatten().unwrap_or(0);
        let size = frame.max(USUAL);
        if size != self.bytes.len() {
            let mut other = SecretBytes::zeroed(size.max(rest + 1));
            let begun = self.bytes.expose().get(self.start..self.end).unwrap_or_default();
            if let Some(place) = other.expose_mut().get_mut(..rest) {
                place.copy_from_slice(begun);
            }
            self.bytes = other;
        } else if self.start > 0 {
            self.bytes.expose_mut().copy_within(self.start..self.end, 0);
            if let Some(gone) = self.bytes.expose_mut().get_mut(rest..self.end) {
                gone.fill(0);
            }
        }
        (self.start, self.end) = (0, rest);
        self.bytes.expose_mut().get_mut(rest..).unwrap_or_default()
    }

    /// So many bytes were written into [`Self::room`].
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}
