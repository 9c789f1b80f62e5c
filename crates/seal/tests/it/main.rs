//! Envelopes, row tags, root keys and the key file, from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod envelope;
mod harden;
mod key_file;
mod roots;
mod rows;
mod seal_file;
