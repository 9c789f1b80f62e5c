//! Which cluster a key store can have.

use std::sync::Arc;

use kms_api::{ErrorName, KmsError};

use super::super::rules::others;
use crate::Kms;
use crate::clusters::{Cluster, Survey};
use crate::state::Model;

/// HSMs without which a key store is not connected.
const TO_CONNECT: usize = 1;

/// `CloudHsmClusterInvalidConfigurationException`.
pub(super) fn too_few_hsms() -> KmsError {
    KmsError::new(
        ErrorName::CloudHsmClusterInvalidConfigurationException,
        "The CloudHSM cluster of the custom key store does not have as many active HSMs as the operation needs.",
    )
}

impl Kms {
    /// The cluster of this id.
    pub(super) fn declared_cluster(&self, id: &str) -> Result<Arc<dyn Cluster>, KmsError> {
        self.key_stores().clusters.find(id).ok_or_else(|| {
            KmsError::new(
                ErrorName::CloudHsmClusterNotFoundException,
                "There is no CloudHSM cluster with this id in the account and Region.",
            )
        })
    }
}

/// Whether another key store has this cluster, or one of the same backup history.
pub(super) fn is_in_use(model: &Model, store_id: &str, cluster_id: &str, cluster: &dyn Cluster) -> bool {
    let mut taken = others(model, store_id).filter_map(|other| other.cluster());
    taken.any(|other| other.cluster_id == cluster_id || cluster.is_related_to(&other.cluster_id))
}

/// Whether a certificate is that of the cluster, however its lines are broken.
pub(super) fn is_trust_anchor(cluster: &dyn Cluster, certificate: &str) -> bool {
    normal(cluster.trust_anchor()).is_some_and(|anchor| normal(certificate) == Some(anchor))
}

/// The base64 of the first certificate of a PEM text.
fn normal(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let base64: String = base64
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    (!base64.is_empty()).then_some(base64)
}

/// Whether a cluster can be that of a key store, or have another key made in it.
pub(super) async fn check_for_creation(cluster: &dyn Cluster) -> Result<(), KmsError> {
    judge(cluster.survey().await, cluster.minimum_hsms())
}

/// Whether a cluster can be connected, as far as shows before a login.
pub(super) async fn check_for_connection(cluster: &dyn Cluster) -> Result<(), KmsError> {
    judge(cluster.survey().await, TO_CONNECT)
}

fn judge(survey: Survey, needed: usize) -> Result<(), KmsError> {
    if !survey.initialized {
        return Err(KmsError::new(
            ErrorName::CloudHsmClusterNotActiveException,
            "The CloudHSM cluster is not active. Initialize and activate it.",
        ));
    }
    if survey.active < needed {
        return Err(too_few_hsms());
    }
    Ok(())
}
