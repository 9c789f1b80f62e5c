//! Credentials: added, listed, retired, all at run time (XKS-CRED-06 to 08).

use std::sync::Arc;

use ambient::Timestamp;
use crypto::SecretBytes;

use super::act::Edit;
use crate::rows::CredentialRow;
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
        let context = CredentialRow::context(store.id.as_str(), &new.access_key_id);
        let row = CredentialRow {
            access_key_id: new.access_key_id,
            key_store: store.id.to_string(),
            secret: self.keyring.seal(&*self.random, &context, new.secret.expose())?,
            created: now.as_micros(),
            expires: expires.map(Timestamp::as_micros),
            retired: None,
            generation: 0,
            last_use: None,
        };
        drop(new.secret);
        let change = Change::AddCredential {
            key_store: store.id.to_string(),
            access_key_id: row.access_key_id.clone(),
            expires: row.expires,
        };
        let view = view(&row, None);
        self.change(actor, change, move |warden, change| async move {
            let known = warden.rows_of_credentials().await?;
            if known.iter().any(|known| known.access_key_id == row.access_key_id) {
                return Err(ManageError::Exists {
                    what: "credential",
                    name: row.access_key_id,
                });
            }
            let mut edit = Edit::begin(&warden, &change).await?;
            edit.credential(row).await?;
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
        let mut known = self.rows_of_credentials().await?.into_iter();
        let row = known.find(|row| row.key_store == store.id.as_str() && row.access_key_id == access_key_id);
        let row = row.ok_or_else(|| ManageError::not_found("credential", access_key_id))?;
        let retired = row.retired.unwrap_or(self.clerk.clock.now().as_micros());
        let row = CredentialRow {
            retired: Some(retired),
            ..row
        };
        let change = Change::RetireCredential {
            key_store: store.id.to_string(),
            access_key_id: access_key_id.to_owned(),
        };
        let view = view(&row, None);
        self.change(actor, change, move |warden, change| async move {
            let mut edit = Edit::begin(&warden, &change).await?;
            edit.credential(row).await?;
            edit.commit().await
        })
        .await?;
        Ok(view)
    }

    pub(super) async fn credential_views(
        &self,
        store: &KeyStore,
    ) -> Result<Vec<CredentialView>, ManageError> {
        let mut rows = self.rows_of_credentials().await?;
        rows.retain(|row| row.key_store == store.id.as_str());
        rows.sort_by_key(|row| row.created);
        let last_use = |row: &CredentialRow| {
            store
                .credentials
                .get(row.access_key_id.as_str())
                .and_then(|credential| credential.last_use.get())
        };
        Ok(rows.iter().map(|row| view(row, last_use(row))).collect())
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
