//! A PKCS#11 module for tests: passes calls on to a real one, counts them, and fails, hangs or
//! imitates other products on order.
//!
//! As a shared library it is a module (`C_GetFunctionList`); the real one is named by the environment
//! variable `STRONGROOM_SHIM_MODULE`. As a Rust library it is the [`Orders`] of a test to the module
//! that its process has loaded. Nothing that is shipped uses it.

#![allow(non_snake_case, reason = "the functions have the names of PKCS#11")]

mod control;
mod module;
mod orders;

pub use control::{Control, Iv};
pub use orders::{Orders, library};
