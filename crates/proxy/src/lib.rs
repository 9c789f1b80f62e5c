//! The XKS Proxy API on the wire: signed HTTPS requests in, uses of keys by the [`warden`], answers
//! as the specification words them.
//!
//! What this crate promises:
//! - **Order.** A request is bounded, then its path looked up, then its signature verified over
//!   exactly the bytes that arrived, and only then is its body parsed ([`Proxy`]). The order
//!   shows in types: an operation is given bytes that came out of a [`sigv4::Verified`], and a
//!   [`warden::Caller`] is made from nothing else.
//! - **Silence.** Every failure has one constant public text. An unknown credential, one of another
//!   key store, a wrong secret and a client certificate that the key store does not take get the
//!   same answer; so do an unknown path prefix and a key store that this listener does not serve.
//! - **Limits.** Every size is held at its exact value, alike on Encrypt and Decrypt ([`Settings`]).
//! - **Evidence.** Each request ends in one log line ([`LOG_TARGET`]) and one count ([`Metrics`]);
//!   refusals are told to the warden's audit log. None of them can hold a plaintext, a ciphertext
//!   or a secret.
//!
//! What is asked of a request's `Content-Type`: nothing. A signature need not cover that header, so
//! nothing could be built on it, and the body is held to its grammar anyway. Answers always carry
//! `application/json` (XKS-GEN-01).

mod account;
mod answer;
mod authenticate;
mod health_endpoints;
mod log;
mod metrics;
mod operations;
mod secrets;
mod server;
mod settings;

#[cfg(test)]
mod tests;

pub use health_endpoints::HealthEndpoints;
pub use log::{MAX_TEXT_BYTES as MAX_LOG_TEXT_BYTES, TARGET as LOG_TARGET};
pub use metrics::{DURATION_BOUNDS_US, Metrics, Outcome, Snapshot};
pub use server::{Proxy, StartError};
pub use settings::{Settings, SettingsError};
