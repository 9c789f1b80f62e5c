//! Key stores, their external keys, and the switch.

use std::sync::Arc;

use policy::Callers;

use super::keys::{find_key, own_name};
use crate::rows::{BindingRow, KeyStoreRow, TaggedRow};
use crate::view::{BindingView, KeyStoreView};
use crate::{Actor, Change, KeyStoreId, ManageError, Warden};

/// A key store to be made. The grammar of prefix, Region and names is the front's to check.
#[derive(Clone, Debug)]
pub struct NewKeyStore {
    /// What people call it.
    pub name: String,
    /// The raw text before `/kms/xks/v1`, unique.
    pub path_prefix: String,
    /// The Region that signatures must name; `None` takes any.
    pub region: Option<String>,
    /// The listeners that serve it; `None` is every one.
    pub listeners: Option<Vec<String>>,
    /// The client common names that it takes; `None` is every one the listener takes.
    pub common_names: Option<Vec<String>>,
}

/// An external key to be made.
#[derive(Clone, Debug)]
pub struct NewBinding {
    /// What callers call the key, unique in the key store.
    pub external_key_id: String,
    /// The key, by id or name.
    pub key: String,
    /// The claimed principals to let in; `None` is everybody.
    pub principals: Option<Vec<String>>,
    /// The callers' own keys to let in; `None` is every one.
    pub foreign_keys: Option<Vec<String>>,
}

impl Warden {
    /// Makes a key store, with no credential and no key yet.
    pub async fn create_key_store(
        self: &Arc<Self>,
        actor: &Actor,
        new: NewKeyStore,
    ) -> Result<KeyStoreView, ManageError> {
        let name = own_name(&new.name)?;
        let id = KeyStoreId::generate(&*self.random)?;
        let change = Change::CreateKeyStore {
            key_store: id.to_string(),
            name: name.to_string(),
            path_prefix: new.path_prefix.clone(),
            region: new.region.clone(),
            listeners: new.listeners.clone(),
            common_names: new.common_names.clone(),
        };
        let row = KeyStoreRow {
            id: id.to_string(),
            name: name.to_string(),
            path_prefix: new.path_prefix,
            region: new.region,
            listeners: json(new.listeners),
            common_names: json(new.common_names),
            blocked: None,
            created: self.clerk.clock.now().as_micros(),
            generation: 0,
        };
        self.change(actor, change, move |warden, change| async move {
            let taken = |what, name: &str| ManageError::Exists {
                what,
                name: name.to_owned(),
            };
            let mut edit = warden.edit(&change).await?;
            for known in edit.rows::<KeyStoreRow>().await? {
                if known.name == row.name {
                    return Err(taken("key store", &row.name));
                }
                if known.path_prefix == row.path_prefix {
                    return Err(taken("key store with the path prefix", &row.path_prefix));
                }
            }
            edit.insert(row).await?;
            edit.commit().await
        })
        .await?;
        self.key_store(id.as_str()).await
    }

    /// All key stores, by name.
    pub async fn key_stores(&self) -> Result<Vec<KeyStoreView>, ManageError> {
        let mut references: Vec<_> = {
            let directory = self.directory.load();
            directory
                .key_stores()
                .map(|store| (store.name.clone(), store.id.clone()))
                .collect()
        };
        references.sort();
        let mut all = Vec::with_capacity(references.len());
        for (_, id) in references {
            all.push(self.key_store(id.as_str()).await?);
        }
        Ok(all)
    }

    /// One key store, by id or name.
    pub async fn key_store(&self, reference: &str) -> Result<KeyStoreView, ManageError> {
        let store = self.find_key_store(reference)?;
        let owned = |list: &Option<Box<[Box<str>]>>| {
            list.as_ref()
                .map(|list| list.iter().map(|text| text.to_string()).collect())
        };
        let patterns = |callers: &Callers| match callers {
            Callers::Any => None,
            Callers::Only(patterns) => Some(patterns.iter().map(|p| p.as_str().to_owned()).collect()),
        };
        let mut bindings: Vec<_> = store.bindings.values().collect();
        bindings.sort_by(|a, b| a.external_key_id.cmp(&b.external_key_id));
        let bindings = bindings.into_iter().map(|binding| BindingView {
            external_key_id: binding.external_key_id.to_string(),
            key: binding.key.to_string(),
            key_manager: binding.manager_id.to_string(),
            principals: patterns(&binding.principals),
            foreign_keys: patterns(&binding.foreign_keys),
            blocked: binding.blocked.as_deref().map(str::to_owned),
            created: binding.created.to_string(),
        });
        Ok(KeyStoreView {
            id: store.id.to_string(),
            name: store.name.to_string(),
            path_prefix: store.path_prefix.to_string(),
            region: store.region.as_deref().map(str::to_owned),
            listeners: owned(&store.listeners),
            common_names: owned(&store.common_names),
            blocked: store.blocked.as_deref().map(str::to_owned),
            created: store.created.to_string(),
            bindings: bindings.collect(),
            credentials: self.credential_views(&store).await?,
        })
    }

