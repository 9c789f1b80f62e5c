//! Envelopes, row tags, root keys and the key file, from outside.

mod envelope;
mod harden;
mod key_file;
mod roots;
mod rows;
