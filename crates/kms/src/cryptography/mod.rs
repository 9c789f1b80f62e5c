//! The cryptographic operations.

mod data_key;
mod decrypt;
mod encrypt;
mod layers;
mod random;
mod re_encrypt;
mod request;

pub(crate) use data_key::{generate_data_key, generate_data_key_without_plaintext};
pub(crate) use decrypt::decrypt;
pub(crate) use encrypt::encrypt;
pub(crate) use random::generate_random;
pub(crate) use re_encrypt::re_encrypt;
pub(crate) use request::unless_dry_run;
