//! Custom key stores, against an XKS proxy that does what the test orders.

mod connection;
mod create;
mod delete;
mod describe;
mod failures;
mod faults;
mod health;
pub(crate) mod kit;
mod restart;
mod time;
mod update;
mod vpc;
