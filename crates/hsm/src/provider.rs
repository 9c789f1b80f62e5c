//! Makes, opens and destroys key managers over HSMs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::{Clock, Random};
use arc_swap::ArcSwap;
use key_manager::{KeyManagerError, KeyManagerProvider, ManagerId, Name, ObjectName, Opened, Operation};
use pkcs11::{ObjectSelector, WorkerCommand};
use seal::{Boxed, Dependents, Keyring, ResealFailed, UnderRoots};
use store::{Row, Snapshot, Store, StoreError};

use crate::config::HsmConfig;
use crate::contents::{self, Contents};
use crate::fleet::RefusedPins;
use crate::lifecycle::finish;
use crate::manager::{Hsm, Inner, KIND, Shared};
use crate::rows::{HsmRow, Manifest};
use crate::{error, objects, tables};

/// All key managers over HSMs. A clone is the same.
#[derive(Clone)]
pub struct Hsms(Arc<All>);

struct All {
    shared: Arc<Shared>,
    configured: Vec<HsmConfig>,
    /// Administration only; never on the request path.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    open: BTreeMap<ManagerId, Hsm>,
    refused: BTreeMap<String, String>,
}

impl Hsms {
    /// Over a store that has run [`MIGRATIONS`](crate::MIGRATIONS), with the root keys and the sections
    /// `[[hsm]]` of the configuration, each [checked](HsmConfig::check). `worker` starts the process of a
    /// module. Opens nothing yet.
    pub fn new(
        store: Store,
        keyring: Arc<Keyring>,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
        configured: Vec<HsmConfig>,
        worker: Option<WorkerCommand>,
    ) -> Self {
        let shared = Arc::new(Shared {
            store,
            keyring: ArcSwap::new(keyring),
            random,
            clock,
            worker,
            reserved: Mutex::new(configured.iter().filter_map(wrapping_key).collect()),
            refused_pins: ArcSwap::default(),
            opened: Mutex::default(),
        });
        Self(Arc::new(All {
            shared,
            configured,
            known: Mutex::default(),
        }))
    }

    /// Remembers in `refused` which PINs were refused, and presents none that was; for a process that opens
    /// its key managers more than once.
    pub fn remember_in(&self, refused: Arc<RefusedPins>) {
        self.0.shared.refused_pins.store(refused);
    }

    /// Keeps objects that something else than a key manager uses, such as the seal, from being adopted.
    pub fn reserve(&self, objects: impl IntoIterator<Item = ObjectName>) {
        let reserved = &self.0.shared.reserved;
        let mut reserved = reserved.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.extend(objects);
    }

    /// A key manager that is open.
    pub fn get(&self, id: &ManagerId) -> Option<Hsm> {
        self.0.known().open.get(id).cloned()
    }

    /// Ends everything in the background and closes every token; to be called before the process ends, for
    /// some modules crash otherwise. Waits at most as long as the tokens' deadlines.
    pub async fn close(&self) {
        let closing: Vec<Hsm> = self.0.known().open.values().cloned().collect();
        futures_util::future::join_all(closing.iter().map(Hsm::close)).await;
    }
}

impl UnderRoots for Hsms {
    fn adopt(&self, keyring: Arc<Keyring>) {
        self.0.shared.keyring.store(keyring);
    }

    fn reseal(&self) -> Boxed<'_, Result<bool, ResealFailed>> {
        Box::pin(async move {
            let open: Vec<Hsm> = self.0.known().open.values().cloned().collect();
            let mut failed = None;
            for hsm in open {
                // One that is refused holds up no other. In a task: nobody stops it half way.
                let task = tokio::spawn(async move { hsm.0.reseal().await });
                match finish(task).await {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(error) => failed = Some(ResealFailed(error.to_string())),
                }
            }
            failed.map_or(Ok(false), Err)
        })
    }

    fn dependents<'a>(
        &'a self,
        reader: &'a mut Snapshot,
        found: &'a mut Dependents,
    ) -> Boxed<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let tables = [
                (tables::HSM, tables::HSM_ROOTS),
                (tables::KEY, tables::KEY_ROOTS),
                (tables::VERSION, tables::VERSION_ROOTS),
            ];
            for (table, select) in tables {
                for row in reader.query(select, &[]).await? {
                    found.note(table, row.text(0).unwrap_or("?"), row.blob(1).ok(), None);
                }
            }
            Ok(())
        })
    }
}

