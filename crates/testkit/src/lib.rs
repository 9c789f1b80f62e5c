//! Tools that only tests and benchmarks use. No production crate depends on this one.

pub mod disk;
