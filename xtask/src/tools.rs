//! Tools that the chores need: found if present, installed quietly if not.

mod cargo_tools;
mod debian;
mod python;

pub(crate) use cargo_tools::{cargo_deny, cargo_fuzz};
pub(crate) use debian::{install_packages, install_xks_test_client_packages};
pub(crate) use python::environment;
