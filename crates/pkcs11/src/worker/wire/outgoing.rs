//! Frames to be written.

use crypto::SecretBytes;

use super::coding::Encoder;
use super::{MAX_FRAME, WireError};

/// As much room is kept from one batch to the next.
const KEPT: usize = 64 << 10;

/// Frames one after the other, for one write. Wiped when emptied, when it grows, and on drop.
pub struct Outgoing(Vec<u8>);

impl Outgoing {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The bytes to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing to be written.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a frame. One that is too long is not added.
    pub(super) fn frame(&mut self, write: impl FnOnce(&mut Encoder<'_>)) -> Result<(), WireError> {
        let start = self.0.len();
        self.append(&[0; 4]);
        write(&mut Encoder::new(self));
        let len = self.0.len() - start - 4;
        if len > MAX_FRAME {
            self.cut(start);
            return Err(WireError::Length(len));
        }
        let prefix = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(place) = self.0.get_mut(start..start + 4) {
            place.copy_from_slice(&prefix);
        }
        Ok(())
    }

    /// Adds bytes as they are. Growing leaves no copy behind.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(2 * self.0.capacity()).max(4 << 10));
            larger.extend_from_slice(&self.0);
            drop(SecretBytes::new(std::mem::replace(&mut self.0, larger)));
        }
        self.0.extend_from_slice(bytes);
    }

    fn cut(&mut self, len: usize) {
        if let Some(rest) = self.0.get_mut(len..) {
            rest.fill(0);
        }
        self.0.truncate(len);
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        if self.0.capacity() > KEPT {
            drop(SecretBytes::new(std::mem::take(&mut self.0)));
        }
        self.0.fill(0);
        // The zeros are seen to be written: the buffer stays and is read again.
        std::hint::black_box(self.0.as_slice());
        self.0.clear();
    }
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        drop(SecretBytes::new(std::mem::take(&mut self.0)));
    }
}
