//! AWS's side: an endpoint with the API of AWS KMS, whose external key stores are reached over the
//! XKS Proxy API, and whose AWS CloudHSM key stores through a port of its own ([`clusters`]).
//!
//! What this crate promises:
//! - It speaks as AWS KMS does: the same operations, names, constraints, states, errors and their
//!   order; what is not supported answers AWS's own error and never another one's.
//! - A key in an external key store encrypts twice: first under material of the endpoint's own, then
//!   by the XKS proxy. Neither side alone reads anything, and two KMS keys over one external key
//!   cannot read each other's ciphertexts.
//! - A key in an AWS CloudHSM key store is made in the cluster and used there; the endpoint never has
//!   its material.
//! - It reaches external keys only as AWS does: by signed HTTPS requests to a URI that somebody
//!   configured. It links nothing of the proxy's side.
//! - No key is used before the caller was authenticated, their request authorised and the key's state
//!   looked at; what was decided is in the CloudTrail record of the call, allowed or not.
//! - Requests are answered from memory. A change is durable in the database before memory shows it
//!   and before anybody is answered; rows that somebody else edited are left out and named.
//!
//! A call's way: `front` (HTTP, signature, identity) makes a [`Request`]; [`Kms::perform`] checks
//! it against the API's schema and hands it to the operation; the operation asks `authorize`, looks
//! at the key's state, and acts.

mod aliases;
mod authorize;
mod call;
mod ciphertext;
pub mod clusters;
pub mod control;
mod cryptography;
mod dispatch;
mod error;
mod explain;
pub mod front;
mod grants;
mod id;
pub mod identity;
#[doc(hidden)]
pub mod inspect;
mod key_stores;
mod keys;
mod kms;
mod log;
pub mod metrics;
mod policies;
pub mod quotas;
mod settings;
mod state;
mod tags;
pub mod trail;

pub use call::{Origin, Request};
pub use explain::ExplainError;
pub use front::Front;
pub use identity::Caller;
pub use key_stores::{
    FaultKind, FaultView, KeyStoresConfig, LoadBalancerType, NoSuchKeyStore, PrivateDnsNameState,
    UnknownFault, VpcEndpointServiceConfig,
};
pub use keys::KeysConfig;
pub use kms::{Kms, Parts, StartError};
pub use log::TARGET as LOG_TARGET;
pub use settings::KmsConfig;
pub use state::MIGRATIONS;
