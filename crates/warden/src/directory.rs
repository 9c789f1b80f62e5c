//! The immutable snapshot that the request path reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use ambient::Timestamp;
use crypto::SecretBytes;
use foldhash::HashMap;
use key_manager::{KeyDescription, KeyId, KeyManager, KeyManagerError, KeyState, ManagerId, Name, Opened};
use policy::{Callers, Facts};

use crate::admission::StoreLoad;
use crate::last_use::LastUse;
use crate::manifest::Noted;
use crate::view::AlarmView;
use crate::{FailureKind, KeyStoreId};

/// Whether keys may be used at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// As usual.
    #[default]
    Serving,
    /// The store is older than its log (a restored backup): nothing is answered until an
    /// administrator acknowledges the recovery, for a block may have been lost with it.
    RecoveryPending,
    /// The root keys are about to leave the memory: no answer leaves any more.
    Sealed,
}

/// Everything that the request path needs to know, at one generation of the store. Replaced as a
/// whole by every administrative act.
#[derive(Clone, Default)]
pub struct Directory {
    pub(crate) standing: Standing,
    pub(crate) generation: u64,
    pub(crate) by_prefix: HashMap<Box<str>, Arc<KeyStore>>,
    pub(crate) managers: HashMap<ManagerId, Opened>,
    /// What was done to keys, whatever their key manager says.
    pub(crate) noted: HashMap<KeyId, Noted>,
    pub(crate) alarms: Vec<AlarmView>,
}

impl Directory {
    /// Whether keys may be used at all.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Refuses unless keys may be used.
    pub(crate) const fn check_standing(&self) -> Result<(), FailureKind> {
        match self.standing {
            Standing::Serving => Ok(()),
            Standing::RecoveryPending => Err(FailureKind::RecoveryPending),
            Standing::Sealed => Err(FailureKind::Sealed),
        }
    }

    /// The store's generation that this was read at.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The key store of a path prefix, matched exactly on raw bytes (XKS-URI-08).
    pub fn key_store(&self, path_prefix: &str) -> Option<&Arc<KeyStore>> {
        self.by_prefix.get(path_prefix)
    }

    /// All key stores, in no order.
    pub fn key_stores(&self) -> impl Iterator<Item = &Arc<KeyStore>> {
        self.by_prefix.values()
    }

    /// A key store of an earlier snapshot, as it is in this one. It is gone if its row was refused.
    pub(crate) fn same_key_store(&self, earlier: &KeyStore) -> Result<&Arc<KeyStore>, FailureKind> {
        self.key_store(&earlier.path_prefix)
            .filter(|now| now.id == earlier.id)
            .ok_or(FailureKind::UnknownExternalKey)
    }

    /// A key store by id, else by name.
    pub(crate) fn find_key_store(&self, reference: &str) -> Option<&Arc<KeyStore>> {
        let by_id = self.key_stores().find(|store| store.id.as_str() == reference);
        by_id.or_else(|| self.key_stores().find(|store| store.name.as_str() == reference))
    }

    /// A key manager by id, else by name.
    pub(crate) fn find_manager(&self, reference: &str) -> Option<&Opened> {
        let by_id = ManagerId::parse(reference)
            .ok()
            .and_then(|id| self.managers.get(&id));
        by_id.or_else(|| {
            let mut all = self.managers.values();
            all.find(|opened| opened.description.name.as_str() == reference)
        })
    }

    /// The state that a key is in, which is the stricter of what its key manager and what the
    /// manifest say.
    pub(crate) fn state_of(&self, key: &KeyDescription) -> KeyState {
        Noted::stricter(self.noted.get(&key.id).copied(), key.state)
    }

    /// When a key will be destroyed, if both its key manager and the manifest say that it will.
    pub(crate) fn deletion_of(&self, key: &KeyDescription) -> Option<Timestamp> {
        Noted::deletion(self.noted.get(&key.id).copied(), key)
    }

    /// The keys whose waiting period is over.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<(Opened, KeyId)> {
        let keys = self.managers.values().flat_map(|opened| {
            let keys = opened.lifecycle.list().into_iter();
            keys.map(move |key| (opened, key))
        });
        keys.filter(|(_, key)| self.deletion_of(key).is_some_and(|at| at <= now))
            .map(|(opened, key)| (opened.clone(), key.id.clone()))
            .collect()
    }

    /// A key by id, or by name where that is unambiguous over all key managers.
    pub(crate) fn find_key(&self, reference: &str) -> Result<(&Opened, Arc<KeyDescription>), FindKey> {
        let mut found = None;
        for opened in self.managers.values() {
            if let Ok(id) = KeyId::parse(reference) {
                if let Ok(key) = opened.manager.describe(&id) {
                    return Ok((opened, key));
                }
                continue;
            }
            for key in opened.lifecycle.list() {
                if key.name.as_str() == reference && found.replace((opened, key)).is_some() {
                    return Err(FindKey::Ambiguous);
                }
            }
        }
        found.ok_or(FindKey::Unknown)
    }
}

/// Why a reference names no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FindKey {
    Unknown,
    Ambiguous,
}

