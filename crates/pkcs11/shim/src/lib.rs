//! A PKCS#11 module for tests: passes calls on to a real one, counts them, and fails, hangs, is slow,
//! crashes, or imitates other products on order.
//!
//! As a shared library it is a module (`C_GetFunctionList`). As a Rust library it makes copies of that
//! ([`install`]), each before a real module of its own, and gives [`Orders`] to each copy, in whatever
//! process it is loaded. Nothing that is shipped uses it.

#![allow(non_snake_case, reason = "the functions have the names of PKCS#11")]

mod control;
mod module;
mod orders;

use std::path::{Path, PathBuf};

pub use control::Iv;
pub use orders::{Orders, install};

/// The file beside the copy at `module` that names the real module.
pub(crate) fn real_file(module: &Path) -> PathBuf {
    module.with_extension("real")
}
