//! The client of an XKS proxy, as AWS KMS is one.
//!
//! A [`ProxyClient`] belongs to one external key store: an endpoint, a credential, a way there. What
//! this crate promises:
//!
//! - **The wire.** Every request is a `POST` over TLS 1.2 or 1.3 with the cipher suites that KMS has,
//!   signed with SigV4 for the service `kms-xks-proxy` over exactly the bytes that are sent. The
//!   server's certificate must be for the endpoint's name and chain to a trusted root; no redirect is
//!   followed, no proxy of the environment asked.
//! - **Time.** A try ends after [`DEADLINE`] (250 ms), name resolution, connection and TLS included.
//!   A try that timed out is repeated once, on a connection of its own; nothing else is repeated. The
//!   timers are Tokio's: a paused clock drives them.
//! - **Connections** are kept and used again. One that the proxy closed while it was idle is replaced
//!   within the same try, so that it never shows as a failure.
//! - **Judgement.** An answer is taken only if it obeys the specification: sizes, canonical Base64, and
//!   on Encrypt a CDIV, always demanded, that matches. Whatever else happens becomes a [`Failure`] of
//!   exactly one [`ProxyFailure`](xks_api::kms_exception::ProxyFailure), with words for the log.
//! - **Bounds.** Answers, header fields, connections under way and idle ones have fixed limits.
//! - **Secrets.** Bodies that carry plaintext live in buffers that wipe themselves. What the HTTP and
//!   TLS libraries copy on the way is not wiped; a KMS sends nothing that it has not encrypted itself.
//! - **Faults to order.** A [`FaultSwitch`] makes a client behave as if its proxy were slow,
//!   unreachable, badly certified or failing, without touching the network's other users.
//!
//! Start reading at `client.rs`, then `attempt.rs`.

mod attempt;
mod client;
mod connection;
mod failure;
mod faults;
mod metadata;
mod network;
mod pool;
mod tls;
mod transport;

pub use client::{Answer, Credential, DEADLINE, Endpoint, ProxyClient};
pub use connection::MAX_RESPONSE_BYTES;
pub use failure::Failure;
pub use faults::{Fault, FaultSwitch, OrderedFault};
pub use metadata::Origin;
pub use network::{Network, Stream, SystemNetwork};
pub use pool::{MAX_IDLE, MAX_IN_FLIGHT};
pub use tls::ProxyCertificate;
pub use transport::{ClientCertificateConfig, RouteConfig, Transport, TransportConfig, TransportError};
