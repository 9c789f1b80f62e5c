//! Each supported operation does its work, and answers with what the model has and no more.

mod access;
mod cryptography;
mod custom_key_stores;
mod keys;
