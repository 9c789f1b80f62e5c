//! The tamper-evident, durable audit log: write it, read it, verify it.
//!
//! What this crate promises:
//! - A [`Receipt`] exists only for a record that a completed sync has made durable; nothing else
//!   makes one. Whoever must not answer before the record is durable asks for the receipt.
//! - [`Log::append`] never blocks: the queue is bounded in records and bytes, and refuses when it
//!   is full. Records that wait together share one write and one sync (group commit).
//! - A batch is there whole or not at all. After a crash or a power loss at any instant,
//!   everything with a receipt is there and the log continues behind it.
//! - A failed write or sync is never trusted again: the same records go to a new file, and
//!   [`LogState`] says when that does not help either.
//! - [`verify()`] finds every altered, missing or moved record and every altered header; that the
//!   newest records were cut off is found against a [`Head`] noted before.
//! - One process writes a log at a time; any number may read it meanwhile ([`Reader`]).
//!
//! The bytes on disk are specified in [`format`](mod@format). The payload of a record is a JSON
//! object that this crate does not look into.

mod completion;
mod config;
mod delivery;
mod directory;
pub mod format;
mod history;
mod log;
mod medium;
mod queue;
mod reader;
mod record;
mod recovery;
mod spare;
mod state;
mod verify;
mod walk;
mod writer;

pub use completion::{Pending, Receipt, RecordLost};
pub use config::{InvalidLogConfig, LogConfig};
pub use delivery::Deliver;
pub use directory::Directory;
pub use log::{AppendRefused, Log, OpenError};
pub use medium::{Medium, MediumFile, MediumLock};
pub use reader::{ReadError, Reader};
pub use record::{Head, InvalidHead, LogId, Record, RecordId, RecordIdText};
pub use recovery::{Cut, Recovery};
pub use state::{Health, LogState, SpareState};
pub use verify::{Broken, Damage, Progress, Tail, Verified, VerifyError, VerifyOptions, verify};
