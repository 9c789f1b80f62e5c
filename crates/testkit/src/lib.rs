//! Tools that only tests and benchmarks use. No production crate depends on this one.
//!
//! What this crate promises:
//! - [`disk`] has media for an audit log that fail as disks do. A simulated one holds in memory what
//!   was written, loses or reorders at a crash whatever was not synced, and does so the same way for
//!   the same seed; a slow one delays the syncs of a real directory.
//! - [`hsm`] has tokens of two PKCS#11 modules in software, SoftHSM and Kryoptic, that can be taken out
//!   and put back.
//! - [`kms_values`] has values at the bounds of what the AWS KMS API allows, and one past them.
//! - [`xks_proxy`] has an XKS proxy that works, or fails in the way that a test orders, over a network
//!   in memory or over loopback. It verifies signatures and keeps what it was sent.
//! - [`TokioClock`] is a clock that stands still when Tokio's does.

mod clock;
pub mod disk;
pub mod kms_values;
pub mod xks_proxy;

pub use clock::TokioClock;
pub use software_hsm as hsm;
