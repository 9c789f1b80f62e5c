//! Plumbing for durable state: one SQLite database, and later PostgreSQL behind the same types.
//!
//! What this crate promises:
//! - A [`Transaction`] that [commits](Transaction::commit) is durable when the call returns (write
//!   ahead log, synced at every commit); one that is dropped never happened.
//! - There is one writer at a time and a bounded number of readers; nobody waits without a bound.
//! - [`Migrations`] run once, each in a transaction of its own. A step that was edited after it
//!   ran, or a database written by newer code, is refused before anything is read.
//! - The store has a *generation*, a number that every administrative transaction
//!   [raises](Transaction::bump_generation), so that a restored backup can be told from the present.
//! - The file is readable by its owner alone.
//!
//! The crates above own their tables and their SQL. That SQL must mean the same to SQLite and
//! PostgreSQL: types `BIGINT`, `TEXT` and the placeholder `{{BLOB}}` (in migrations), parameters
//! `$1`, `$2`, and nothing that only one of them knows. A test of the whole program prepares every
//! statement of every crate on both. This crate knows no table of theirs.

mod dialect;
mod error;
mod file;
mod migrate;
mod sqlite;
mod value;

pub use dialect::Dialect;
pub use error::StoreError;
pub use migrate::{Migration, Migrations, schema};
pub use sqlite::{Snapshot, Store, Transaction};
pub use value::{Row, Value};
