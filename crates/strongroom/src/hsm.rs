//! `strongroom hsm …`: PKCS#11 modules and tokens, looked at without a server; and the worker process in
//! which a server runs a vendor's module.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod files;
pub(crate) mod list;
mod load;
pub(crate) mod steps;
mod stop;
mod target;
mod trial_key;
mod verdict;
pub(crate) mod worker;
