//! A change: one transaction, durable before memory shows it.

use std::sync::{Arc, PoisonError};

use crypto::{Key256, SecretBytes};
use seal::{RowRefusal, RowRefused};
use tokio::sync::OwnedMutexGuard;

use super::key::{Material, MaterialId};
use super::load::{DELETE_USAGE, secret_context};
use super::manifest::{Manifest, Touched};
use super::model::CustomKeyStore;
use super::record::{AliasRecord, CustomKeyStoreRecord, GrantRecord, KeyRecord, MaterialRecord, to_content};
use super::table::{StoredRow, Table};
use super::{Inner, Model, Realm, State, StateError};

/// The store's counter is not authenticated. Beyond this distance somebody else has moved it.
const MAX_STEP: u64 = 1 << 32;

/// A change under way: nobody else changes anything until it is committed or dropped. What is put
/// into it shows in [`State::read`] only after [`Edit::commit`].
#[must_use = "a change that is not committed never happened"]
pub(crate) struct Edit {
    state: State,
    manifest: OwnedMutexGuard<Manifest>,
    rows: Vec<(Table, Written)>,
    effects: Vec<Effect>,
}

enum Written {
    Put {
        id: String,
        content: String,
        secret: Option<Vec<u8>>,
    },
    Deleted {
        id: String,
    },
}

/// What a committed change does to memory.
type Effect = Box<dyn FnOnce(&mut Model) + Send>;

