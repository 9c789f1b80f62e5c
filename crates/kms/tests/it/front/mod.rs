//! The front door, from the wire.

mod kit;
mod lookup;
mod policies;
mod protocol;
mod query;
mod records;
mod signatures;
mod sts;