    /// Lets a key store see a key under an external key id. Sharing a key between key stores is
    /// done here, explicitly, once for each.
    pub async fn bind(
        self: &Arc<Self>,
        actor: &Actor,
        key_store: &str,
        new: NewBinding,
    ) -> Result<KeyStoreView, ManageError> {
        let store = self.find_key_store(key_store)?;
        for list in [&new.principals, &new.foreign_keys].into_iter().flatten() {
            Callers::only(list.iter().map(String::as_str))?;
        }
        let row = {
            let directory = self.directory.load();
            let (opened, key) = find_key(&directory, &new.key)?;
            BindingRow {
                key_store: store.id.to_string(),
                external_key_id: new.external_key_id.clone(),
                key_id: key.id.to_string(),
                manager: opened.description.id.to_string(),
                principals: json(new.principals.clone()),
                foreign_keys: json(new.foreign_keys.clone()),
                blocked: None,
                created: self.clerk.clock.now().as_micros(),
                generation: 0,
            }
        };
        let change = Change::Bind {
            key_store: store.id.to_string(),
            external_key_id: new.external_key_id,
            key_manager: row.manager.clone(),
            key: row.key_id.clone(),
            principals: new.principals,
            foreign_keys: new.foreign_keys,
        };
        let id = store.id.clone();
        self.change(actor, change, move |warden, change| async move {
            let mut edit = warden.edit(&change).await?;
            if edit.knows::<BindingRow>(&row.key()) {
                return Err(ManageError::Exists {
                    what: "external key",
                    name: row.external_key_id,
                });
            }
            edit.insert(row).await?;
            edit.commit().await
        })
        .await?;
        self.key_store(id.as_str()).await
    }

    /// Throws the switch of a key store, or of one of its external keys: in force for every answer
    /// that was not yet released when this returns, and after every restart.
    pub async fn block(
        self: &Arc<Self>,
        actor: &Actor,
        key_store: &str,
        external_key_id: Option<&str>,
        reason: &str,
    ) -> Result<KeyStoreView, ManageError> {
        if !(1..=512).contains(&reason.len()) {
            return Err(ManageError::Invalid(
                "a block needs a reason of 1 to 512 bytes".to_owned(),
            ));
        }
        let store = self.find_key_store(key_store)?;
        let change = Change::Block {
            key_store: store.id.to_string(),
            external_key_id: external_key_id.map(str::to_owned),
            reason: reason.to_owned(),
        };
        self.switch(
            actor,
            change,
            store.id.clone(),
            external_key_id,
            Some(reason.to_owned()),
        )
        .await
    }

    /// Takes a block back.
    pub async fn unblock(
        self: &Arc<Self>,
        actor: &Actor,
        key_store: &str,
        external_key_id: Option<&str>,
    ) -> Result<KeyStoreView, ManageError> {
        let store = self.find_key_store(key_store)?;
        let change = Change::Unblock {
            key_store: store.id.to_string(),
            external_key_id: external_key_id.map(str::to_owned),
        };
        self.switch(actor, change, store.id.clone(), external_key_id, None)
            .await
    }

    async fn switch(
        self: &Arc<Self>,
        actor: &Actor,
        change: Change,
        id: KeyStoreId,
        external_key_id: Option<&str>,
        blocked: Option<String>,
    ) -> Result<KeyStoreView, ManageError> {
        let external_key_id = external_key_id.map(str::to_owned);
        let store = id.clone();
        self.change(actor, change, move |warden, change| async move {
            let mut edit = warden.edit(&change).await?;
            match external_key_id {
                None => {
                    let mut rows = edit.rows::<KeyStoreRow>().await?.into_iter();
                    let row = rows.find(|row| row.id == store.as_str());
                    let row = row.ok_or_else(|| ManageError::not_found("key store", store.as_str()))?;
                    edit.update(KeyStoreRow { blocked, ..row }).await?;
                }
                Some(external) => {
                    let key = BindingRow::key_of(store.as_str(), &external);
                    let mut rows = edit.rows::<BindingRow>().await?.into_iter();
                    let row = rows.find(|row| row.key() == key);
                    let row = row.ok_or_else(|| ManageError::not_found("external key", &external))?;
                    edit.update(BindingRow { blocked, ..row }).await?;
                }
            }
            edit.commit().await
        })
        .await?;
        self.key_store(id.as_str()).await
    }

    pub(super) fn find_key_store(&self, reference: &str) -> Result<Arc<crate::KeyStore>, ManageError> {
        let directory = self.directory.load();
        let found = directory.find_key_store(reference).map(Arc::clone);
        found.ok_or_else(|| ManageError::not_found("key store", reference))
    }
}

/// As [`crate::load`] reads it. A list of texts always serialises.
fn json(list: Option<Vec<String>>) -> Option<String> {
    list.map(|list| serde_json::to_string(&list).unwrap_or_default())
}
