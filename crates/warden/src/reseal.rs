//! After a rotation of the root: the warden's own rows, tagged and sealed anew portion by portion.
//!
//! A row keeps its content and its generation, so neither the directory nor the manifest's list
//! changes: an older copy of it says the same, and does not verify any more once its root is retired.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError};

use ambient::Random;
use seal::{Dependents, ResealFailed, RowRefusal, RowRefused};
use store::{Snapshot, Store, StoreError, Transaction};

use crate::Warden;
use crate::manifest::Manifest;
use crate::roots::Roots;
use crate::rows::{BindingRow, CredentialRow, KeyStoreRow, TaggedRow, authentic, key_as_stored};
use crate::settle::{self, Mark};

/// How many rows one transaction writes: some milliseconds, in which no other change is written.
const PORTION: usize = if cfg!(test) { 3 } else { 500 };

/// What the background work is at.
#[derive(Default)]
pub(crate) struct Resealing(AtomicU8);

impl Resealing {
    const IDLE: u8 = 0;
    const RUNNING: u8 = 1;
    const FAILED: u8 = 2;

    pub(crate) fn is_running(&self) -> bool {
        self.0.load(Ordering::SeqCst) == Self::RUNNING
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.load(Ordering::SeqCst) == Self::FAILED
    }

    /// Whether it was not running before.
    fn start(&self) -> bool {
        self.0.swap(Self::RUNNING, Ordering::SeqCst) != Self::RUNNING
    }

    fn end(&self, failed: bool) {
        let state = if failed { Self::FAILED } else { Self::IDLE };
        self.0.store(state, Ordering::SeqCst);
    }
}

impl Warden {
    /// Seals everything anew that depends on an older root, in the background.
    pub(crate) fn start_resealing(self: &Arc<Self>) {
        if !self.resealing.start() {
            return;
        }
        let warden = Arc::downgrade(self);
        let task = tokio::spawn(async move {
            loop {
                let Some(warden) = warden.upgrade() else { return };
                // Another administrative act may come in between two portions.
                let more = warden.reseal_portion().await;
                if let Err(error) = &more {
                    tracing::error!(%error, "what depends on an older root key was not sealed anew; tried again later");
                }
                if !matches!(more, Ok(true)) {
                    return warden.resealing.end(more.is_err());
                }
            }
        });
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// One portion, in a turn of its own; whether there was any.
    async fn reseal_portion(&self) -> Result<bool, ResealFailed> {
        let _turn = self.turn.lock().await;
        let roots = self.roots.load_full();
        let in_force = self.directory.load().generation();
        if own_portion(&self.store, &roots, &*self.random, in_force).await? {
            return Ok(true);
        }
        for owner in &self.sealed {
            if owner.reseal().await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Which rows of the database depend on which root.
    pub(crate) async fn dependents(&self, reader: &mut Snapshot) -> Result<Dependents, StoreError> {
        let mut found = Dependents::default();
        note::<KeyStoreRow>(reader, &mut found).await?;
        note::<BindingRow>(reader, &mut found).await?;
        note::<CredentialRow>(reader, &mut found).await?;
        for (table, sql) in [(Manifest::TABLE, Manifest::SELECT), (Mark::TABLE, settle::MARK)] {
            if let Some(row) = reader.query_one(sql, &[]).await? {
                found.note(table, "1", row.blob(2).ok(), None);
            }
        }
        for owner in &self.sealed {
            owner.dependents(reader, &mut found).await?;
        }
        Ok(found)
    }
}

async fn note<R: TaggedRow>(reader: &mut Snapshot, found: &mut Dependents) -> Result<(), StoreError> {
    for row in reader.query(R::SELECT, &[]).await? {
        let envelope = R::ENVELOPE_COLUMN.and_then(|column| row.blob(column).ok());
        let tag = row.blob(R::TAG_COLUMN).ok();
        found.note(R::TABLE, &key_as_stored::<R>(&row), tag, envelope);
    }
    Ok(())
}

/// `in_force` is the generation of the directory: an older manifest was put back, and is not made ours.
async fn own_portion(
    store: &Store,
    roots: &Roots,
    random: &dyn Random,
    in_force: u64,
) -> Result<bool, ResealFailed> {
    let mut portion = Portion {
        transaction: store.begin().await?,
        roots,
        random,
        written: 0,
    };
    let row = portion.transaction.query_one(Manifest::SELECT, &[]).await?;
    let refused = |refused: RowRefused| ResealFailed(refused.to_string());
    let manifest = Manifest::read(row.as_ref(), &roots.mac).map_err(refused)?;
    if manifest.generation < in_force {
        return Err(refused(Manifest::refused(RowRefusal::Stale)));
    }
    portion.table::<KeyStoreRow>(&manifest).await?;
    portion.table::<BindingRow>(&manifest).await?;
    portion.table::<CredentialRow>(&manifest).await?;
    if let Some(tag) = row.as_ref().and_then(|row| row.blob(2).ok())
        && roots.mac.is_outdated(tag)
    {
        manifest
            .write(&mut portion.transaction, &roots.mac, manifest.generation)
            .await?;
        portion.written += 1;
    }
    if settle::retag_mark(&mut portion.transaction, &roots.mac).await? {
        portion.written += 1;
    }
    let any = portion.written > 0;
    if any {
        portion.transaction.commit().await?;
    }
    Ok(any)
}

/// One bounded transaction.
struct Portion<'a> {
    transaction: Transaction,
    roots: &'a Roots,
    random: &'a dyn Random,
    written: usize,
}

impl Portion<'_> {
    /// The outdated rows of a table, as long as there is room. Those that are refused are left alone:
    /// a tag of ours on them would make somebody else's words our own.
    async fn table<R: TaggedRow>(&mut self, manifest: &Manifest) -> Result<(), ResealFailed> {
        if self.written >= PORTION {
            return Ok(());
        }
        let Roots { keyring, mac } = self.roots;
        for row in self.transaction.query(R::SELECT, &[]).await? {
            let sealed = R::ENVELOPE_COLUMN.and_then(|column| row.blob(column).ok());
            let sealed = sealed.is_some_and(|envelope| keyring.is_outdated(envelope));
            let tagged = row.blob(R::TAG_COLUMN).is_ok_and(|tag| mac.is_outdated(tag));
            if !sealed && !tagged {
                continue;
            }
            let Ok(mut ours) = authentic::<R>(&row, mac) else {
                continue;
            };
            if manifest.expects(&ours).is_err() || ours.reseal(keyring, self.random)?.is_err() {
                continue;
            }
            let tag = mac.tag(&ours.fields());
            let mut values = ours.resealed();
            values.push((&tag).into());
            self.transaction.execute(R::RESEAL, &values).await?;
            self.written += 1;
            if self.written >= PORTION {
                return Ok(());
            }
        }
        Ok(())
    }
}
