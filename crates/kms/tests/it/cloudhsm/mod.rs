//! AWS CloudHSM key stores, over clusters in memory.

mod blob;
mod connection;
mod keys;
mod kit;
mod stores;
