//! Connecting a cluster and letting go of it.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::ConnectionErrorCode;

use super::errors::connection_error_code;
use super::passwords;
use super::rules::check_for_connection;
use crate::Kms;
use crate::call::Call;
use crate::clusters::{Cluster, ConnectError, Passwords};
use crate::error::Failure;
use crate::state::CustomKeyStore;
use crate::state::record::Connection;

/// Where a transition ends.
pub(in crate::key_stores) struct Arrival {
    /// The state.
    pub(in crate::key_stores) connection: Connection,
    /// The store's secret, if it is another from now on.
    pub(in crate::key_stores) secret: Option<Arc<SecretBytes>>,
}

impl From<Connection> for Arrival {
    fn from(connection: Connection) -> Self {
        Self {
            connection,
            secret: None,
        }
    }
}

impl From<ConnectionErrorCode> for Arrival {
    fn from(code: ConnectionErrorCode) -> Self {
        Connection::Failed(code.as_str().to_owned()).into()
    }
}

impl Call<'_> {
    /// What keeps a cluster from being connected and shows at once: then the store stays
    /// `DISCONNECTED`. That there is no such cluster shows later (`CLUSTER_NOT_FOUND`).
    pub(in crate::key_stores) async fn check_cluster_for_connection(
        &self,
        store: &CustomKeyStore,
    ) -> Result<(), Failure> {
        match self.kms.cluster_of(&store.record) {
            Some(cluster) => Ok(check_for_connection(&*cluster).await?),
            None => Ok(()),
        }
    }
}

impl Kms {
    /// Logs in as `kmsuser` and gives it a password that nobody else knows.
    pub(in crate::key_stores) async fn try_to_connect_cluster(&self, id: &str) -> Arrival {
        let store = self.state().read().custom_key_store(id).map(Arc::clone);
        let Some(store) = store else {
            return Connection::Disconnected.into();
        };
        let Some(cluster) = self.cluster_of(&store.record) else {
            return ConnectionErrorCode::ClusterNotFound.into();
        };
        let Some(passwords) = passwords::of(&store) else {
            tracing::error!(custom_key_store = id, "the store's passwords cannot be read");
            return ConnectionErrorCode::InternalError.into();
        };
        match self.log_in(&store, &*cluster, passwords).await {
            Ok(secret) => Arrival {
                connection: Connection::Connected,
                secret,
            },
            Err(error) => {
                tracing::warn!(custom_key_store = id, reason = %error, "the CloudHSM cluster was not connected");
                cluster.disconnect().await;
                connection_error_code(&error).into()
            }
        }
    }

    /// The store's secret after the change of password, if there was one.
    async fn log_in(
        &self,
        store: &Arc<CustomKeyStore>,
        cluster: &dyn Cluster,
        passwords: Passwords,
    ) -> Result<Option<Arc<SecretBytes>>, ConnectError> {
        cluster.connect(passwords.clone()).await?;
        if !cluster.rotates_password() {
            return Ok(None);
        }
        // A change that was cut off goes on to the same password: some HSMs may have it already.
        let next = match &passwords.next {
            Some(next) => Arc::clone(next),
            None => self.prepare_password(store, passwords.current).await?,
        };
        cluster.change_password(Arc::clone(&next)).await?;
        let changed = Passwords {
            current: next,
            next: None,
        };
        Ok(passwords::to_secret(&changed))
    }

    /// A new password, durable beside the one in force before any HSM hears of it.
    async fn prepare_password(
        &self,
        store: &Arc<CustomKeyStore>,
        current: Arc<SecretBytes>,
    ) -> Result<Arc<SecretBytes>, ConnectError> {
        let internal = |error: &dyn std::fmt::Display| ConnectError::InternalError(error.to_string());
        let next = Arc::new(passwords::fresh(self.random()).map_err(|error| internal(&error))?);
        let both = Passwords {
            current,
            next: Some(Arc::clone(&next)),
        };
        let secret = passwords::to_secret(&both).ok_or_else(|| internal(&"a password is too long"))?;
        let mut edit = self.state().edit().await;
        let now = self
            .state()
            .read()
            .custom_key_store(&store.record.id)
            .map(Arc::clone);
        if !now.is_some_and(|now| Arc::ptr_eq(&now, store)) {
            return Err(internal(&"the custom key store changed meanwhile"));
        }
        edit.put_custom_key_store((*store.record).clone(), secret)
            .map_err(|error| internal(&error))?;
        edit.commit().await.map_err(|error| internal(&error))?;
        Ok(next)
    }

    /// Logs out, if there is a cluster.
    pub(in crate::key_stores) async fn disconnect_cluster(&self, id: &str) {
        let store = self.state().read().custom_key_store(id).map(Arc::clone);
        if let Some(cluster) = store.and_then(|store| self.cluster_of(&store.record)) {
            cluster.disconnect().await;
        }
    }

    /// After a start: a store that was connected is, as soon as its HSMs are there.
    pub(in crate::key_stores) fn resume_cluster(&self, store: &CustomKeyStore) {
        if !store.is_connected() {
            return;
        }
        match (self.cluster_of(&store.record), passwords::of(store)) {
            (Some(cluster), Some(passwords)) => cluster.resume(passwords),
            (None, _) if store.record.cluster().is_some() => tracing::error!(
                custom_key_store = store.record.id,
                "the store's CloudHSM cluster is not in the configuration"
            ),
            _ => {}
        }
    }
}
