//! ConnectCustomKeyStore, DisconnectCustomKeyStore, and what goes on behind them.

use std::sync::Arc;

use kms_api::{ErrorName, request, response};
use xks_api::kms_exception::connection_error_code;

use super::cloudhsm::Arrival;
use crate::Kms;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::error::Failure;
use crate::kms::WeakKms;
use crate::metrics::Purpose;
use crate::state::record::{Backing, Connection};
use crate::state::{CustomKeyStore, Edit, StateError};

/// Starts to connect a key store. The outcome is read with DescribeCustomKeyStores.
pub(crate) async fn connect(
    call: &mut Call<'_>,
    request: request::ConnectCustomKeyStore,
) -> Result<response::EmptyObject, Failure> {
    let _allowed = call.authorize("ConnectCustomKeyStore", &Resource::Any, &Extras::default())?;
    let store = call.key_store(&request.custom_key_store_id)?;
    if store.record.connection == Connection::Disconnected {
        call.check_cluster_for_connection(&store).await?;
    }
    let edit = call.kms.state().edit().await;
    let store = call.key_store(&request.custom_key_store_id)?;
    match store.record.connection {
        Connection::Disconnected => {}
        // Valid, and nothing to do (CustomKeyStoreInvalidStateException's own description).
        Connection::Connected | Connection::Connecting => return Ok(response::EmptyObject),
        Connection::Failed(_) => {
            return Err(invalid_state(
                "The custom key store is in the state FAILED. Disconnect it before you connect it again.",
            ));
        }
        Connection::Disconnecting => {
            return Err(invalid_state("The custom key store is being disconnected."));
        }
    }
    let edit = with_state(edit, &store, Connection::Connecting)?;
    call.kms
        .commit_key_store(edit, &store.record.id, &call.request_id)
        .await?;
    Ok(response::EmptyObject)
}

/// Starts to disconnect a key store.
pub(crate) async fn disconnect(
    call: &mut Call<'_>,
    request: request::DisconnectCustomKeyStore,
) -> Result<response::EmptyObject, Failure> {
    let _allowed = call.authorize("DisconnectCustomKeyStore", &Resource::Any, &Extras::default())?;
    let edit = call.kms.state().edit().await;
    let store = call.key_store(&request.custom_key_store_id)?;
    match store.record.connection {
        Connection::Connected | Connection::Connecting | Connection::Failed(_) => {}
        Connection::Disconnecting => {
            return Err(invalid_state(
                "The custom key store is already being disconnected.",
            ));
        }
        Connection::Disconnected => {
            return Err(invalid_state("The custom key store is not connected."));
        }
    }
    let edit = with_state(edit, &store, Connection::Disconnecting)?;
    call.kms
        .commit_key_store(edit, &store.record.id, &call.request_id)
        .await?;
    Ok(response::EmptyObject)
}

fn invalid_state(message: &'static str) -> Failure {
    Failure::new(ErrorName::CustomKeyStoreInvalidStateException, message)
}

fn with_state(mut edit: Edit, store: &CustomKeyStore, connection: Connection) -> Result<Edit, StateError> {
    let mut record = (*store.record).clone();
    record.connection = connection;
    edit.put_custom_key_store(record, Arc::clone(&store.secret))?;
    Ok(edit)
}

impl Kms {
    /// Starts what the store's state says is under way, in place of what was. Of two calls at once the
    /// later starts what the state is by then, whichever of them comes here last.
    pub(super) fn begin_transition(&self, id: &str, request_id: &str) {
        let (kms, id, request_id) = (self.downgrade(), id.to_owned(), request_id.to_owned());
        self.with_runtime(&id.clone(), |store, runtime| match store.record.connection {
            Connection::Connecting => runtime.begin(tokio::spawn(connecting(kms, id, request_id))),
            Connection::Disconnecting => runtime.begin(tokio::spawn(disconnecting(kms, id))),
            Connection::Connected | Connection::Failed(_) | Connection::Disconnected => {}
        });
    }

    /// Ends a transition: if the store is still `from`, it is `to`.
    async fn arrive(&self, id: &str, from: &Connection, to: Arrival) {
        let edit = self.state().edit().await;
        let store = self.state().read().custom_key_store(id).map(Arc::clone);
        let Some(store) = store.filter(|store| store.record.connection == *from) else {
            return;
        };
        let Arrival {
            connection: to,
            secret,
        } = to;
        let store = CustomKeyStore {
            record: Arc::clone(&store.record),
            secret: secret.unwrap_or_else(|| Arc::clone(&store.secret)),
        };
        let (disconnected, state) = (to == Connection::Disconnected, format!("{to:?}"));
        let stored = match with_state(edit, &store, to) {
            Ok(edit) => edit.commit().await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(()) => {
                tracing::info!(custom_key_store = id, state, "connection state");
                if disconnected {
                    // Lets go of the connections.
                    self.renew_runtime(id);
                }
            }
            // It stays as it was; a restart or a disconnect goes on from there.
            Err(error) => {
                tracing::error!(custom_key_store = id, state, %error, "a connection state was not stored");
            }
        }
    }

    /// What AWS does to connect a key store, the time that it takes aside.
    async fn try_to_connect(&self, id: &str, request_id: &str) -> Arrival {
        let store = self.state().read().custom_key_store(id).map(Arc::clone);
        let Some(store) = store else {
            return Connection::Disconnected.into();
        };
        let record = &store.record;
        let proxy = match &record.backing {
            Backing::ExternalKeyStore(proxy) => proxy,
            Backing::AwsCloudHsm(_) => return self.try_to_connect_cluster(id).await,
        };
        if let Some(Err(unfit)) = self.key_stores().fit_of_service(&record.realm, proxy) {
            return unfit.code().into();
        }
        let purpose = Purpose::Operation(kms_api::Operation::ConnectCustomKeyStore);
        let client = self.key_stores().runtime(id).client();
        match self.probe(id, client.as_deref(), purpose, request_id).await {
            Ok(()) => Connection::Connected.into(),
            Err(failure) => Connection::Failed(connection_error_code(failure).as_str().to_owned()).into(),
        }
    }
}

async fn connecting(kms: WeakKms, id: String, request_id: String) {
    let Some(duration) = kms.upgrade().map(|kms| kms.key_stores().config.connect_duration) else {
        return;
    };
    tokio::time::sleep(duration).await;
    let Some(kms) = kms.upgrade() else { return };
    let outcome = kms.try_to_connect(&id, &request_id).await;
    kms.arrive(&id, &Connection::Connecting, outcome).await;
    let connected = kms.state().read().custom_key_store(&id).map(Arc::clone);
    if !connected.is_some_and(|store| store.is_connected()) {
        // It failed, or somebody disconnected the store meanwhile: nothing stays logged in.
        kms.disconnect_cluster(&id).await;
    }
}

async fn disconnecting(kms: WeakKms, id: String) {
    let Some(duration) = kms
        .upgrade()
        .map(|kms| kms.key_stores().config.disconnect_duration)
    else {
        return;
    };
    tokio::time::sleep(duration).await;
    let Some(kms) = kms.upgrade() else { return };
    kms.disconnect_cluster(&id).await;
    kms.arrive(&id, &Connection::Disconnecting, Connection::Disconnected.into())
        .await;
}
