//! The root keys and their seal: rotated, retired, listed; and key-encryption keys.

use std::sync::Arc;

use key_manager::ManagerId;
use seal::roots::{self, Root};
use seal::{Dependents, Keyring, RootsError, SealSourceError, SealingKeyId};

use crate::roots::Roots;
use crate::view::{DependentView, KeyManagerView, RootView, RootsView, SealView};
use crate::{Actor, Change, ManageError, Warden};

impl Warden {
    /// All root keys, the current one first, and what in the store depends on each.
    pub async fn roots(&self) -> Result<RootsView, ManageError> {
        let mut reader = self.store.read().await?;
        let all = roots::list(&mut reader).await?;
        let found = self.dependents(&mut reader).await?;
        drop(reader);
        let view = |(index, root): (usize, &Root)| RootView {
            id: root.id.to_string(),
            number: root.number,
            created: root.created_at.to_string(),
            current: index == 0,
            seal_kind: root.seal_kind.clone(),
            seal_id: root.seal_id.clone(),
            dependents: dependents_of(root.id, &found),
        };
        Ok(RootsView {
            roots: all.iter().enumerate().map(view).collect(),
            resealing: self.resealing.is_running(),
        })
    }

    /// Makes a new root key, which is current when this returns. What depends on the older ones is
    /// sealed anew behind; [`Warden::roots`] shows how far that is. A restart goes on with it.
    pub async fn rotate_root(self: &Arc<Self>, actor: &Actor) -> Result<RootsView, ManageError> {
        let id = SealingKeyId::generate(&*self.random)?;
        let change = Change::RotateRoot { root: id.to_string() };
        self.change(actor, change, move |warden, change| async move {
            let seal = warden.seal.current();
            let now = warden.clerk.clock.now();
            let mut edit = warden.edit(&change).await?;
            let keyring = roots::rotate(edit.transaction(), &*seal, &*warden.random, now, id).await?;
            edit.commit().await?;
            warden.adopt(keyring);
            warden.start_resealing();
            Ok(())
        })
        .await?;
        self.roots().await
    }

    /// Deletes an older root key for good. Refused while a row of the store depends on it.
    ///
    /// From then on a row put back from an earlier time is refused. A whole backup of the store has a
    /// copy of that root of its own, which opens with the seal that it was made under.
    pub async fn retire_root(self: &Arc<Self>, actor: &Actor, root: &str) -> Result<RootsView, ManageError> {
        let id = SealingKeyId::from_hex(root).ok_or_else(|| ManageError::not_found("root key", root))?;
        let change = Change::RetireRoot { root: id.to_string() };
        self.change(actor, change, move |warden, change| async move {
            let seal = warden.seal.current();
            let mut edit = warden.edit(&change).await?;
            let reader = edit.transaction();
            let all = roots::list(reader).await?;
            match all.iter().position(|root| root.id == id) {
                None => return Err(ManageError::not_found("root key", &id.to_string())),
                Some(0) => {
                    let why = format!("the root key {id} is current: rotate first, then retire it");
                    return Err(ManageError::Invalid(why));
                }
                Some(_) => {}
            }
            let needed = dependents_of(id, &warden.dependents(reader).await?);
            if !needed.is_empty() {
                // Rows that were refused may have been restored meanwhile.
                warden.start_resealing();
                let by: Vec<_> = needed.iter().map(ToString::to_string).collect();
                return Err(ManageError::RootInUse {
                    root: id.to_string(),
                    by: by.join("; "),
                });
            }
            roots::retire(edit.transaction(), id).await?;
            let keyring = roots::load(edit.transaction(), &*seal).await?;
            edit.commit().await?;
            warden.adopt(keyring);
            Ok(())
        })
        .await?;
        self.roots().await
    }

