//! Everything that there is, in memory: what requests are answered from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crypto::SecretBytes;
use iam::{Policy, PolicyKind};

use super::Realm;
use super::grant::Grant;
use super::key::{Grants, Key, LastUsage, Material};
use super::record::{AliasRecord, Connection, Connectivity, CustomKeyStoreRecord, GrantRecord, KeyRecord};

/// A custom key store and its secret.
#[derive(Clone)]
pub(crate) struct CustomKeyStore {
    /// What outlives the process.
    pub(crate) record: Arc<CustomKeyStoreRecord>,
    /// The raw secret access key, as text; or the passwords of `kmsuser`.
    pub(crate) secret: Arc<SecretBytes>,
}

impl CustomKeyStore {
    /// Whether its keys can be used.
    pub(crate) fn is_connected(&self) -> bool {
        self.record.connection == Connection::Connected
    }

    /// Whether it is an external one whose proxy is reached without a VPC endpoint service.
    pub(crate) fn is_public(&self) -> bool {
        let proxy = self.record.proxy();
        proxy.is_some_and(|proxy| proxy.connectivity == Connectivity::PublicEndpoint)
    }
}

/// What is in one realm, in the order of listings.
#[derive(Default)]
pub(crate) struct Contents {
    /// Key ids.
    pub(crate) keys: BTreeSet<String>,
    /// By name, with its `alias/`.
    pub(crate) aliases: BTreeMap<String, Arc<AliasRecord>>,
    /// Custom key store ids.
    pub(crate) custom_key_stores: BTreeSet<String>,
}

/// Everything. A lookup by id or by alias is one or two hash lookups.
#[derive(Default)]
pub(crate) struct Model {
    keys: HashMap<String, Arc<Key>>,
    custom_key_stores: HashMap<String, Arc<CustomKeyStore>>,
    realms: HashMap<Realm, Contents>,
    /// Ids of the keys in each custom key store, by external key id or backing key id.
    keys_in_stores: HashMap<String, BTreeMap<String, String>>,
}

impl Model {
    /// A key by its id, in whatever account and Region.
    pub(crate) fn key(&self, id: &str) -> Option<&Arc<Key>> {
        self.keys.get(id)
    }

