//! What a custom key store has in memory alone: its client, its faults to order, its transition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use sigv4::SecretAccessKey;
use tokio::task::JoinHandle;
use xks_client::{Credential, Endpoint, FaultSwitch, ProxyClient};

use super::KeyStores;
use super::vpc;
use crate::Kms;
use crate::state::record::{Connectivity, CustomKeyStoreRecord};
use crate::state::{CustomKeyStore, Realm};

/// One store's.
#[derive(Default)]
pub(super) struct Runtime {
    /// `None` if there is no way to the proxy: its VPC endpoint service is gone from the
    /// configuration.
    client: ArcSwapOption<ProxyClient>,
    /// Survives changes of the store.
    pub(super) faults: FaultSwitch,
    /// Connecting or disconnecting.
    transition: Mutex<Option<JoinHandle<()>>>,
}

impl Runtime {
    pub(super) fn client(&self) -> Option<Arc<ProxyClient>> {
        self.client.load_full()
    }

    /// Takes the place of the transition under way, which ends where it stands.
    pub(super) fn begin(&self, transition: JoinHandle<()>) {
        let before = self
            .transition
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(transition);
        if let Some(before) = before {
            before.abort();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let transition = self.transition.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(transition) = transition {
            transition.abort();
        }
    }
}

impl Kms {
    /// Brings a store's part in memory up to what the store is now: after a start and after every
    /// change. Of two changes at once the later shows, whoever comes here last.
    pub(super) fn renew_runtime(&self, id: &str) {
        let key_stores = self.key_stores();
        let mut runtimes = key_stores.lock();
        let Some(store) = self.state().read().custom_key_store(id).map(Arc::clone) else {
            runtimes.remove(id);
            return;
        };
        let runtime = runtimes.entry(id.to_owned()).or_default();
        let client = key_stores.client_for(&store, &runtime.faults);
        // Connections of the client before are closed when the last request on it has its answer.
        runtime.client.store(client.map(Arc::new));
    }
}

impl KeyStores {
    /// What a store has in memory: nothing, if there is no such store.
    pub(super) fn runtime(&self, id: &str) -> Arc<Runtime> {
        self.lock().get(id).map(Arc::clone).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Runtime>>> {
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client for these settings, which need not be in force yet.
    pub(super) fn client_for(&self, store: &CustomKeyStore, faults: &FaultSwitch) -> Option<ProxyClient> {
        let record = &store.record;
        let host = host_of(&record.uri_endpoint);
        let address = match &record.connectivity {
            Connectivity::PublicEndpoint => None,
            Connectivity::VpcEndpointService { service_name, .. } => {
                let services = &self.config.vpc_endpoint_services;
                let service = vpc::find(services, &record.realm, service_name, owner_of(record))?;
                Some(service.address.clone())
            }
        };
        let endpoint = Endpoint {
            server: host.parse().ok()?,
            uri_path: record.uri_path.clone(),
            address,
            region: record.realm.region.to_string(),
        };
        let credential = Credential {
            access_key_id: record.access_key_id.parse().ok()?,
            secret: SecretAccessKey::from_bytes(store.secret.expose()),
        };
        Some(ProxyClient::new(
            &endpoint,
            Arc::new(credential),
            self.transport.clone(),
            faults.clone(),
        ))
    }
}

/// The host of an `XksProxyUriEndpoint`.
pub(super) fn host_of(uri_endpoint: &str) -> &str {
    uri_endpoint.strip_prefix("https://").unwrap_or(uri_endpoint)
}

/// Who owns a store's VPC endpoint service: the store's own account unless another is named.
pub(super) fn owner_of(record: &CustomKeyStoreRecord) -> kms_api::AccountId {
    let Realm { account, .. } = record.realm;
    match &record.connectivity {
        Connectivity::VpcEndpointService {
            service_owner: Some(owner),
            ..
        } => owner.parse().unwrap_or(account),
        Connectivity::VpcEndpointService { .. } | Connectivity::PublicEndpoint => account,
    }
}
