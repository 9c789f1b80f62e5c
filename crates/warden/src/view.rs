//! What administration may see, as it is shown: the bodies of the management API's answers.

use serde::{Deserialize, Serialize};

/// A key manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyManagerView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What kind, e.g. `virtual-hsm`.
    pub kind: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// How many keys it holds.
    pub keys: usize,
    /// Its instances as of the last probe.
    pub instances: Vec<InstanceView>,
}

/// An instance of a key manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Unique within its key store's answer.
    pub id: String,
    /// Product and version.
    pub model: String,
    /// `ACTIVE`, `DEGRADED` or `UNAVAILABLE`.
    pub status: String,
    /// Its sessions, and what is wrong with it, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The key manager that holds it.
    pub key_manager: String,
    /// That key manager's name.
    pub key_manager_name: String,
    /// That key manager's kind, e.g. `virtual-hsm`.
    pub key_manager_kind: String,
    /// `encrypt,decrypt`, `encrypt`, `decrypt` or `none`.
    pub usage: String,
    /// `enabled`, `disabled` or `pending-deletion`.
    pub state: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it will be destroyed, RFC 3339; absent unless it is pending deletion.
    pub deletion: Option<String>,
    /// Its versions, the one that encrypts first.
    pub versions: Vec<KeyVersionView>,
    /// Where it is bound, as `key store id/external key id`.
    pub bindings: Vec<String>,
}

/// A version of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyVersionView {
    /// Its tag, 8 hexadecimal digits.
    pub tag: String,
    /// How it encrypts.
    pub algorithm: String,
    /// How additional data and metadata become the AAD of its cipher: `spec`, `aws-sample` or `danger_raw`.
    pub framing: String,
    /// What its bytes are recognised by; absent for bytes that never left an HSM.
    pub fingerprint: Option<String>,
    /// What its object is found by in an HSM.
    pub object: Option<String>,
    /// Of a version that another product encrypted with, which only decrypts: the metadata that product
    /// wrote, hexadecimal.
    pub legacy_metadata: Option<String>,
    /// Encryptions counted against 2^32; absent where the format needs no count.
    pub encryptions: Option<u64>,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// A key store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStoreView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The raw text before `/kms/xks/v1`.
    pub path_prefix: String,
    /// The Region that signatures must name.
    pub region: Option<String>,
    /// The listeners that it is served on; absent is every one.
    pub listeners: Option<Vec<String>>,
    /// The client common names that it takes; absent is every one the listener takes.
    pub common_names: Option<Vec<String>>,
    /// Why it is blocked, if it is.
    pub blocked: Option<String>,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Its credentials.
    pub credentials: Vec<CredentialView>,
    /// Its external keys.
    pub bindings: Vec<BindingView>,
}

/// A credential, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialView {
    /// Its public part.
    pub access_key_id: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// From then on it opens nothing, RFC 3339.
    pub expires: Option<String>,
    /// When it was retired, RFC 3339.
    pub retired: Option<String>,
    /// When it was last used, to the second, RFC 3339.
    pub last_use: Option<String>,
}

/// An external key of a key store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingView {
    /// The external key id.
    pub external_key_id: String,
    /// The key.
    pub key: String,
    /// The key manager that holds it.
    pub key_manager: String,
    /// The claimed principals let in; absent is everybody.
    pub principals: Option<Vec<String>>,
    /// The callers' own keys let in; absent is every one.
    pub foreign_keys: Option<Vec<String>>,
    /// Why it is blocked, if it is.
    pub blocked: Option<String>,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// The root keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootsView {
    /// All of them, the current one first.
    pub roots: Vec<RootView>,
    /// Whether what depends on older ones is being sealed anew now.
    pub resealing: bool,
}

/// A root key, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootView {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// 1, 2, 3 …; the highest is current.
    pub number: u64,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Whether it is the one that seals. The others only open.
    pub current: bool,
    /// The kind of the seal that protects it.
    pub seal_kind: String,
    /// That seal's id.
    pub seal_id: String,
    /// The rows of the store that depend on it, by table.
    pub dependents: Vec<DependentView>,
}

/// The rows of one table that depend on one root key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependentView {
    /// The table.
    pub table: String,
    /// How many.
    pub rows: u64,
    /// The key of the first one.
    pub first: String,
}

impl std::fmt::Display for DependentView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, table, first) = (self.rows, &self.table, &self.first);
        let plural = if rows == 1 { "row" } else { "rows" };
        write!(f, "{rows} {plural} of {table}, first {first}")
    }
}

/// The seal in force, just changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealView {
    /// Its kind: `key-file`.
    pub kind: String,
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// Where it lies.
    pub place: String,
    /// Where the one before it lies, which opens backups made until now.
    pub previous: String,
}

/// A row or a thing that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// Where, e.g. `table warden_binding, row ks-…/key-1`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl AlarmView {
    pub(crate) fn of(refused: &seal::RowRefused) -> Self {
        Self {
            place: format!("table {}, row {}", refused.table, refused.row),
            problem: refused.reason.to_string(),
        }
    }
}

/// How the server fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// Whether requests can be served.
    pub ready: bool,
    /// Why not, or what to watch.
    pub reasons: Vec<String>,
    /// `serving` or `recovery-pending`.
    pub standing: String,
    /// The store's generation.
    pub generation: u64,
    /// Key stores.
    pub key_stores: usize,
    /// Keys, over all key managers.
    pub keys: usize,
    /// Key managers.
    pub key_managers: Vec<KeyManagerView>,
    /// Requests under way.
    pub in_flight: u32,
    /// Records in the log.
    pub log_records: u64,
    /// The log's chain value, hexadecimal: note it elsewhere to detect a cut-off tail.
    pub log_head: String,
    /// `writing`, `stalled` or `failing`, with details.
    pub log_state: String,
    /// Rows and things refused.
    pub alarms: Vec<AlarmView>,
}
