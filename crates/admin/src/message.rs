//! What the management API says beside [`warden::view`]: requests, and answers that are not views.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | GET `/v1/status` | – | [`Status`] |
//! | GET, POST `/v1/key-managers` | [`NewKeyManager`] | [`KeyManagerView`](warden::view::KeyManagerView) |
//! | GET, POST `/v1/keys` | [`NewKey`] | [`KeyView`](warden::view::KeyView) |
//! | GET `/v1/keys/{key}` | – | [`KeyView`](warden::view::KeyView) |
//! | POST `/v1/keys/{key}/enable`, `…/disable`, `…/rotate` | – | [`KeyView`](warden::view::KeyView) |
//! | POST `/v1/keys/{key}/schedule-deletion` | [`ScheduleDeletion`] | [`KeyView`](warden::view::KeyView) |
//! | POST `/v1/keys/{key}/cancel-deletion` | – | [`KeyView`](warden::view::KeyView) |
//! | POST `/v1/key-managers/{manager}/adopt` | [`AdoptKey`] | [`KeyView`](warden::view::KeyView) |
//! | GET, POST `/v1/key-stores` | [`NewKeyStore`] | [`KeyStore`] |
//! | GET `/v1/key-stores/{store}` | – | [`KeyStore`] |
//! | POST `/v1/key-stores/{store}/bindings` | [`NewBinding`] | [`KeyStore`] |
//! | POST `/v1/key-stores/{store}/block` | [`Block`] | [`KeyStore`] |
//! | POST `/v1/key-stores/{store}/unblock` | [`Unblock`] | [`KeyStore`] |
//! | GET, POST `/v1/key-stores/{store}/credentials` | [`NewCredential`] | [`IssuedCredential`] |
//! | POST `/v1/key-stores/{store}/credentials/{id}/retire` | – | [`CredentialView`](warden::view::CredentialView) |
//! | POST `/v1/key-managers/{manager}/rotate-kek` | – | [`KeyManagerView`](warden::view::KeyManagerView) |
//! | GET `/v1/roots` | – | [`RootsView`](warden::view::RootsView) |
//! | POST `/v1/roots/rotate`, `/v1/roots/{id}/retire` | – | [`RootsView`](warden::view::RootsView) |
//! | POST `/v1/seal/change` | [`ChangeSeal`] | [`SealView`](warden::view::SealView) |
//! | POST `/v1/recovery/acknowledge` | – | [`Status`] |
//!
//! `{key}` and `{store}` are ids or names. A GET of a collection answers an array. A missing body
//! is an empty object. Unknown members are refused.

use serde::{Deserialize, Serialize};
use warden::view::{KeyStoreView, StatusView};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{NodeStatus, SealStatus};

/// A key manager to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKeyManager {
    /// What kind; `virtual-hsm` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What to call it.
    pub name: String,
}

/// A key to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// Id or name of the key manager that makes and keeps it.
    pub key_manager: String,
    /// The kind that the key manager must be of, e.g. `virtual-hsm`; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What to call it.
    pub name: String,
    /// `encrypt,decrypt`, `encrypt`, `decrypt` or `none`; the first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

/// A key object of an HSM to be taken over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptKey {
    /// What to call the key.
    pub name: String,
    /// As [`NewKey::usage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The object's label (`CKA_LABEL`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The object's id (`CKA_ID`), hexadecimal. One of the two, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// How another product framed what it encrypted with the object and must still decrypt: `aws-sample`,
    /// `spec` or `danger_raw`; nothing if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_framing: Option<String>,
    /// The ciphertext metadata that it wrote, hexadecimal; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_metadata: Option<String>,
    /// `new-object` or `same-object`: what encrypts from now on. If absent, the first with a legacy framing,
    /// the second without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_with: Option<String>,
    /// What the same object may have encrypted until now, 2^31 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_from: Option<u64>,
}

/// The end of a key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleDeletion {
    /// The waiting period in seconds; 30 days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u64>,
}

/// A key store to be made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKeyStore {
    /// What to call it.
    pub name: String,
    /// What stands before `/kms/xks/v1`, e.g. `/example`, or empty; random if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// The only Region that signatures may name; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Names of the listeners that serve it; every XKS listener if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<String>>,
    /// Client certificate common names that it takes; whatever the listener takes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_names: Option<Vec<String>>,
}

/// A key store, and what AWS KMS must be told about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStore {
    /// `XksProxyUriPath` for KMS's CreateCustomKeyStore.
    pub uri_path: String,
    /// The key store itself.
    #[serde(flatten)]
    pub view: KeyStoreView,
}

/// A key to be bound to a key store.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBinding {
    /// Id or name of the key.
    pub key: String,
    /// What KMS calls it (`XksKeyId`); random if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_key_id: Option<String>,
    /// ARN patterns of callers let in; everybody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<String>>,
    /// ARN patterns of KMS keys let in; every one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_keys: Option<Vec<String>>,
}

/// A switch to be thrown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Only this external key; the whole key store if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_key_id: Option<String>,
    /// Why, for the audit log: 1 to 512 bytes on one line.
    pub reason: String,
}

/// A switch to be thrown back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unblock {
    /// Only this external key; the whole key store if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_key_id: Option<String>,
}

/// A credential to be added: generated, unless `import` brings one.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// When it ends: RFC 3339 with an offset, e.g. `2027-01-31T00:00:00Z`; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// One that exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportedCredential>,
}

/// A credential that was made elsewhere. Wiped on drop; no `Debug`.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct ImportedCredential {
    /// 20 to 30 characters of A-Z 2-7 (XKS-CRED-02).
    pub access_key_id: String,
    /// 43 to 64 characters of A-Z a-z 0-9 + / = (XKS-CRED-01).
    pub secret_access_key: String,
}

/// A credential that was just added. Wiped on drop; no `Debug`.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct IssuedCredential {
    /// The key store's id.
    pub key_store: String,
    /// `XksProxyUriPath`, for the KMS console's file.
    pub uri_path: String,
    /// The public part.
    pub access_key_id: String,
    /// The secret, if it was generated: only this answer ever has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
    /// When it ends, RFC 3339.
    pub expires: Option<String>,
}

/// A change of the seal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeSeal {
    /// Of what kind the new one is to be: `key-file`, `hsm`; the kind in force if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// How the server fares. Actors see everything, others only `ready` and `version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether requests can be served.
    pub ready: bool,
    /// The release.
    pub version: String,
    /// Whom the server takes the caller for: `name (role)`; absent if for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// This node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeStatus>,
    /// What protects the root keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealStatus>,
    /// Keys, log and store; absent while sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warden: Option<StatusView>,
}
