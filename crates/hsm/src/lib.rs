//! Key managers whose keys are objects in HSMs.
//!
//! A key manager here holds rows that say which objects on which tokens are which key, and computes with
//! them through crate `pkcs11`. What this crate promises:
//! - Key bytes never come here. Objects are made in the token, sensitive and not extractable; an object
//!   that exists is adopted as it is, decrypting what another product encrypted with it.
//! - Ciphertexts are *format 2*: AES-256-GCM under one object for each key version, which the ciphertext
//!   metadata names. Encryptions are counted, reserved durably before they are made, and end at 2^32.
//! - Rows are authenticated, and a manifest says which version of each is the last one: a row that was
//!   edited, exchanged, added, deleted or put back grants nothing, and the alarm names it.
//! - With several tokens, each holds the same keys, which is proved by decrypting on one what another
//!   encrypted, anew each time that a token comes back. A request goes to the token with the least to
//!   do; one that fails leaves within that request, which is tried once on another, and returns after a
//!   probe. What a token says of a ciphertext is believed only after its proof.
//! - A token or module that is away holds up nothing: the key manager opens, says so, and connects
//!   when it can.
//! - No call of PKCS#11 runs on an async worker; the request path reads one snapshot, and waits for the
//!   database only when a block of encryptions is used up faster than the next is reserved.

mod adopt;
mod change;
mod config;
mod connect;
mod contents;
mod counter;
mod error;
mod fleet;
mod lifecycle;
mod manager;
mod objects;
mod provider;
mod rows;
mod serve;
mod tables;
mod upkeep;
mod version;

pub use config::{ConfigError, HsmConfig, Replication};
pub use fleet::RefusedPins;
pub use manager::Hsm;
pub use provider::Hsms;
pub use tables::MIGRATIONS;