impl Edit {
    pub(super) fn new(state: State, manifest: OwnedMutexGuard<Manifest>) -> Self {
        Self {
            state,
            manifest,
            rows: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Adds a key, or replaces what its row says.
    pub(crate) fn put_key(&mut self, record: KeyRecord) {
        self.put(Table::Key, record.id.to_string(), to_content(&record), None);
        let record = Arc::new(record);
        self.effect(move |model| model.put_key(record, None));
    }

    /// Adds a generation of a key's own material.
    pub(crate) fn add_material(
        &mut self,
        key: &KeyRecord,
        record: MaterialRecord,
        id: MaterialId,
        material: &Key256,
    ) -> Result<(), StateError> {
        let Inner { keyring, random, .. } = &*self.state.0;
        let context = Material::context(&key.arn().to_string(), &record);
        let sealed = keyring.seal(&**random, &context, material.expose())?;
        let row = format!("{}/{}", key.id, record.id);
        self.put(Table::Material, row, to_content(&record), Some(sealed));
        let (key, material) = (key.id.to_string(), Arc::new(Material::new(id, record, material)));
        self.effect(move |model| model.put_material(&key, material));
        Ok(())
    }

    /// Removes a key with its material, aliases and grants.
    pub(crate) fn delete_key(&mut self, id: &str) {
        let Some(key) = self.state.read().key(id).map(Arc::clone) else {
            return;
        };
        for material in key.materials.iter() {
            self.delete(Table::Material, format!("{id}/{}", material.record.id));
        }
        for name in key.aliases.iter() {
            let row = alias_row(&key.record.realm, name);
            self.delete(Table::Alias, row);
        }
        for grant in key.grants.iter() {
            self.delete(Table::Grant, format!("{id}/{}", grant.record.id));
        }
        self.delete(Table::Key, id.to_owned());
        let id = id.to_owned();
        self.effect(move |model| model.delete_key(&id));
    }

    /// Adds an alias, or replaces the one of its name.
    pub(crate) fn put_alias(&mut self, record: AliasRecord) {
        let row = alias_row(&record.realm, &record.name);
        self.put(Table::Alias, row, to_content(&record), None);
        let record = Arc::new(record);
        self.effect(move |model| model.put_alias(&record));
    }

    /// Removes an alias.
    pub(crate) fn delete_alias(&mut self, realm: &Realm, name: &str) {
        self.delete(Table::Alias, alias_row(realm, name));
        let (realm, name) = (realm.clone(), name.to_owned());
        self.effect(move |model| model.delete_alias(&realm, &name));
    }

    /// Adds a grant, or replaces the one of its id.
    pub(crate) fn put_grant(&mut self, record: GrantRecord) {
        let row = format!("{}/{}", record.key, record.id);
        self.put(Table::Grant, row, to_content(&record), None);
        let record = Arc::new(record);
        self.effect(move |model| model.put_grant(record));
    }

    /// Removes a grant.
    pub(crate) fn delete_grant(&mut self, key: &str, id: &str) {
        self.delete(Table::Grant, format!("{key}/{id}"));
        let (key, id) = (key.to_owned(), id.to_owned());
        self.effect(move |model| model.delete_grant(&key, &id));
    }

    /// Adds a custom key store, or replaces what its row says, its secret included.
    pub(crate) fn put_custom_key_store(
        &mut self,
        record: CustomKeyStoreRecord,
        secret: Arc<SecretBytes>,
    ) -> Result<(), StateError> {
        let Inner { keyring, random, .. } = &*self.state.0;
        let sealed = keyring.seal(&**random, &secret_context(&record), secret.expose())?;
        let content = to_content(&record);
        self.put(Table::CustomKeyStore, record.id.clone(), content, Some(sealed));
        let record = Arc::new(record);
        self.effect(move |model| model.put_custom_key_store(CustomKeyStore { record, secret }));
        Ok(())
    }

    /// Removes a custom key store.
    pub(crate) fn delete_custom_key_store(&mut self, id: &str) {
        self.delete(Table::CustomKeyStore, id.to_owned());
        let id = id.to_owned();
        self.effect(move |model| model.delete_custom_key_store(&id));
    }

    /// Makes the change durable, then visible. An error means that nothing was changed. The change
    /// runs to its end even if the caller goes away, so that memory never lags behind the database.
    pub(crate) async fn commit(self) -> Result<(), StateError> {
        // The task ends without a result only if the runtime goes down.
        tokio::spawn(self.run())
            .await
            .map_err(|_| StateError::ShuttingDown)?
    }

    async fn run(mut self) -> Result<(), StateError> {
        let Inner {
            store, mac, model, ..
        } = &*self.state.0;
        let mut transaction = store.begin().await?;
        let counted = transaction.bump_generation().await?;
        let known = self.manifest.generation;
        if counted > known.saturating_add(MAX_STEP) {
            return Err(RowRefused::new("store_generation", "1", RowRefusal::NotAuthentic).into());
        }
        let generation = counted.max(known.saturating_add(1));
        let mut touched = Touched::default();
        for (table, written) in self.rows {
            match written {
                Written::Put { id, content, secret } => {
                    self.manifest.note(&mut touched, table, &id, Some(generation));
                    let row = StoredRow {
                        id,
                        content,
                        secret,
                        generation,
                    };
                    let tag = row.tag(table, mac);
                    let values = [
                        (&row.id).into(),
                        (&row.content).into(),
                        row.secret.as_ref().into(),
                        generation.into(),
                        (&tag).into(),
                    ];
                    transaction.execute(table.write(), &values).await?;
                }
                Written::Deleted { id } => {
                    self.manifest.note(&mut touched, table, &id, None);
                    transaction.execute(table.delete(), &[(&id).into()]).await?;
                    if table == Table::Key {
                        transaction.execute(DELETE_USAGE, &[(&id).into()]).await?;
                    }
                }
            }
        }
        let entry = self
            .manifest
            .write(&touched, &mut transaction, mac, generation)
            .await?;
        transaction.commit().await?;
        self.manifest.apply(touched, entry);
        let mut model = model.write().unwrap_or_else(PoisonError::into_inner);
        self.effects.into_iter().for_each(|effect| effect(&mut model));
        Ok(())
    }

    fn put(&mut self, table: Table, id: String, content: String, secret: Option<Vec<u8>>) {
        self.rows.push((table, Written::Put { id, content, secret }));
    }

    fn delete(&mut self, table: Table, id: String) {
        self.rows.push((table, Written::Deleted { id }));
    }

    fn effect(&mut self, effect: impl FnOnce(&mut Model) + Send + 'static) {
        self.effects.push(Box::new(effect));
    }
}

/// The key of an alias's row. An alias's name has slashes, the account and the Region have none.
fn alias_row(realm: &Realm, name: &str) -> String {
    format!("{realm}/{name}")
}
