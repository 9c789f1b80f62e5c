//! Credentials: added, listed, retired, all at run time (XKS-CRED-06 to 08).

use std::sync::Arc;

use ambient::Timestamp;
use crypto::SecretBytes;

use crate::manifest::Manifest;
use crate::rows::{CredentialRow, TaggedRow};
use crate::view::CredentialView;
use crate::{Actor, Change, KeyStore, ManageError, Warden};

/// A credential to be added. Its grammar is the front's to check.
pub struct NewCredential {
    /// Public part, unique over all key stores and for good (XKS-CRED-03).
    pub access_key_id: String,
    /// The secret string's bytes.
    pub secret: SecretBytes,
    /// From then on it opens nothing.
    pub expires: Option<Timestamp>,
}

impl Warden {
    /// Adds a credential to a key store; it works at once, beside those that are there.
    pub async fn add_credential(
        self: &Arc<Self>,
        actor: &Actor,
        key_store: &str,
        new: NewCredential,
    ) -> Result<CredentialView, ManageError> {
        let store = self.find_key_store(key_store)?;
        let (now, expires) = (self.clerk.clock.now(), new.expires);
        if expires.is_some_and(|expires| expires <= now) {
            return Err(ManageError::Invalid(
                "a new credential expires in the future".to_owned(),
            ));
        }
        let mut row = CredentialRow {
            access_key_id: new.access_key_id,
            key_store: store.id.to_string(),
            secret: Vec::new(),
            created: now.as_micros(),
            expires: expires.map(Timestamp::as_micros),
            retired: None,
            generation: 0,
            last_use: None,
        };
        let change = Change::AddCredential {
            key_store: store.id.to_string(),
            access_key_id: row.access_key_id.clone(),
            expires: row.expires,
        };
        let view = view(&row, None);
        self.change(actor, change, move |warden, change| async move {
            let mut edit = warden.edit(&change).await?;
            if edit.knows::<CredentialRow>(&row.key()) {
                return Err(ManageError::Exists {
                    what: "credential",
                    name: row.access_key_id,
                });
            }
            // Under the root that is current now: it may have been rotated since the request came.
            let keyring = Arc::clone(&warden.roots.load().keyring);
            row.secret = keyring.seal(&*warden.random, &row.own_context(), new.secret.expose())?;
            drop(new.secret);
            edit.insert(row).await?;
            edit.commit().await
        })
        .await?;
        Ok(view)
    }

    /// All credentials that a key store ever had, retired ones included, by age.
    pub async fn credentials(&self, key_store: &str) -> Result<Vec<CredentialView>, ManageError> {
        let store = self.find_key_store(key_store)?;
        self.credential_views(&store).await
    }

    /// Retires a credential for good: requests that come after this open nothing with it.
    pub async fn retire_credential(
        self: &Arc<Self>,
        actor: &Actor,
        key_store: &str,
        access_key_id: &str,
    ) -> Result<CredentialView, ManageError> {
        let store = self.find_key_store(key_store)?;
        let now = self.clerk.clock.now().as_micros();
        let change = Change::RetireCredential {
            key_store: store.id.to_string(),
            access_key_id: access_key_id.to_owned(),
        };
        let access_key_id = access_key_id.to_owned();
        let row = self.change(actor, change, move |warden, change| async move {
            let mut edit = warden.edit(&change).await?;
            let mut rows = edit.rows::<CredentialRow>().await?.into_iter();
            let row =
                rows.find(|row| row.key_store == store.id.as_str() && row.access_key_id == access_key_id);
            let row = row.ok_or_else(|| ManageError::not_found("credential", &access_key_id))?;
            let row = CredentialRow {
                retired: Some(row.retired.unwrap_or(now)),
                ..row
            };
            edit.update(row.clone()).await?;
            edit.commit().await?;
            Ok(row)
        });
        let row = row.await?;
        let last_use = self.shared.lock().await.last_use(&row.access_key_id);
        Ok(view(&row, last_use))
    }

    pub(super) async fn credential_views(
        &self,
        store: &KeyStore,
    ) -> Result<Vec<CredentialView>, ManageError> {
        let roots = self.roots.load_full();
        let mut snapshot = self.store.read().await?;
        let manifest = snapshot.query_one(Manifest::SELECT, &[]).await?;
        let manifest = Manifest::read(manifest.as_ref(), &roots.mac)?;
        let (mut rows, _) = manifest.rows::<CredentialRow>(&mut snapshot, &roots.mac).await?;
        drop(snapshot);
        rows.retain(|row| row.key_store == store.id.as_str());
        rows.sort_by_key(|row| row.created);
        let shared = self.shared.lock().await;
        Ok(rows
            .iter()
            .map(|row| view(row, shared.last_use(&row.access_key_id)))
            .collect())
    }
}

fn view(row: &CredentialRow, last_use: Option<Timestamp>) -> CredentialView {
    let text = |micros: Option<u64>| micros.map(|micros| Timestamp::from_micros(micros).to_string());
    let written = row
        .last_use
        .filter(|seconds| *seconds > 0)
        .map(Timestamp::from_secs);
    CredentialView {
        access_key_id: row.access_key_id.clone(),
        created: Timestamp::from_micros(row.created).to_string(),
        expires: text(row.expires),
        retired: text(row.retired),
        last_use: last_use.or(written).map(|at| at.to_string()),
    }
}
