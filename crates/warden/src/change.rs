//! Administrative acts, exactly described: what the intent record says and, later, what approvers
//! sign.

use std::fmt;

use ambient::{Random, RandomUnavailable};
use serde::{Deserialize, Serialize};

/// Names one administrative act; intent and outcome share it. `chg-` and 24 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(String);

impl ChangeId {
    pub(crate) fn generate(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self(format!("chg-{}", crypto::hex(&random.bytes::<12>()?))))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One administrative act with everything that decides what it does, and no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields are the terms of the domain, named as everywhere else"
)]
pub enum Change {
    /// Make a key manager.
    CreateKeyManager {
        key_manager: String,
        kind: String,
        name: String,
    },
    /// Make a key.
    CreateKey {
        key_manager: String,
        key: String,
        name: String,
        usage: String,
    },
    /// Enable or disable a key.
    SetKeyState {
        key_manager: String,
        key: String,
        state: String,
    },
    /// Make a new version of a key, which encrypts from then on. `from_version` is the tag of the one
    /// that encrypted before.
    RotateKey {
        key_manager: String,
        key: String,
        from_version: String,
    },
    /// Take over a key object of an HSM.
    AdoptKey {
        key_manager: String,
        key: String,
        name: String,
        usage: String,
        label: Option<String>,
        object_id: Option<String>,
        legacy_framing: Option<String>,
        legacy_metadata: Option<String>,
        encrypt_with: String,
        count_from: Option<u64>,
    },
    /// End every use of a key, and destroy it at `deletion` (in microseconds since 1970).
    ScheduleKeyDeletion {
        key_manager: String,
        key: String,
        deletion: u64,
    },
    /// Keep a key that is pending deletion.
    CancelKeyDeletion { key_manager: String, key: String },
    /// Destroy a key whose waiting period is over.
    DestroyKey { key_manager: String, key: String },
    /// Make a key store.
    CreateKeyStore {
        key_store: String,
        name: String,
        path_prefix: String,
        region: Option<String>,
        listeners: Option<Vec<String>>,
        common_names: Option<Vec<String>>,
    },
    /// Let a key store see a key under an external key id.
    Bind {
        key_store: String,
        external_key_id: String,
        key_manager: String,
        key: String,
        principals: Option<Vec<String>>,
        foreign_keys: Option<Vec<String>>,
    },
    /// Throw a key store's switch, or that of one of its external keys.
    Block {
        key_store: String,
        external_key_id: Option<String>,
        reason: String,
    },
    /// Take a block back.
    Unblock {
        key_store: String,
        external_key_id: Option<String>,
    },
    /// Add a credential (without its secret; expiry in microseconds since 1970).
    AddCredential {
        key_store: String,
        access_key_id: String,
        expires: Option<u64>,
    },
    /// Retire a credential for good.
    RetireCredential {
        key_store: String,
        access_key_id: String,
    },
    /// Make a new root key, current from then on.
    RotateRoot { root: String },
    /// Delete an older root key for good.
    RetireRoot { root: String },
    /// Protect the root keys by a new seal.
    ChangeSeal { kind: String, seal: String },
    /// Replace a key manager's key-encryption key.
    RotateKeyEncryptionKey {
        key_manager: String,
        key_encryption_key: String,
    },
    /// Accept that the store is older than its log.
    AcknowledgeRecovery {
        store_generation: u64,
        log_generation: u64,
    },
}