/// An external key store: what AWS registers, and all that it can reach.
pub struct KeyStore {
    /// Its id.
    pub id: KeyStoreId,
    /// What people call it.
    pub name: Name,
    /// The raw text before `/kms/xks/v1` in its URIs; empty if there is none.
    pub path_prefix: Box<str>,
    /// The Region that signatures must name; `None` takes any.
    pub region: Option<Box<str>>,
    /// The listeners that it is served on; `None` is every one.
    pub listeners: Option<Box<[Box<str>]>>,
    /// The client common names that it takes; `None` is every one that the listener takes.
    pub common_names: Option<Box<[Box<str>]>>,
    /// When it was made.
    pub created: Timestamp,
    pub(crate) blocked: Option<Box<str>>,
    pub(crate) credentials: HashMap<Box<str>, Arc<Credential>>,
    pub(crate) bindings: HashMap<Box<str>, Arc<Binding>>,
    pub(crate) load: Arc<StoreLoad>,
}

impl KeyStore {
    /// The credential of an access key id, if it is one of this key store's, neither retired nor
    /// expired.
    pub fn credential(&self, access_key_id: &str, now: Timestamp) -> Option<&Arc<Credential>> {
        let credential = self.credentials.get(access_key_id)?;
        credential
            .expires
            .is_none_or(|expires| now < expires)
            .then_some(credential)
    }

    /// Its credentials that were not retired, expired ones included, in no order; for a front to make
    /// them ready for use whenever the directory changes.
    pub fn credentials(&self) -> impl Iterator<Item = &Arc<Credential>> {
        self.credentials.values()
    }

    /// Whether its switch was thrown.
    pub const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Whether a listener serves it.
    pub fn is_served_on(&self, listener: &str) -> bool {
        self.listeners
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| &**name == listener))
    }

    /// Whether it takes a client of this verified common name (`None`: no client certificate).
    pub fn takes_common_name(&self, common_name: Option<&str>) -> bool {
        self.common_names
            .as_ref()
            .is_none_or(|names| common_name.is_some_and(|given| names.iter().any(|name| &**name == given)))
    }

    pub(crate) fn binding(&self, external_key_id: &str) -> Option<&Arc<Binding>> {
        self.bindings.get(external_key_id)
    }

    /// The key managers that its external keys live in; `None` for one that could not be opened.
    pub(crate) fn managers(&self) -> BTreeMap<ManagerId, Option<Arc<dyn KeyManager>>> {
        let of = |binding: &Arc<Binding>| (binding.manager_id.clone(), binding.manager.clone());
        self.bindings.values().map(of).collect()
    }
}

/// A SigV4 credential of one key store.
pub struct Credential {
    /// Public part.
    pub access_key_id: Box<str>,
    /// The secret string's bytes, which key the HMAC as they are.
    pub secret: SecretBytes,
    /// From then on it opens nothing.
    pub expires: Option<Timestamp>,
    pub(crate) last_use: Arc<LastUse>,
}

/// One external key of one key store.
pub struct Binding {
    pub(crate) external_key_id: Box<str>,
    pub(crate) key: KeyId,
    pub(crate) manager_id: ManagerId,
    /// What was done to the key, whatever its key manager says.
    pub(crate) noted: Option<Noted>,
    /// `None` while the key manager could not be opened: the binding is there, its key is not.
    pub(crate) manager: Option<Arc<dyn KeyManager>>,
    pub(crate) principals: Callers,
    pub(crate) foreign_keys: Callers,
    pub(crate) blocked: Option<Box<str>>,
    pub(crate) created: Timestamp,
}

impl Binding {
    /// The key manager, if it could be opened.
    pub(crate) fn manager(&self) -> Result<&Arc<dyn KeyManager>, KeyManagerError> {
        let absent = || KeyManagerError::Unavailable(format!("key manager {} is not open", self.manager_id));
        self.manager.as_ref().ok_or_else(absent)
    }

    /// What the key manager knows of the key, in the stricter of the two states.
    pub(crate) fn describe(&self) -> Result<Arc<KeyDescription>, KeyManagerError> {
        let known = self.manager()?.describe(&self.key)?;
        let state = Noted::stricter(self.noted, known.state);
        if state == known.state {
            return Ok(known);
        }
        Ok(Arc::new(KeyDescription {
            state,
            ..KeyDescription::clone(&known)
        }))
    }

    /// What policy is to know.
    pub(crate) fn facts<'a>(&'a self, store: &KeyStore, key: &KeyDescription) -> Facts<'a> {
        Facts {
            key_store_blocked: store.is_blocked(),
            binding_blocked: self.blocked.is_some(),
            principals: &self.principals,
            foreign_keys: &self.foreign_keys,
            key: match Noted::stricter(self.noted, key.state) {
                KeyState::Enabled => policy::KeyState::Enabled,
                KeyState::Disabled => policy::KeyState::Disabled,
                KeyState::PendingDeletion => policy::KeyState::PendingDeletion,
            },
            may_encrypt: key.usage.encrypt,
            may_decrypt: key.usage.decrypt,
        }
    }
}