    /// Protects every root key by a new seal, made here: of the kind in force, or of `kind`. The seal
    /// before it is kept: it opens the backups made until now, and nothing that is made from now on.
    pub async fn change_seal(
        self: &Arc<Self>,
        actor: &Actor,
        kind: Option<&str>,
    ) -> Result<SealView, ManageError> {
        let id = SealingKeyId::generate(&*self.random)?;
        let kind = kind.unwrap_or(self.seal.current().kind()).to_owned();
        let change = Change::ChangeSeal {
            kind: kind.clone(),
            seal: id.to_string(),
        };
        self.change(actor, change, move |warden, change| async move {
            let old = warden.seal.current();
            let prepared = warden.seal.prepare(Some(&kind), id, &warden.random).await;
            let new = prepared?;
            let mut edit = warden.edit(&change).await?;
            roots::change_seal(edit.transaction(), &*old, &*new, &*warden.random).await?;
            edit.commit().await?;
            let replaced = warden.seal.replace().await;
            let replaced = replaced.map_err(|error| ManageError::SealNotInPlace(error.to_string()))?;
            Ok(SealView {
                kind: new.kind().to_owned(),
                id: new.id().to_string(),
                place: replaced.place,
                previous: replaced.previous,
            })
        })
        .await
    }

    /// Replaces the key-encryption key of a key manager that has one, and seals its keys under it.
    pub async fn rotate_key_encryption_key(
        self: &Arc<Self>,
        actor: &Actor,
        key_manager: &str,
    ) -> Result<KeyManagerView, ManageError> {
        let opened = self.directory.load().find_manager(key_manager).cloned();
        let opened = opened.ok_or_else(|| ManageError::not_found("key manager", key_manager))?;
        let id = SealingKeyId::generate(&*self.random)?;
        let change = Change::RotateKeyEncryptionKey {
            key_manager: opened.description.id.to_string(),
            key_encryption_key: id.to_string(),
        };
        self.change(actor, change, move |warden, change| async move {
            opened.lifecycle.rotate_key_encryption_key(*id.as_bytes()).await?;
            warden.edit(&change).await?.commit().await?;
            Ok(warden.manager_view(&opened))
        })
        .await
    }

    /// From now on the current one of these root keys seals and tags, everywhere.
    fn adopt(&self, keyring: Keyring) {
        let keyring = Arc::new(keyring);
        for owner in &self.sealed {
            owner.adopt(Arc::clone(&keyring));
        }
        self.roots.store(Arc::new(Roots::new(keyring)));
    }
}

/// Whether a key manager's key-encryption key is this one.
pub(crate) fn has_key_encryption_key(directory: &crate::Directory, manager: &str, id: &str) -> bool {
    let opened = ManagerId::parse(manager)
        .ok()
        .and_then(|id| directory.managers.get(&id));
    let current = opened.and_then(|opened| opened.lifecycle.key_encryption_key());
    current.is_some_and(|current| SealingKeyId::from_bytes(current).to_string() == id)
}

fn dependents_of(root: SealingKeyId, found: &Dependents) -> Vec<DependentView> {
    let rows = found.of(root).map(|(table, rows)| DependentView {
        table: table.to_owned(),
        rows: rows.count,
        // Somebody else may have written it.
        first: seal::RowRefused::new(table, &rows.first, seal::RowRefusal::Unexpected).row,
    });
    rows.collect()
}

impl From<SealSourceError> for ManageError {
    fn from(error: SealSourceError) -> Self {
        match error {
            SealSourceError::NotConfigured(_) => Self::Invalid(error.to_string()),
            SealSourceError::Stopping => Self::Stopping,
            other => Self::Seal(other.to_string()),
        }
    }
}

impl From<RootsError> for ManageError {
    fn from(error: RootsError) -> Self {
        match error {
            RootsError::Store(error) => Self::Store(error),
            RootsError::Refused(refused) => Self::Refused(refused),
            RootsError::Sealing(error) => error.into(),
            RootsError::NotRetirable(_) => Self::Invalid(error.to_string()),
            other => Self::Seal(other.to_string()),
        }
    }
}
