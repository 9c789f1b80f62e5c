//! Credentials made ready for SigV4: what `sigv4` needs of each key store and credential, prepared
//! whenever the warden's directory changes.
//!
//! It is prepared for all of them at once and not on first use: preparing a known credential inside
//! a request would take time that an unknown one does not, and tell them apart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use crypto::constant_time_eq;
use foldhash::HashMap;
use sigv4::{HostNames, Rules, SecretAccessKey};
use warden::{Credential, Directory, KeyStore, KeyStoreId};

/// The credentials of the newest directory, ready for use.
pub(crate) struct Secrets {
    index: ArcSwap<Index>,
    /// Held while an index is made, so that it is made once.
    making: Mutex<Making>,
}

/// What the next index is made with.
struct Making {
    hosts: HostNames,
    /// While sealed none is made: a request that was under way when the seal fell must not bring
    /// the secrets back.
    sealed: bool,
}

/// The credentials of one directory.
#[derive(Default)]
pub(crate) struct Index {
    /// What this was made from.
    directory: Option<Arc<Directory>>,
    stores: HashMap<KeyStoreId, Prepared>,
}

/// One key store.
pub(crate) struct Prepared {
    /// What its signatures must fulfil.
    pub(crate) rules: Rules,
    secrets: HashMap<Box<str>, Arc<Secret>>,
}

/// One credential. What `sigv4` derived for it lives inside the secret and dies with it.
struct Secret {
    credential: Arc<Credential>,
    key: SecretAccessKey,
}

impl Secrets {
    /// Sealed until [`Secrets::unseal`].
    pub(crate) fn sealed(hosts: HostNames) -> Self {
        Self {
            index: ArcSwap::default(),
            making: Mutex::new(Making { hosts, sealed: true }),
        }
    }

    fn making(&self) -> MutexGuard<'_, Making> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of this directory; made now, if the directory is newer than the last index. Empty
    /// while sealed.
    pub(crate) fn of(&self, directory: &Arc<Directory>) -> Guard<Arc<Index>> {
        let index = self.index.load();
        if index.is_of(directory) {
            return index;
        }
        drop(index);
        let making = self.making();
        let old = self.index.load();
        if old.is_of(directory) || making.sealed {
            return old;
        }
        let new = Arc::new(Index::make(directory, &old, &making.hosts));
        self.index.store(Arc::clone(&new));
        Guard::from_inner(new)
    }

    /// Takes over other host names, for every request that is authenticated from now on.
    pub(crate) fn set_hosts(&self, new: HostNames) {
        let mut making = self.making();
        making.hosts = new;
        let old = self.index.load_full();
        if let Some(directory) = &old.directory {
            let new = Index::make(directory, &old, &making.hosts);
            self.index.store(Arc::new(new));
        }
    }

    /// Makes indexes from now on.
    pub(crate) fn unseal(&self) {
        self.making().sealed = false;
    }

    /// Drops every secret, and makes none ready until [`Secrets::unseal`].
    pub(crate) fn seal(&self) {
        let mut making = self.making();
        making.sealed = true;
        self.index.store(Arc::default());
    }
}

impl Index {
    fn is_of(&self, directory: &Arc<Directory>) -> bool {
        self.directory
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, directory))
    }

    fn make(directory: &Arc<Directory>, old: &Self, hosts: &HostNames) -> Self {
        let prepare = |store: &Arc<KeyStore>| {
            let mut rules = Rules::new(xks_api::SIGNING_SERVICE);
            rules.region.clone_from(&store.region);
            rules.hosts = hosts.clone();
            let known = old.stores.get(&store.id);
            let secrets = store
                .credentials()
                .map(|credential| {
                    let kept = known.and_then(|known| known.kept(credential));
                    let secret = kept.unwrap_or_else(|| Arc::new(Secret::new(credential)));
                    (credential.access_key_id.clone(), secret)
                })
                .collect();
            (store.id.clone(), Prepared { rules, secrets })
        };
        Self {
            directory: Some(Arc::clone(directory)),
            stores: directory.key_stores().map(prepare).collect(),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.directory.is_none() && self.stores.is_empty()
    }

    pub(crate) fn store(&self, id: &KeyStoreId) -> Option<&Prepared> {
        self.stores.get(id)
    }
}

impl Prepared {
    /// The ready secret of an access key id of this key store. Whether it has expired, the key store
    /// knows.
    pub(crate) fn secret(&self, access_key_id: &str) -> Option<&SecretAccessKey> {
        self.secrets.get(access_key_id).map(|secret| &secret.key)
    }

    /// The secret as it was, with what was derived for it, if the credential did not change.
    fn kept(&self, credential: &Credential) -> Option<Arc<Secret>> {
        let kept = self.secrets.get(&credential.access_key_id)?;
        let same = constant_time_eq(kept.credential.secret.expose(), credential.secret.expose());
        same.then(|| Arc::clone(kept))
    }
}

impl Secret {
    fn new(credential: &Arc<Credential>) -> Self {
        Self {
            key: SecretAccessKey::from_bytes(credential.secret.expose()),
            credential: Arc::clone(credential),
        }
    }
}
