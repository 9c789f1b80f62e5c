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

/// The seal of the root keys, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealStatus {
    /// Its kind: `key-file`, `hsm`.
    pub kind: String,
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// `unsealed`, or `sealed`: then no key can be used, and nothing is managed.
    pub state: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// What it waits for while sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The tokens of an HSM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<SealTokenStatus>,
}

/// One token of the seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealTokenStatus {
    /// Its configured name.
    pub name: String,
    /// What it last failed with, and what to do; absent if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Says how the seal does now.
pub type SealWatch = std::sync::Arc<dyn Fn() -> SealStatus + Send + Sync>;

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
