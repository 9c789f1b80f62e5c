//! What a custom key store has in memory alone: its client, its faults to order, its transition.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use sigv4::SecretAccessKey;
use tokio::task::JoinHandle;
use xks_client::{Credential, Endpoint, FaultSwitch, ProxyClient};

use super::KeyStores;
use super::vpc;
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

impl KeyStores {
    /// What a store has in memory; made where there is nothing yet.
    pub(super) fn runtime(&self, id: &str) -> Arc<Runtime> {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        match runtimes.get(id) {
            Some(runtime) => Arc::clone(runtime),
            None => Arc::clone(runtimes.entry(id.to_owned()).or_default()),
        }
    }

    pub(super) fn forget(&self, id: &str) {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes.remove(id);
    }

    /// Makes a new client for a store as it is now: after a start, a creation, an update.
    pub(super) fn renew_client(&self, store: &CustomKeyStore) {
        let runtime = self.runtime(&store.record.id);
        let client = self.client_for(store, &runtime.faults);
        runtime.client.store(client.map(Arc::new));
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
