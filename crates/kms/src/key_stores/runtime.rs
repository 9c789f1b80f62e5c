//! What a custom key store has in memory alone: its client, its faults to order, its transition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::Timestamp;
use arc_swap::ArcSwapOption;
use sigv4::SecretAccessKey;
use tokio::task::JoinHandle;
use xks_client::{Credential, Endpoint, FaultSwitch, ProxyClient};

use super::KeyStores;
use super::vpc;
use crate::Kms;
use crate::state::record::{Connectivity, XksProxyRecord};
use crate::state::{CustomKeyStore, Edit, Realm, StateError};

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
    /// Makes a change of a store durable and brings memory up to it: its client, its transition, its
    /// metrics. That goes to its end even if whoever asked for it goes away.
    pub(super) async fn commit_key_store(
        &self,
        edit: Edit,
        id: &str,
        request_id: &str,
    ) -> Result<(), StateError> {
        let (kms, id, request_id) = (self.clone(), id.to_owned(), request_id.to_owned());
        let whole = async move {
            edit.commit().await?;
            kms.renew_runtime(&id);
            kms.begin_transition(&id, &request_id);
            Ok(())
        };
        // The task ends without a result only if the runtime goes down.
        tokio::spawn(whole).await.map_err(|_| StateError::ShuttingDown)?
    }

    /// Brings a store's client and metrics up to what the store is now. Of two changes at once the
    /// later shows, whichever comes here last.
    pub(super) fn renew_runtime(&self, id: &str) {
        let known = self.with_runtime(id, |store, runtime| {
            let client = self.key_stores().client_for(store, &runtime.faults);
            // Connections of the client before are closed when the last request on it has its answer.
            runtime.client.store(client.map(Arc::new));
            if let Some(proxy) = store.record.proxy() {
                let since = Timestamp::from_micros(proxy.credential_since);
                self.metrics().proxy_credential(id, since);
            }
        });
        if !known {
            self.metrics().forget_store(id);
        }
    }

    /// Does something with a store as it is now and with what it has in memory, alone; whether there
    /// is such a store. What a store that is gone had in memory is dropped.
    pub(super) fn with_runtime(&self, id: &str, act: impl FnOnce(&CustomKeyStore, &Runtime)) -> bool {
        let mut runtimes = self.key_stores().lock();
        let Some(store) = self.state().read().custom_key_store(id).map(Arc::clone) else {
            runtimes.remove(id);
            return false;
        };
        act(&store, runtimes.entry(id.to_owned()).or_default());
        true
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

    /// A client for these settings, which need not be in force yet; of an external key store.
    pub(super) fn client_for(&self, store: &CustomKeyStore, faults: &FaultSwitch) -> Option<ProxyClient> {
        let realm = &store.record.realm;
        let proxy = store.record.proxy()?;
        let host = host_of(&proxy.uri_endpoint);
        let address = match &proxy.connectivity {
            Connectivity::PublicEndpoint => None,
            Connectivity::VpcEndpointService { service_name, .. } => {
                let services = &self.config.vpc_endpoint_services;
                let service = vpc::find(services, realm, service_name, owner_of(realm, proxy))?;
                Some(service.address.clone())
            }
        };
        let endpoint = Endpoint {
            server: host.parse().ok()?,
            uri_path: proxy.uri_path.clone(),
            address,
            region: realm.region.to_string(),
        };
        let credential = Credential {
            access_key_id: proxy.access_key_id.parse().ok()?,
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
pub(super) fn owner_of(realm: &Realm, proxy: &XksProxyRecord) -> kms_api::AccountId {
    let Realm { account, .. } = *realm;
    match &proxy.connectivity {
        Connectivity::VpcEndpointService {
            service_owner: Some(owner),
            ..
        } => owner.parse().unwrap_or(account),
        Connectivity::VpcEndpointService { .. } | Connectivity::PublicEndpoint => account,
    }
}