    /// All keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values()
    }

    /// An alias by its name.
    pub(crate) fn alias(&self, realm: &Realm, name: &str) -> Option<&Arc<AliasRecord>> {
        self.realms.get(realm)?.aliases.get(name)
    }

    /// A custom key store by its id, in whatever account and Region.
    pub(crate) fn custom_key_store(&self, id: &str) -> Option<&Arc<CustomKeyStore>> {
        self.custom_key_stores.get(id)
    }

    /// All custom key stores, in no order.
    pub(crate) fn custom_key_stores(&self) -> impl Iterator<Item = &Arc<CustomKeyStore>> {
        self.custom_key_stores.values()
    }

    /// What is in a realm.
    pub(crate) fn contents(&self, realm: &Realm) -> Option<&Contents> {
        self.realms.get(realm)
    }

    /// The ids of the keys of a custom key store, by the ids of their external keys or key objects.
    pub(crate) fn keys_of_store(&self, custom_key_store_id: &str) -> Option<&BTreeMap<String, String>> {
        self.keys_in_stores.get(custom_key_store_id)
    }

    pub(super) fn put_key(&mut self, record: Arc<KeyRecord>, usage: Option<LastUsage>) {
        if let Some(key) = self.keys.get_mut(record.id.as_str()) {
            let key = Arc::make_mut(key);
            if key.record.policy != record.policy {
                key.policy = policy(&record);
            }
            key.record = record;
            return;
        }
        let id = record.id.to_string();
        let contents = self.realm(&record.realm);
        contents.keys.insert(id.clone());
        if let Some((store, place)) = record.origin.place_in_store() {
            let keys = self.keys_in_stores.entry(store.to_owned()).or_default();
            keys.insert(place.to_owned(), id.clone());
        }
        let key = Key {
            arn: record.arn().to_string().into(),
            name: record.arn(),
            policy: policy(&record),
            encryptions: Arc::new(AtomicU64::new(record.encryptions)),
            record,
            materials: Arc::default(),
            aliases: Arc::default(),
            grants: Arc::default(),
            usage: Arc::new(usage.unwrap_or_default()),
        };
        self.keys.insert(id, Arc::new(key));
    }

    pub(super) fn put_material(&mut self, key: &str, material: Arc<Material>) {
        if let Some(key) = self.keys.get_mut(key) {
            let materials = Arc::make_mut(&mut Arc::make_mut(key).materials);
            materials.push(material);
            materials.sort_by_key(|material| material.record.sequence);
        }
    }

    /// Removes a key and all that belongs to it.
    pub(super) fn delete_key(&mut self, id: &str) {
        let Some(key) = self.keys.remove(id) else { return };
        let record = &key.record;
        let contents = self.realm(&record.realm);
        contents.keys.remove(id);
        for name in key.aliases.iter() {
            contents.aliases.remove(name);
        }
        if let Some((store, place)) = record.origin.place_in_store()
            && let Some(keys) = self.keys_in_stores.get_mut(store)
        {
            keys.remove(place);
        }
    }

    pub(super) fn put_alias(&mut self, alias: &Arc<AliasRecord>) {
        let contents = self.realm(&alias.realm);
        let before = contents.aliases.insert(alias.name.clone(), Arc::clone(alias));
        if let Some(before) = before {
            self.aliases_of(&before.target, |names| _ = names.remove(&before.name));
        }
        self.aliases_of(&alias.target, |names| _ = names.insert(alias.name.clone()));
    }

    pub(super) fn delete_alias(&mut self, realm: &Realm, name: &str) {
        let removed = self
            .realms
            .get_mut(realm)
            .and_then(|contents| contents.aliases.remove(name));
        if let Some(alias) = removed {
            self.aliases_of(&alias.target, |names| _ = names.remove(name));
        }
    }

    pub(super) fn put_grant(&mut self, grant: Arc<GrantRecord>) {
        let key = grant.key.clone();
        let grant = Arc::new(Grant::new(grant));
        self.grants_of(&key, |grants| grants.put(grant));
    }

    pub(super) fn delete_grant(&mut self, key: &str, id: &str) {
        self.grants_of(key, |grants| grants.remove(id));
    }

    pub(super) fn put_custom_key_store(&mut self, store: CustomKeyStore) {
        let record = &store.record;
        let contents = self.realm(&record.realm);
        contents.custom_key_stores.insert(record.id.clone());
        self.custom_key_stores.insert(record.id.clone(), Arc::new(store));
    }

    pub(super) fn delete_custom_key_store(&mut self, id: &str) {
        if let Some(store) = self.custom_key_stores.remove(id) {
            let contents = self.realm(&store.record.realm);
            contents.custom_key_stores.remove(id);
        }
    }

    fn realm(&mut self, realm: &Realm) -> &mut Contents {
        self.realms.entry(realm.clone()).or_default()
    }

    fn aliases_of(&mut self, key: &str, change: impl FnOnce(&mut BTreeSet<String>)) {
        if let Some(key) = self.keys.get_mut(key) {
            change(Arc::make_mut(&mut Arc::make_mut(key).aliases));
        }
    }

    /// In place where nobody looks at the key right now, else on a copy.
    fn grants_of(&mut self, key: &str, change: impl FnOnce(&mut Grants)) {
        if let Some(key) = self.keys.get_mut(key) {
            change(Arc::make_mut(&mut Arc::make_mut(key).grants));
        }
    }
}

/// The policy of a key's row. It was checked when it was put; one that is refused now says nothing
/// to anybody.
fn policy(record: &KeyRecord) -> Option<Arc<Policy>> {
    match Policy::parse(&record.policy, PolicyKind::Key) {
        Ok(policy) => Some(Arc::new(policy)),
        Err(error) => {
            tracing::error!(key = %record.arn(), %error, "a key policy does not evaluate: nobody may use its key");
            None
        }
    }
}
