//! AWS CloudHSM key stores: what the operations on custom key stores do with a cluster, the login as
//! `kmsuser` with its change of password, and the key objects behind KMS keys.
//!
//! AWS KMS Developer Guide, "AWS CloudHSM key stores" and "Troubleshooting a custom key store".

mod connection;
mod counter;
mod create;
mod errors;
mod keys;
mod passwords;
mod rules;
mod update;

pub(super) use connection::Arrival;
pub(super) use create::create;
pub(super) use update::{Updated, update};

use std::sync::Arc;

use crate::Kms;
use crate::clusters::Cluster;
use crate::state::record::CustomKeyStoreRecord;

impl Kms {
    /// The cluster behind a store, if the store is of that type and the cluster is declared.
    pub(crate) fn cluster_of(&self, record: &CustomKeyStoreRecord) -> Option<Arc<dyn Cluster>> {
        self.key_stores().clusters.find(&record.cluster()?.cluster_id)
    }
}
