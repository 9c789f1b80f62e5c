//! What goes over the control socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `GET /v1/status`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the software.
    pub version: String,
    /// KMS keys, of all accounts and Regions.
    pub keys: usize,
    /// Custom key stores, of all accounts and Regions.
    pub custom_key_stores: Vec<CustomKeyStoreStatus>,
    /// Faults in force: who asks why nothing works should not have to think of them.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Rows of the database that were edited by other means, and are not used.
    pub alarms: Vec<String>,
    /// What the process says of itself.
    pub node: NodeStatus,
}

/// One custom key store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomKeyStoreStatus {
    /// `cks-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub account: String,
    /// Its AWS Region.
    pub region: String,
    /// Endpoint and path of its XKS proxy, if it is an external key store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Its CloudHSM cluster, if it is an AWS CloudHSM key store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterStatus>,
    /// `ConnectionState`.
    pub connection: String,
    /// `ConnectionErrorCode`, while the state is `FAILED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_error: Option<String>,
    /// KMS keys in it.
    pub keys: usize,
}

/// The cluster of an AWS CloudHSM key store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// `cluster-…`.
    pub id: String,
    /// Its HSMs; none if the configuration does not have the cluster.
    pub hsms: Vec<HsmStatus>,
}

/// An HSM of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HsmStatus {
    /// Its configured name.
    pub name: String,
    /// How it does, in a few words.
    pub state: String,
}

/// What a process says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its process id.
    pub pid: u32,
    /// Since when it runs, RFC 3339.
    pub started: String,
    /// Its data directory.
    pub data_dir: String,
    /// Where it can be reached.
    pub listeners: Vec<ListenerStatus>,
    /// How its memory is kept.
    pub hardening: Vec<String>,
    /// Settings that weaken security.
    pub dangers: Vec<String>,
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// Its configured name.
    pub name: String,
    /// Where it is bound.
    pub address: String,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// When its certificate ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<String>,
}

/// The answer of `POST /v1/reload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Always true: a refusal is an error.
    pub reloaded: bool,
}

/// `POST /v1/faults`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFault {
    /// The custom key store's id or name.
    pub custom_key_store: String,
    /// `slow=300ms`, `unreachable`, `bad-certificate`, `throttled`, `malformed`, `corrupted`,
    /// `key-managers-unavailable`, or the name of an error of the XKS Proxy API.
    pub fault: String,
    /// For how long, in milliseconds; until it is cleared if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

/// `POST /v1/faults/clear`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClearFaults {
    /// Only of this custom key store, by id or name.
    pub custom_key_store: Option<String>,
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The custom key store's id.
    pub custom_key_store_id: String,
    /// Its name.
    pub custom_key_store_name: String,
    /// As it was ordered.
    pub fault: String,
    /// How long it still lasts, in milliseconds; absent if until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds_left: Option<u64>,
}

/// `POST /v1/explain`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Explain {
    /// The ARN of a user or role of the identities file.
    pub principal: String,
    /// `kms:Decrypt`.
    pub action: String,
    /// Key id, key ARN, alias name or alias ARN; none for actions without a key.
    pub key: Option<String>,
    /// The AWS Region.
    pub region: String,
    /// The encryption context.
    pub encryption_context: BTreeMap<String, String>,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Other condition keys and their values.
    pub conditions: BTreeMap<String, Vec<String>>,
}

/// The answer of `POST /v1/explain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// Because of which statement or grant; or why not.
    pub reason: String,
    /// Every statement and grant that was looked at, and what became of it.
    pub considered: Vec<String>,
}
