//! The HSM clusters of AWS CloudHSM key stores, as tokens of PKCS#11 modules: what the KMS endpoint's
//! port ([`kms::clusters`]) is given.
//!
//! A cluster is what the configuration declares as one. Its HSMs are tokens that hold the same keys:
//! usually one token, behind which the vendor's module keeps a whole cluster (as AWS CloudHSM's and
//! Luna's do); or several that the vendor keeps in step. Nothing here copies keys between tokens, for a
//! key that could be copied would not be the non-extractable one that KMS promises. `kmsuser` is the
//! normal user of each token, and its password the PIN.

mod cluster;
mod config;
mod errors;
mod hsm;

use std::collections::BTreeMap;
use std::sync::Arc;

use ambient::{Clock, Random};
use kms::clusters::{Cluster, Clusters};
use pkcs11::WorkerCommand;

use cluster::DeclaredCluster;
pub use config::ClusterConfig;

/// Every cluster of the configuration.
pub(crate) struct DeclaredClusters(BTreeMap<String, Arc<DeclaredCluster>>);

impl DeclaredClusters {
    /// Reads the trust anchors and profiles. Nothing is asked of any HSM.
    pub(crate) fn new(
        configs: &[ClusterConfig],
        worker: &WorkerCommand,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        let declared = |config: &ClusterConfig| {
            let cluster = DeclaredCluster::new(config, worker, clock, random)?;
            Ok((config.id.clone(), Arc::new(cluster)))
        };
        configs
            .iter()
            .map(declared)
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// Ends every session. A module may not bear a process that ends before them.
    pub(crate) async fn close(&self) {
        for cluster in self.0.values() {
            cluster.disconnect().await;
        }
    }
}

impl Clusters for DeclaredClusters {
    fn find(&self, id: &str) -> Option<Arc<dyn Cluster>> {
        self.0
            .get(id)
            .map(|cluster| Arc::clone(cluster) as Arc<dyn Cluster>)
    }
}
