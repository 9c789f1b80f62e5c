//! Tools that the chores need: found if present, installed quietly if not.

mod cargo_tools;
mod debian;
mod javascript;
mod kryoptic;
mod lock;
mod python;

pub(crate) use cargo_tools::{cargo_deny, cargo_fuzz};
pub(crate) use debian::{
    aws_cli_version_2, install_kms_client_packages, install_packages, install_xks_test_client_packages,
};
pub(crate) use javascript::modules as javascript_modules;
pub(crate) use kryoptic::{VARIABLE as KRYOPTIC_VARIABLE, module as kryoptic};
pub(crate) use python::environment;
