//! Makes, opens and destroys virtual HSMs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::{Clock, Random};
use arc_swap::ArcSwap;
use key_manager::{
    Front, KeyId, KeyManagerError, KeyManagerProvider, KeyUsage, ManagerId, Name, NewKey, Opened, Operation,
};
use seal::{Boxed, Dependents, Keyring, ResealFailed, SealingKey, UnderRoots};
use store::{Row, Snapshot, Store, StoreError};

use crate::contents::{self, Contents};
use crate::hsm::{KIND, Shared, VirtualHsm};
use crate::lifecycle::Maker;
use crate::rows::{HsmRow, Manifest};
use crate::{error, tables};

/// All virtual HSMs of a store.
#[derive(Clone)]
pub struct VirtualHsms(Arc<All>);

struct All {
    shared: Arc<Shared>,
    /// Administration only; never on the request path.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    open: BTreeMap<ManagerId, VirtualHsm>,
    refused: BTreeMap<String, String>,
}

impl VirtualHsms {
    /// Over a store that has run [`MIGRATIONS`](crate::MIGRATIONS), with the root keys. Opens nothing yet.
    pub fn new(store: Store, keyring: Arc<Keyring>, random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            store,
            keyring: ArcSwap::new(keyring),
            random,
            clock,
        });
        Self(Arc::new(All {
            shared,
            known: Mutex::default(),
        }))
    }

    /// A virtual HSM that is open.
    pub fn get(&self, id: &ManagerId) -> Option<VirtualHsm> {
        self.0.known().open.get(id).cloned()
    }
}

impl UnderRoots for VirtualHsms {
    fn adopt(&self, keyring: Arc<Keyring>) {
        self.0.shared.keyring.store(keyring);
    }

    fn reseal(&self) -> Boxed<'_, Result<bool, ResealFailed>> {
        Box::pin(async move {
            let open: Vec<VirtualHsm> = self.0.known().open.values().cloned().collect();
            let mut failed = None;
            for hsm in open {
                // One that is refused holds up no other.
                match hsm.reseal().await {
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
            for row in reader.query(tables::HSM_ROOTS, &[]).await? {
                let id = row.text(0).unwrap_or("?");
                found.note(tables::HSM, id, row.blob(1).ok(), row.blob(2).ok());
            }
            for row in reader.query(tables::KEY_ROOTS, &[]).await? {
                let id = row.text(0).unwrap_or("?");
                found.note(tables::KEY, id, row.blob(1).ok(), None);
            }
            Ok(())
        })
    }
}

impl KeyManagerProvider for VirtualHsms {
    fn kind(&self) -> &'static str {
        KIND
    }

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

    fn destroy(&self, id: ManagerId) -> Operation<'_, ()> {
        let all = Arc::clone(&self.0);
        Box::pin(async move { finish(tokio::spawn(async move { all.destroy(id).await })).await })
    }
}

impl All {
    async fn create(&self, id: ManagerId, name: Name) -> Result<Opened, KeyManagerError> {
        let shared = &self.shared;
        let keyring = shared.keyring.load_full();
        let mut transaction = shared.store.begin().await.map_err(error::store)?;
        let generation = transaction.bump_generation().await.map_err(error::store)?;
        let (mut hsm, kek) = self.new_row(&keyring, id, name, generation)?;
        let mac = keyring.row_mac(tables::HSM);
        hsm.insert(&mut transaction, &mac).await?;
        let maker = Maker {
            shared,
            mac: &keyring.row_mac(tables::KEY),
            kek: &kek,
        };
        let canary = NewKey {
            id: KeyId::generate(shared.random.as_ref())?,
            name: hsm.name.clone(),
            front: Front::Xks,
            usage: KeyUsage::BOTH,
        };
        maker.make(&mut transaction, &mut hsm, canary, true).await?;
        hsm.update(&mut transaction, &mac).await?;
        let contents = Contents::load(&mut transaction, &keyring, hsm).await?;
        transaction.commit().await.map_err(error::store)?;
        Ok(self.keep(contents))
    }

    fn new_row(
        &self,
        keyring: &Keyring,
        id: ManagerId,
        name: Name,
        generation: u64,
    ) -> Result<(HsmRow, SealingKey), KeyManagerError> {
        let random = self.shared.random.as_ref();
        let kek = SealingKey::generate(random)?;
        let mut hsm = HsmRow {
            id,
            name,
            created: self.shared.clock.now(),
            kek_id: kek.id(),
            kek: Vec::new(),
            manifest: Manifest::default(),
            generation,
            outdated: false,
        };
        let sealed = keyring.seal(random, &hsm.context(), kek.key().expose());
        hsm.kek = sealed.map_err(error::sealing)?;
        Ok((hsm, kek))
    }

    async fn open_all(&self) -> Result<Vec<Opened>, KeyManagerError> {
        let keyring = self.shared.keyring.load_full();
        let mut reader = self.shared.store.read().await.map_err(error::store)?;
        let rows = reader
            .query(tables::SELECT_HSMS, &[])
            .await
            .map_err(error::store)?;
        let mut opened = Vec::with_capacity(rows.len());
        let mut refused = BTreeMap::new();
        for row in &rows {
            match Self::open(&mut reader, &keyring, row).await {
                Ok(contents) => opened.push(self.keep(contents)),
                Err(KeyManagerError::KeyRefused(reason)) => {
                    tracing::error!(table = tables::HSM, "a virtual HSM is refused: {reason}");
                    refused.insert(row.text(0).unwrap_or("?").to_owned(), reason);
                }
                Err(error) => return Err(error),
            }
        }
        self.known().refused = refused;
        Ok(opened)
    }

    async fn open(reader: &mut Snapshot, keyring: &Keyring, row: &Row) -> Result<Contents, KeyManagerError> {
        let hsm = contents::verify_hsm(row, keyring).map_err(|refused| error::refused(&refused))?;
        Contents::load(reader, keyring, hsm).await
    }

    async fn destroy(&self, id: ManagerId) -> Result<(), KeyManagerError> {
        let open = self.known().open.get(&id).cloned();
        // No change of it may show its keys again afterwards.
        let _no_change = match &open {
            Some(hsm) => Some(hsm.0.changing.lock().await),
            None => None,
        };
        let mut transaction = self.shared.store.begin().await.map_err(error::store)?;
        transaction.bump_generation().await.map_err(error::store)?;
        for statement in tables::DELETE {
            let id = [id.as_str().into()];
            transaction.execute(statement, &id).await.map_err(error::store)?;
        }
        transaction.commit().await.map_err(error::store)?;
        self.known().open.remove(&id);
        if let Some(hsm) = &open {
            hsm.forget();
        }
        Ok(())
    }

    /// Keeps a virtual HSM open. One that is open already keeps what it holds: its own changes
    /// are newer than any snapshot taken beside them.
    fn keep(&self, contents: Contents) -> Opened {
        let id = contents.hsm.id.clone();
        let mut known = self.known();
        let hsm = known
            .open
            .entry(id)
            .or_insert_with(|| VirtualHsm::new(Arc::clone(&self.shared), contents));
        Opened {
            description: hsm.description().clone(),
            manager: Arc::new(hsm.clone()),
            lifecycle: Arc::new(hsm.clone()),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a task that nobody could stop half way.
async fn finish<T>(task: tokio::task::JoinHandle<Result<T, KeyManagerError>>) -> Result<T, KeyManagerError> {
    task.await
        .map_err(|_| KeyManagerError::Unavailable("the change was interrupted".to_owned()))?
}