impl KeyManagerProvider for Hsms {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// The name is that of a configured `[[hsm]]`, one of whose tokens at least is there.
    fn create(&self, id: ManagerId, name: Name) -> Operation<'_, Opened> {
        let all = Arc::clone(&self.0);
        Box::pin(async move { finish(tokio::spawn(async move { all.create(id, name).await })).await })
    }

    fn open_all(&self) -> Operation<'_, Vec<Opened>> {
        Box::pin(async move { self.0.open_all().await })
    }

    fn refused(&self) -> Vec<(String, String)> {
        self.0.known().refused.clone().into_iter().collect()
    }

    /// Every token has to be there: an object that stayed would be forgotten.
    fn destroy(&self, id: ManagerId) -> Operation<'_, ()> {
        let all = Arc::clone(&self.0);
        Box::pin(async move { finish(tokio::spawn(async move { all.destroy(id).await })).await })
    }
}

impl All {
    async fn create(&self, id: ManagerId, name: Name) -> Result<Opened, KeyManagerError> {
        let shared = &self.shared;
        if self.config(&name).is_none() {
            let why = format!(
                "there is no [[hsm]] with name = {:?} in the configuration",
                name.as_str()
            );
            return Err(KeyManagerError::NotSuitable(why));
        }
        let taken = [name.as_str().into()];
        if shared
            .store
            .query_one(tables::SELECT_NAMED, &taken)
            .await
            .map_err(error::store)?
            .is_some()
        {
            return Err(KeyManagerError::KeyExists);
        }
        let mut row = HsmRow {
            id,
            name,
            created: shared.clock.now(),
            manifest: Manifest::default(),
            generation: 0,
            outdated: false,
        };
        // Its tokens first, which may take their time, and make the keys of their probes now.
        let hsm = Hsm::new(shared, self.config(&row.name), Contents::empty(row.clone()));
        hsm.start().await;
        let created = self.write(&hsm, &mut row).await;
        if let Err(error) = created {
            let _ = hsm.0.destroy_objects().await;
            hsm.close().await;
            return Err(error);
        }
        Ok(self.keep(hsm))
    }

    async fn write(&self, hsm: &Hsm, row: &mut HsmRow) -> Result<(), KeyManagerError> {
        if !hsm.0.fleet.members().iter().any(|member| member.standing().0) {
            return Err(KeyManagerError::Unavailable(hsm.0.fleet.troubles(None)));
        }
        let mac = self.shared.keyring.load_full().row_mac(tables::HSM);
        let mut transaction = self.shared.store.begin().await.map_err(error::store)?;
        row.generation = transaction.bump_generation().await.map_err(error::store)?;
        row.insert(&mut transaction, &mac).await?;
        transaction.commit().await.map_err(error::store)
    }

    fn config(&self, name: &Name) -> Option<HsmConfig> {
        self.configured
            .iter()
            .find(|config| config.name == name.as_str())
            .cloned()
    }

    async fn open_all(&self) -> Result<Vec<Opened>, KeyManagerError> {
        let keyring = self.shared.keyring.load_full();
        let mut reader = self.shared.store.read().await.map_err(error::store)?;
        let rows = reader
            .query(tables::SELECT_HSMS, &[])
            .await
            .map_err(error::store)?;
        let mut loaded = Vec::with_capacity(rows.len());
        let mut refused = BTreeMap::new();
        for row in &rows {
            match self.load(&mut reader, &keyring, row).await {
                Ok(contents) => loaded.push(contents),
                Err(KeyManagerError::KeyRefused(reason)) => {
                    tracing::error!(table = tables::HSM, "a key manager is refused: {reason}");
                    refused.insert(row.text(0).unwrap_or("?").to_owned(), reason);
                }
                Err(error) => return Err(error),
            }
        }
        drop(reader);
        self.known().refused = refused;
        let opening = loaded.into_iter().map(|contents| self.open(contents));
        Ok(futures_util::future::join_all(opening).await)
    }

