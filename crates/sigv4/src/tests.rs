//! Tests over the whole crate: published vectors, other implementations, tampering.

mod differential;
pub(crate) mod support;
mod tampering;
mod vectors;
