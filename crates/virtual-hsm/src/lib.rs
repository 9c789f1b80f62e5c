//! Software key managers.
//!
//! A virtual HSM (the XKS specification's word) holds keys in the database and computes with them
//! in this process. What this crate promises:
//! - Ciphertexts are *format 1*: XAES-256-GCM with 24 fresh random bytes for each encryption, half
//!   of them in the ciphertext metadata, so that one key serves 2^80 messages without a counter.
//! - Each virtual HSM has a key-encryption key of its own, sealed under the root; each key version
//!   is sealed under that, bound to everything immutable about it.
//! - States and version lists are authenticated rows, and a manifest in the virtual HSM's row
//!   says which version of each row is the last one. A row that was edited, exchanged, added,
//!   deleted or put back from an older copy grants nothing: the key that it belongs to is refused,
//!   the others go on, and the alarm names table and row.
//! - What is used is in memory, read once and verified; the request path takes no lock and never
//!   waits for the database.
//! - A dedicated key that nobody can address serves the health probes.

mod contents;
mod error;
mod format1;
mod hsm;
mod lifecycle;
mod provider;
mod rows;
mod tables;

#[cfg(test)]
mod tests;

pub use hsm::VirtualHsm;
pub use provider::VirtualHsms;
pub use tables::MIGRATIONS;
