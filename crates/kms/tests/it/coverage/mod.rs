//! What `docs/kms-coverage.md` is made from: the names of these tests say what each one shows.
//! `kms_works_<operation>`, `kms_refused_<operation>`, `kms_err_<operation>_<error>`.

mod constraints;
mod errors;
mod refused;
pub(crate) mod scene;
mod states;
mod works;
