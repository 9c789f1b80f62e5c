//! What a server and its worker say to each other: frames over a Unix socket.
//!
//! A frame is its length (4 bytes, at most [`MAX_FRAME`]) and so many bytes: a [`ToWorker`] or a
//! [`FromWorker`]. Numbers are big-endian; bytes, texts and lists stand behind their length in 4
//! bytes; a `bool` is 0 or 1, and so is the byte before what may be absent. Each message has one
//! encoding, and nothing may follow it.
//!
//! Either side takes the other for what it may have become, a process under somebody else's control:
//! a length is checked before memory is spent, and what does not decode ends the connection.
//! Plaintexts and PINs pass through here, so every buffer is wiped.

mod calls;
mod coding;
mod errors;
mod inbox;
mod messages;
mod outgoing;

pub use coding::{Decoder, Encoder};
pub use inbox::Inbox;
pub use messages::{FromWorker, PinAnswer, Setup, ToWorker};
pub use outgoing::Outgoing;

/// The longest frame, in bytes, without the length before it.
pub const MAX_FRAME: usize = 2 << 20;

/// The version of these frames. Both sides say theirs first and must agree.
pub const VERSION: u16 = 1;

/// Why frames are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// No frame has so many bytes.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// It breaks the encoding.
    #[error("a frame that is not well-formed: {0}")]
    Malformed(&'static str),
    /// The program at the other end is another version of this one.
    #[error("version {0} of the worker's protocol, not version {VERSION}: restart the server")]
    Version(u16),
}
