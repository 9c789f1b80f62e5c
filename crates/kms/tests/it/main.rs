//! The whole crate from outside.

mod ciphertext;
mod cryptography;
mod keys;
mod rotation;
mod state;
mod states;
mod support;
