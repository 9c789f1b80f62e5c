//! AWS Signature Version 4: verify what others signed, sign what others will verify.
//!
//! What this crate promises:
//! - [`Verifier::verify`] judges a request over the bytes that arrived, before anything parses
//!   them. Only it makes a [`Verified`], which is not `Clone` and is consumed for its body: who
//!   holds one holds bytes that somebody with the secret signed.
//! - A wrong secret, an unknown credential and one of another key store are the same
//!   [`Refusal`], reached by the same work (one signature with a cached or dummy key, one
//!   derivation from the real or a dummy secret, two comparisons), so neither the answer nor its
//!   time tells them apart.
//! - Derived keys are remembered only after a signature was verified with them; they live inside
//!   the [`SecretAccessKey`] that they come from, a few at most, and die with it.
//! - Every part of a request that costs memory has a limit ([`limits`]), checked before.
//! - Nothing here reads a clock, does I/O or panics, whatever the input.
//!
//! The algorithm: AWS, "Create a signed AWS API request" (IAM User Guide, *Signature Version 4*).
//! What a service leaves open (path form, Region, host names, session tokens) is in [`Rules`].
//! Start reading at `verify.rs`.

mod authorization;
mod canonical;
mod date;
mod host;
pub mod limits;
mod refusal;
mod secret;
mod sign;
mod uri;
mod verify;

#[cfg(test)]
mod tests;

pub use authorization::{Authorization, MalformedAuthorization, Scope};
pub use date::parse_date;
pub use host::HostNames;
pub use refusal::{Refusal, ScopePart};
pub use secret::{SecretAccessKey, SigningKey};
pub use sign::{SignError, Signer, Target};
pub use uri::PathForm;
pub use verify::{Rules, SessionTokens, UnverifiedRequest, Verified, Verifier};
