//! The key objects behind KMS keys.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::{ErrorName, KeySpec, KmsError};
use serde_json::{Value, json};

use super::errors::exception;
use super::rules::{check_for_creation, too_few_hsms};
use crate::Kms;
use crate::call::Call;
use crate::clusters::{Cluster, ClusterError, Encrypted, KeyName, ProvedKey};
use crate::error::Failure;
use crate::keys::{Admitted, CLUSTER_NOT_CONNECTED};
use crate::state::{CustomKeyStore, Key, KeyProof, MaterialId};

impl Call<'_> {
    /// Has the key object behind a KMS key encrypt.
    pub(crate) async fn encrypt_in_cluster(
        &mut self,
        admitted: &Admitted,
        material: MaterialId,
        plaintext: &[u8],
        aad: &[u8],
    ) -> Result<Encrypted, Failure> {
        let (store, cluster) = self.cluster_behind(admitted)?;
        self.count_encryption(&admitted.key).await?;
        let key = proved(&admitted.key, &material)?;
        let plaintext = SecretBytes::new(plaintext.to_vec());
        let answer = cluster.encrypt(key, plaintext, aad).await;
        let answer = answer.inspect_err(|error| say_if_another(key.name, error));
        let encrypted = self.answered_by_cluster(&store, answer)?;
        self.admit_again(admitted)?;
        Ok(encrypted)
    }

    /// Has the key object behind a KMS key decrypt. What is not authentic is
    /// `InvalidCiphertextException`, as under a key of KMS's own.
    pub(crate) async fn decrypt_in_cluster(
        &mut self,
        admitted: &Admitted,
        material: MaterialId,
        encrypted: Encrypted,
        aad: &[u8],
    ) -> Result<SecretBytes, Failure> {
        let (store, cluster) = self.cluster_behind(admitted)?;
        let key = proved(&admitted.key, &material)?;
        let answer = cluster.decrypt(key, encrypted, aad).await;
        let answer = answer.inspect_err(|error| say_if_another(key.name, error));
        let plaintext = self.answered_by_cluster(&store, answer)?;
        self.admit_again(admitted)?;
        Ok(plaintext)
    }

    /// Makes the key object of a KMS key that is to be, in a connected store; gives what it is known by.
    pub(crate) async fn generate_in_cluster(
        &mut self,
        store: &CustomKeyStore,
        arn: &str,
        material: MaterialId,
    ) -> Result<KeyProof, Failure> {
        let id = &store.record.id;
        let cluster = self.kms.cluster_of(&store.record).ok_or_else(too_few_hsms)?;
        check_for_creation(&*cluster).await?;
        let name = KeyName { arn, id: &material.0 };
        let answer = cluster.generate_key(name).await;
        self.answered_by_cluster(id, answer).map(KeyProof)
    }

    /// Takes back what [`Self::generate_in_cluster`] made, for a KMS key that did not come to be.
    pub(crate) async fn take_back_from_cluster(
        &self,
        store: &CustomKeyStore,
        arn: &str,
        material: MaterialId,
    ) {
        let Some(cluster) = self.kms.cluster_of(&store.record) else {
            return;
        };
        let name = KeyName { arn, id: &material.0 };
        if let Err(error) = cluster.delete_key(name).await {
            tracing::warn!(key = arn, reason = %error, "a key object without a KMS key stays in the CloudHSM cluster");
        }
    }

    /// Random bytes of a connected store's cluster (GenerateRandom).
    pub(crate) async fn random_in_cluster(
        &mut self,
        store: &CustomKeyStore,
        len: usize,
    ) -> Result<SecretBytes, Failure> {
        let id = &store.record.id;
        if !store.is_connected() {
            return Err(Failure::new(
                ErrorName::CustomKeyStoreInvalidStateException,
                CLUSTER_NOT_CONNECTED,
            ));
        }
        self.charge_store(id, None)?;
        let cluster = self
            .kms
            .cluster_of(&store.record)
            .ok_or_else(|| Failure::internal("the store's CloudHSM cluster is not in the configuration"))?;
        let answer = cluster.random(len).await;
        self.answered_by_cluster(id, answer)
    }

    /// The cluster behind a KMS key, once its store's quota allows one request more.
    fn cluster_behind(&self, admitted: &Admitted) -> Result<(String, Arc<dyn Cluster>), Failure> {
        let not_connected = || Failure::new(ErrorName::KmsInvalidStateException, CLUSTER_NOT_CONNECTED);
        let store = admitted.store.as_ref().ok_or_else(not_connected)?;
        let id = &store.record.id;
        // Looked at again: the store may have been disconnected since the key's state was.
        let current = self.kms.state().read().custom_key_store(id).map(Arc::clone);
        let store = current
            .filter(|store| store.is_connected())
            .ok_or_else(not_connected)?;
        self.charge_store(id, Some(KeySpec::SymmetricDefault))?;
        let cluster = self.kms.cluster_of(&store.record).ok_or_else(|| {
            let gone = ClusterError::Unreachable("it is not in the configuration".to_owned());
            exception(&gone, self.operation)
        })?;
        Ok((id.clone(), cluster))
    }

    fn charge_store(&self, id: &str, spec: Option<KeySpec>) -> Result<(), KmsError> {
        self.kms
            .quotas()
            .charge_key_store(id)
            .inspect_err(|_| self.kms.metrics().key_store_throttled(id, self.operation, spec))
    }

    /// Says in the log what failed, and makes AWS's exception of it.
    fn answered_by_cluster<T>(&self, store: &str, answer: Result<T, ClusterError>) -> Result<T, Failure> {
        answer.map_err(|error| {
            if error != ClusterError::NotAuthentic {
                let operation = self.operation.name();
                tracing::warn!(custom_key_store = store, operation, reason = %error, "the CloudHSM cluster failed");
            }
            exception(&error, self.operation).into()
        })
    }
}