    async fn load(
        &self,
        reader: &mut Snapshot,
        keyring: &Keyring,
        row: &Row,
    ) -> Result<Contents, KeyManagerError> {
        let hsm = contents::verify_hsm(row, keyring).map_err(|refused| error::refused(&refused))?;
        let tokens = self.config(&hsm.name).map_or(0, |config| config.tokens.len());
        Contents::load(reader, keyring, hsm, tokens, None).await
    }

    /// Opens a key manager, unless it is open already: its own changes are newer than any snapshot taken
    /// beside them.
    async fn open(&self, contents: Contents) -> Opened {
        let open = self.known().open.get(&contents.hsm.id).cloned();
        if let Some(hsm) = open {
            return opened(&hsm);
        }
        let config = self.config(&contents.hsm.name);
        let hsm = Hsm::new(&self.shared, config, contents);
        hsm.start().await;
        self.keep(hsm)
    }

    fn keep(&self, hsm: Hsm) -> Opened {
        let id = hsm.description().id.clone();
        opened(self.known().open.entry(id).or_insert(hsm))
    }

    async fn destroy(&self, id: ManagerId) -> Result<(), KeyManagerError> {
        let open = self.known().open.get(&id).cloned();
        let Some(hsm) = open else { return Ok(()) };
        // No change of it may show its keys again afterwards.
        let _no_act = hsm.0.acting.lock().await;
        hsm.0.destroy_objects().await?;
        let _no_change = hsm.0.writing.lock().await;
        let mut transaction = self.shared.store.begin().await.map_err(error::store)?;
        transaction.bump_generation().await.map_err(error::store)?;
        for statement in tables::DELETE {
            let id = [id.as_str().into()];
            transaction.execute(statement, &id).await.map_err(error::store)?;
        }
        transaction.commit().await.map_err(error::store)?;
        self.known().open.remove(&id);
        hsm.0.forget();
        hsm.close().await;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wrapping key of a section.
fn wrapping_key(config: &HsmConfig) -> Option<ObjectName> {
    let label = config.wrapping_key.clone()?;
    Some(ObjectName {
        label: Some(label),
        id: None,
    })
}

fn opened(hsm: &Hsm) -> Opened {
    Opened {
        description: hsm.description().clone(),
        manager: Arc::new(hsm.clone()),
        lifecycle: Arc::new(hsm.clone()),
    }
}

impl Inner {
    /// Destroys every object on every token.
    async fn destroy_objects(&self) -> Result<(), KeyManagerError> {
        let contents = self.contents.load_full();
        if let Some(refused) = contents.refused.values().next() {
            return Err(error::refused(refused));
        }
        self.fleet.all_serving()?;
        for member in self.fleet.members() {
            for key in contents.all() {
                for version in &key.versions {
                    self.destroy_version(member, version).await?;
                }
                if let Some(tag) = key.row.making.filter(|tag| !self.is_inherited(&key.row.id, *tag)) {
                    self.unmake(member, &key.row.id, tag).await?;
                }
            }
            let canary = objects::canary(&self.description.id, member.name());
            if let Some(selector) = ObjectSelector::new(Some(canary.label), Some(canary.id)) {
                self.destroy_object(member, &selector, None).await?;
            }
        }
        Ok(())
    }

    /// Drops all keys from memory, after the key manager was destroyed.
    fn forget(&self) {
        let hsm = self.contents.load().hsm.clone();
        self.contents.store(Arc::new(Contents::empty(hsm)));
    }
}
