//! What the composition tells about this node.

use serde::{Deserialize, Serialize};

/// This node, as `status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Process id.
    pub pid: u32,
    /// When it was started, RFC 3339.
    pub started: String,
    /// The data directory.
    pub data_dir: String,
    /// Its listeners.
    pub listeners: Vec<ListenerStatus>,
    /// Whether memory is kept from dumps and swap, and if not, why.
    pub hardening: Vec<String>,
    /// Settings that weaken security.
    pub dangers: Vec<String>,
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// Its configured name.
    pub name: String,
    /// `xks`, `health` or `admin`.
    pub kind: String,
    /// Where it listens.
    pub address: String,
    /// Whether it asks clients for certificates.
    pub mtls: bool,
    /// Until when the server's certificate is valid, RFC 3339; absent without TLS.
    pub certificate_expires: Option<String>,
}
