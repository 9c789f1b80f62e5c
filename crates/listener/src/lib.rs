//! Hardened HTTPS: the only door through which the outside reaches Strongroom.
//!
//! A [`Listener`] is bound from a [`ListenerConfig`] and serves one [`Handler`]. What it promises:
//!
//! - **Protocols.** HTTP/1.1 and HTTP/2, chosen by ALPN (HTTP/1.1 without ALPN); TLS 1.2 and 1.3
//!   with exactly the cipher suites of the XKS specification and the post-quantum hybrid
//!   X25519MLKEM768 first; no early data. Plain HTTP/1.1 on loopback and on Unix sockets.
//! - **Clients.** Where a listener has client authentication, a certificate whose chain ends
//!   elsewhere, whose subject has not exactly one common name, or not a configured one, is refused
//!   inside the handshake. Subject alternative names are never looked at.
//! - **Limits.** Every count, size and time a client can spend is bounded by [`Limits`], at its
//!   exact value, before memory is spent on the excess. Bodies are read only when the handler asks
//!   ([`Incoming::read_body`]), up to its cap.
//! - **Deadlines.** Each request carries the moment until which its answer is of use
//!   ([`Deadline`]), on the monotonic clock.
//! - **Reload.** Certificates, client authentication, limits and deadlines change without a
//!   restart, whole or not at all ([`Control::reload`]); caches of TLS sessions are dropped with it.
//! - **Shutdown.** [`Control::shutdown`] stops accepting, lets requests in flight finish within a
//!   grace period, then closes, and tells how many connections ended which way.
//!
//! The accept loop never ends because of an error. A connection is one task; an HTTP/1.1 request
//! spawns nothing and touches no timer unless the connection has to wait.

mod accept;
mod activity;
mod body;
mod certificate;
mod client_auth;
mod config;
mod connection;
mod counters;
mod drive;
mod error;
mod exchange;
mod incoming;
mod limits;
mod listener;
mod network;
mod protocols;
pub mod proxy_protocol;
mod stream;
mod tls;
pub mod units;
mod unix;
mod watched;

#[cfg(test)]
mod tests;

pub use body::{BodyError, wiping};
pub use certificate::CertificateStatus;
pub use config::{Address, ClientAuthConfig, ListenerConfig, ProxyProtocolConfig, TlsConfig};
pub use connection::{Connection, Peer, Protocol, TlsParameters};
pub use counters::Snapshot;
pub use error::{BindError, ConfigError, ReloadError, TlsError};
pub use exchange::Handler;
pub use incoming::{Deadline, Incoming};
pub use limits::{Deadlines, Limits};
pub use listener::{Bound, Control, Listener, ShutdownReport};
pub use network::Network;
