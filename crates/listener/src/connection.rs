//! Who is at the other end, as far as we verified it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::activity::Activity;

/// One connection. Shared by all its requests.
#[derive(Debug)]
pub struct Connection {
    /// Unique within the listener for the life of the process, counted from 1.
    pub id: u64,
    /// The listener's configured name.
    pub listener: Arc<str>,
    /// The other end.
    pub peer: Peer,
    /// Its IP address as text, made once for all requests; `None` for a local process.
    pub peer_text: Option<Box<str>>,
    /// The subject common name of the client's certificate, verified in the handshake; `None` on
    /// a listener without client authentication.
    pub client_common_name: Option<Box<str>>,
    /// HTTP/1.1 or HTTP/2.
    pub protocol: Protocol,
    /// What TLS agreed on; `None` on a plain listener.
    pub tls: Option<TlsParameters>,
    pub(crate) activity: Activity,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A TCP client.
    Tcp {
        /// The client's address: the socket's, or as a trusted load balancer told it.
        address: SocketAddr,
        /// The load balancer's own address, where it told us the client's.
        via: Option<SocketAddr>,
    },
    /// A process on this machine; as the kernel reports it at the time of `connect`.
    Unix {
        /// Its effective user id.
        uid: u32,
        /// Its effective group id.
        gid: u32,
        /// Its process id, where the kernel tells.
        pid: Option<i32>,
    },
}

impl Peer {
    /// The client's IP address; `None` for a local process.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp { address, .. } => Some(address.ip()),
            Self::Unix { .. } => None,
        }
    }

    /// The user id of a local process; `None` for a TCP client.
    pub const fn uid(&self) -> Option<u32> {
        match self {
            Self::Unix { uid, .. } => Some(*uid),
            Self::Tcp { .. } => None,
        }
    }
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 (or 1.0, as the client says).
    Http1,
    /// HTTP/2.
    Http2,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsParameters {
    /// TLS 1.2 or 1.3.
    pub version: rustls::ProtocolVersion,
    /// The cipher suite.
    pub cipher_suite: rustls::CipherSuite,
    /// The key exchange group; `None` for a session resumed without one.
    pub key_exchange: Option<rustls::NamedGroup>,
    /// Whether a session was resumed.
    pub resumed: bool,
}
