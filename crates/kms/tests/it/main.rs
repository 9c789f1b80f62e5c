//! The whole crate from outside.

mod state;
mod support;
