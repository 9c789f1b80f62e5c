//! Changes of the rows: each one transaction.
//!
//! Read and verify every row, write, read back and verify again, commit, then show the new contents.

use std::sync::Arc;

use key_manager::{KeyId, KeyManagerError};
use seal::{Keyring, RowRefusal, RowRefused};
use store::{Snapshot, Transaction};

use crate::contents::{self, Contents, Key};
use crate::counter::WARNING;
use crate::manager::Inner;
use crate::rows::{HsmRow, KeyRow, VersionRow};
use crate::{error, tables};

/// What becomes of one key's rows.
pub(crate) enum Edit {
    /// A new key, with its versions if it has any yet.
    Insert(KeyRow, Vec<VersionRow>),
    /// A changed key, with the versions that are new.
    Update(KeyRow, Vec<VersionRow>),
    /// The same rows, tagged under the current root.
    Retag(Key),
    /// A key that no token holds any object of.
    Delete(KeyId),
    /// The key manager's own row alone.
    Nothing,
}

/// Whose change it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody ordered it: the store's generation rises.
    Order,
    /// It had to be, such as a reservation.
    Upkeep,
    /// As an order; and what it reserves counts as used.
    Restored,
}

impl Inner {
    /// Plans edits from the verified rows, and makes them. No edits, no change. To be run in a task that
    /// nobody cuts off between commit and show.
    pub(crate) async fn change(
        &self,
        cause: Cause,
        plan: impl FnOnce(&Contents) -> Result<Vec<Edit>, KeyManagerError> + Send,
    ) -> Result<(Arc<Contents>, bool), KeyManagerError> {
        let _one_at_a_time = self.writing.lock().await;
        let keyring = self.shared.keyring.load_full();
        let mut transaction = self.shared.store.begin().await.map_err(error::store)?;
        let contents = self.read(&mut transaction, &keyring).await?;
        let edits = plan(&contents)?;
        let changed = !edits.is_empty();
        if changed {
            self.write(&mut transaction, &keyring, &contents, cause, edits)
                .await?;
            let contents = self.read(&mut transaction, &keyring).await?;
            transaction.commit().await.map_err(error::store)?;
            self.install(contents, cause);
        } else {
            self.install(contents, cause);
        }
        Ok((self.contents.load_full(), changed))
    }

    /// Reads and verifies everything.
    async fn read(&self, reader: &mut Snapshot, keyring: &Keyring) -> Result<Contents, KeyManagerError> {
        let id = [self.description.id.as_str().into()];
        let row = reader
            .query_one(tables::SELECT_HSM, &id)
            .await
            .map_err(error::store)?;
        let gone = || KeyManagerError::Unavailable("this key manager was destroyed".to_owned());
        let hsm = contents::verify_hsm(&row.ok_or_else(gone)?, keyring)
            .map_err(|refused| error::refused(&refused))?;
        let before = self.contents.load();
        // Every table of ours put back together fits together; memory knows better. What an older state
        // says of objects that were being made is not to be acted upon.
        if hsm.generation < before.hsm.generation {
            let refused = RowRefused::new(tables::HSM, hsm.id.as_str(), RowRefusal::Stale);
            return Err(error::refused(&refused));
        }
        Contents::load(reader, keyring, hsm, self.fleet.len(), Some(&before)).await
    }

    async fn write(
        &self,
        to: &mut Transaction,
        keyring: &Keyring,
        contents: &Contents,
        cause: Cause,
        edits: Vec<Edit>,
    ) -> Result<(), KeyManagerError> {
        let mut hsm = contents.hsm.clone();
        // The store's counter is not authenticated: whoever turns it back must not make us give a
        // generation twice, for rows of one generation could be exchanged for each other.
        hsm.generation = hsm.generation.saturating_add(1);
        if cause != Cause::Upkeep {
            let counted = to.bump_generation().await.map_err(error::store)?;
            hsm.generation = hsm.generation.max(counted);
        }
        for edit in edits {
            write_edit(to, keyring, contents, &mut hsm, edit).await?;
        }
        hsm.update(to, &keyring.row_mac(tables::HSM)).await
    }

    /// Shows new contents to every call that starts from now on, and gives out what they reserve.
    fn install(&self, contents: Contents, cause: Cause) {
        let before = self.contents.load_full();
        crate::manager::alarm(&self.description.id, &before.refused, &contents.refused);
        for key in contents.all() {
            for ((_, reserved), version) in key.row.versions.iter().zip(&key.versions) {
                let so_far = version.counter.limit();
                if *reserved > so_far {
                    match cause {
                        Cause::Restored => version.counter.skip(*reserved),
                        Cause::Order | Cause::Upkeep => version.counter.raise(*reserved),
                    }
                    warn(key, so_far, *reserved);
                }
            }
        }
        self.contents.store(Arc::new(contents));
    }
}

/// Writes one edit, in the generation that the key manager's own row will have.
async fn write_edit(
    to: &mut Transaction,
    keyring: &Keyring,
    contents: &Contents,
    hsm: &mut HsmRow,
    edit: Edit,
) -> Result<(), KeyManagerError> {
    let (key_mac, version_mac) = (keyring.row_mac(tables::KEY), keyring.row_mac(tables::VERSION));
    let (row, versions) = match edit {
        Edit::Nothing => return Ok(()),
        Edit::Delete(id) => {
            for statement in tables::DELETE_KEY {
                to.execute(statement, &[id.as_str().into()])
                    .await
                    .map_err(error::store)?;
            }
            hsm.manifest.0.remove(&id);
            return Ok(());
        }
        Edit::Insert(mut row, versions) => {
            row.generation = hsm.generation;
            row.insert(to, &key_mac).await?;
            (row, versions)
        }
        Edit::Update(mut row, versions) => {
            keep_reserved(contents, &mut row);
            row.generation = hsm.generation;
            row.update(to, &key_mac).await?;
            (row, versions)
        }
        Edit::Retag(Key {
            mut row, versions, ..
        }) => {
            for version in &versions {
                version.row.retag(to, &row, &version_mac).await?;
            }
            row.generation = hsm.generation;
            row.update(to, &key_mac).await?;
            (row, Vec::new())
        }
    };
    for version in versions {
        version.insert(to, &row, &version_mac).await?;
    }
    hsm.manifest.0.insert(row.id, row.generation);
    Ok(())
}

/// Nothing that was reserved is ever given back, whoever planned the edit with an older row.
fn keep_reserved(contents: &Contents, row: &mut KeyRow) {
    let known = contents.all().find(|key| key.row.id == row.id);
    for (tag, reserved) in &mut row.versions {
        let before = known.and_then(|key| key.row.versions.iter().find(|(known, _)| known == tag));
        *reserved = before.map_or(*reserved, |(_, before)| (*before).max(*reserved));
    }
}

/// Says once that a key nears its end, and once that it is there.
pub(crate) fn warn(key: &Key, before: u64, now: u64) {
    let id = key.row.id.as_str();
    let most = key_manager::KeyVersion::MAX_ENCRYPTIONS;
    if before < most && now >= most {
        tracing::error!(
            key = id,
            "the last of 2^32 encryptions are reserved: rotate the key now"
        );
    } else if before < WARNING && now >= WARNING {
        tracing::warn!(
            key = id,
            encryptions = now,
            "the key has encrypted almost as often as it may (2^32): rotate it"
        );
    }
}
