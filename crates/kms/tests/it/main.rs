//! The whole crate from outside.

mod ciphertext;
mod cryptography;
mod double_encryption;
mod key_stores;
mod keys;
mod rotation;
mod state;
mod states;
mod support;
mod tampering;