fn proved<'a>(key: &'a Key, material: &'a MaterialId) -> Result<ProvedKey<'a>, Failure> {
    let name = KeyName {
        arn: &key.arn,
        id: &material.0,
    };
    let proof = key.record.proof.as_ref();
    let KeyProof(proof) = proof.ok_or_else(|| Failure::internal("a key in a cluster has no proof"))?;
    Ok(ProvedKey { name, proof })
}

/// Somebody who has the password of `kmsuser` exchanged an object: more than a failure that passes.
fn say_if_another(name: KeyName<'_>, error: &ClusterError) {
    if *error == ClusterError::AnotherKey {
        tracing::error!(
            key = name.arn,
            "the object of this KMS key in the CloudHSM cluster was exchanged for another key and is not used: \
             find out who has the password of kmsuser, and restore the object from a backup of the cluster"
        );
    }
}

impl Kms {
    /// Destroys the key object of a KMS key whose waiting period is over, if it can be reached; what
    /// became of it, for CloudTrail.
    pub(crate) async fn delete_from_cluster(&self, key: &Key) -> Vec<(String, Value)> {
        let origin = &key.record.origin;
        let store = origin.custom_key_store_id();
        let store = store.and_then(|id| self.state().read().custom_key_store(id).map(Arc::clone));
        let (Some(store), Some(backing)) = (store, origin.backing_key_id()) else {
            return Vec::new();
        };
        let deleted = self.try_to_delete(&store, &key.arn, backing).await;
        if let Err(error) = &deleted {
            tracing::warn!(
                key = %key.arn,
                reason = %error,
                "the key object of a deleted KMS key stays in the CloudHSM cluster"
            );
        }
        let status = if deleted.is_ok() { "SUCCESS" } else { "FAILURE" };
        let cluster = store.record.cluster().map(|cluster| cluster.cluster_id.as_str());
        let keys = json!([{ "backingKeyId": backing }]).to_string();
        let statuses = json!([{ "backingKeyId": backing, "deletionStatus": status }]).to_string();
        vec![
            ("clusterId".to_owned(), Value::from(cluster)),
            ("backingKeys".to_owned(), Value::from(keys)),
            ("backingKeysDeletionStatus".to_owned(), Value::from(statuses)),
        ]
    }

    async fn try_to_delete(
        &self,
        store: &CustomKeyStore,
        arn: &str,
        backing: &str,
    ) -> Result<(), ClusterError> {
        let unreachable = |why: &str| ClusterError::Unreachable(why.to_owned());
        if !store.is_connected() {
            return Err(unreachable("the custom key store is not connected"));
        }
        let cluster = self.cluster_of(&store.record);
        let cluster = cluster.ok_or_else(|| unreachable("it is not in the configuration"))?;
        let id = MaterialId::parse(backing).ok_or(ClusterError::KeyNotFound)?;
        cluster.delete_key(KeyName { arn, id: &id.0 }).await
    }
}
