//! Custom key stores: the six operations, the connection state machine, health probes and polling,
//! what is asked of XKS proxies and of CloudHSM clusters, faults to order.
//!
//! What a store *is* lies in the state and outlives the process, its connection state included. What
//! it has in memory alone is its [`runtime`]: the client of its proxy, a transition under way, a
//! fault to order.

mod cloudhsm;
mod config;
mod connection;
mod create;
mod delete;
mod describe;
mod external;
mod faults;
mod poll;
mod probe;
mod rules;
mod runtime;
mod settings;
mod update;
mod vpc;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kms_api::{ErrorName, KmsError};
use xks_client::Transport;

pub use config::{KeyStoresConfig, LoadBalancerType, PrivateDnsNameState, VpcEndpointServiceConfig};
pub(crate) use connection::{connect, disconnect};
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use describe::describe;
pub use faults::{FaultKind, FaultView, NoSuchKeyStore, UnknownFault};
pub(crate) use update::update;

use crate::Kms;
use crate::call::Call;
use crate::clusters::Clusters;
use crate::state::CustomKeyStore;
use runtime::Runtime;

/// Every store's part in memory, and what they share.
pub(crate) struct KeyStores {
    config: KeyStoresConfig,
    transport: Transport,
    clusters: Arc<dyn Clusters>,
    runtimes: Mutex<HashMap<String, Arc<Runtime>>>,
}

impl KeyStores {
    pub(crate) fn new(config: KeyStoresConfig, transport: Transport, clusters: Arc<dyn Clusters>) -> Self {
        Self {
            config,
            transport,
            clusters,
            runtimes: Mutex::default(),
        }
    }
}

impl Kms {
    /// After a start: every store has its client, transitions go on, proxies are looked at.
    pub(crate) fn start_key_stores(&self) {
        let stores: Vec<Arc<CustomKeyStore>> =
            self.state().read().custom_key_stores().map(Arc::clone).collect();
        for store in stores {
            self.renew_runtime(&store.record.id);
            self.resume_cluster(&store);
            // Without randomness nothing else works either; the store stays where it was.
            if let Ok(request_id) = crate::id::uuid(self.random()) {
                self.begin_transition(&store.record.id, &request_id);
            }
        }
        let interval = self.key_stores().config.health_check_interval;
        drop(tokio::spawn(poll::run(self.downgrade(), interval)));
    }
}

impl Call<'_> {
    /// A custom key store of the caller's account in this Region, noted for the record.
    pub(crate) fn key_store(&mut self, id: &str) -> Result<Arc<CustomKeyStore>, KmsError> {
        let found = self.kms.state().read().custom_key_store(id).map(Arc::clone);
        let store = found
            .filter(|store| store.record.realm == self.realm)
            .ok_or_else(not_found)?;
        self.trail
            .additional("customKeyStoreName", store.record.name.as_str());
        if let Some(cluster) = store.record.cluster() {
            self.trail.additional("clusterId", cluster.cluster_id.as_str());
        }
        Ok(store)
    }
}

fn not_found() -> KmsError {
    KmsError::new(
        ErrorName::CustomKeyStoreNotFoundException,
        "There is no custom key store with this name or id in the account and Region.",
    )
}
